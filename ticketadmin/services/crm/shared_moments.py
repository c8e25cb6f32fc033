"""Moments that processes share in a row of `SharedState`, written and compared by the database's clock.

Machines may be a minute apart: by its own clock, one would keep to a wait of seconds a minute longer than the
machine that wrote it down, or not at all. What a process keeps in memory it counts by its monotonic clock.
"""

from dataclasses import dataclass
from datetime import datetime

from ticketadmin.models import Shared, SharedState
from ticketadmin.services.crm.clock import clock_column


@dataclass(frozen=True)
class SharedMoment:
    """A moment, None where none is kept, and how many seconds it was ahead when it was read (0: passed)."""

    at: datetime | None = None
    seconds_left: float = 0.0


def shared_moment(name: Shared, key: str) -> SharedMoment:
    """Return the moment that a row keeps under a key, by one query."""
    row = SharedState.objects.filter(name=name).annotate(now=clock_column()).first()
    text = row.value.get(key) if row else None
    if row is None or not text:
        return SharedMoment()
    at = datetime.fromisoformat(text)
    return SharedMoment(at, max(0.0, (at - row.now).total_seconds()))
