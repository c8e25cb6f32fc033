"""Which workers live. A worker beats every few seconds; one that has been silent for long is gone."""

from datetime import timedelta

from django.utils import timezone

from ticketadmin.models import Heartbeat

SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(days=1)


def beat(name: str) -> None:
    """Say that this worker lives, and forget those that went long ago."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(
        name=name, defaults={"beat_at": now}, create_defaults={"started_at": now, "beat_at": now}
    )
    Heartbeat.objects.filter(beat_at__lt=now - FORGOTTEN_AFTER).delete()


def end(name: str) -> None:
    """Say that this worker ended in order."""
    Heartbeat.objects.filter(name=name).delete()


def living() -> list[Heartbeat]:
    """Return the workers that were heard of lately."""
    return list(Heartbeat.objects.filter(beat_at__gte=timezone.now() - SILENT_AFTER).order_by("name"))
