"""Heartbeats of workers: written every few seconds; a worker without a recent one counts as dead.

Times are the database's, so that it makes no difference if a worker's machine has a wrong clock.
"""

from datetime import timedelta

from django.db.models import QuerySet

from ticketadmin.models import Heartbeat, Prepared
from ticketadmin.services.crm.clock import PreparedClock, clock_column

SILENT_AFTER = timedelta(seconds=30)
HEARTBEATS_KEPT_FOR = timedelta(days=1)


def beat(name: str) -> None:
    """Record this worker's heartbeat, and delete old ones."""
    now = clock_column()
    Heartbeat.objects.update_or_create(
        name=name, defaults={"beat_at": now}, create_defaults={"started_at": now, "beat_at": now}
    )
    Heartbeat.objects.filter(beat_at__lt=now - HEARTBEATS_KEPT_FOR).delete()


def end(name: str) -> None:
    """Delete this worker's heartbeat after an orderly shutdown."""
    Heartbeat.objects.filter(name=name).delete()


def living() -> list[Heartbeat]:
    """Return the workers with a recent heartbeat."""
    return _LIVING.rows()


def living_rows() -> QuerySet[Heartbeat]:
    """Return the same rows for use in a prepared query."""
    return Heartbeat.objects.filter(beat_at__gte=PreparedClock() - SILENT_AFTER).order_by("name")


_LIVING = Prepared(living_rows)
