"""Heartbeats of workers: written every few seconds; a worker without a recent one counts as dead."""

from datetime import timedelta

from django.utils import timezone

from ticketadmin.models import Heartbeat

SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(days=1)


def beat(name: str) -> None:
    """Record this worker's heartbeat, and delete old ones."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(
        name=name, defaults={"beat_at": now}, create_defaults={"started_at": now, "beat_at": now}
    )
    Heartbeat.objects.filter(beat_at__lt=now - FORGOTTEN_AFTER).delete()


def end(name: str) -> None:
    """Delete this worker's heartbeat: it shut down in order."""
    Heartbeat.objects.filter(name=name).delete()


def living() -> list[Heartbeat]:
    """Return the workers with a recent heartbeat."""
    return list(Heartbeat.objects.filter(beat_at__gte=timezone.now() - SILENT_AFTER).order_by("name"))
