"""The database's clock: it orders reads of the CRM, and moments that processes share are compared by it.

The clocks of machines may differ by a minute; there is one database. By its own clock, a machine might wait
a minute longer than the one that stored the wait, or not at all. On PostgreSQL the database's clock is
read, on SQLite all processes share the machine's. What a process keeps in memory it counts by its monotonic
clock.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func, Value
from django.db.models.expressions import Combinable
from django.utils import timezone

from ticketadmin.models import Shared, SharedState, Slot


def database_now() -> datetime:
    """Return the present time, aware, comparable between all processes. One short query on PostgreSQL."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


class CountedClock:
    """The database's time, read once in a while and counted by this process's own clock in between.

    It is never ahead of the database's clock, and behind it by no more than the time that reading it took.
    Any thread may use it.
    """

    ASKED_EVERY = 10.0  # seconds

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: tuple[datetime, float] | None = None  # the answer, and when it had arrived

    def now(self) -> datetime:
        """Return the present time, as `database_now` does; most calls make no query."""
        if connection.vendor != "postgresql":
            return timezone.now()
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked[1] > self.ASKED_EVERY:
                self._asked = database_now(), time.monotonic()
            at, arrived = self._asked
            return at + timedelta(seconds=time.monotonic() - arrived)


# The clock that says when reads of this thread begin.
reading_clock: ContextVar[Callable[[], datetime]] = ContextVar("reading_clock", default=database_now)


def clock_column() -> Combinable:
    """Return the same time as the value of an update, or a column of a query: no query of its own."""
    if connection.vendor != "postgresql":
        return Value(timezone.now(), output_field=DateTimeField())
    return Func(function="clock_timestamp", output_field=DateTimeField())


class PreparedClock(Slot):
    """The same time in a prepared query."""

    def __init__(self) -> None:
        super().__init__("", DateTimeField())

    def as_postgresql(self, _compiler: Any, _connection: Any) -> tuple[str, list[Any]]:
        """Return the call of the database's own clock."""
        return "clock_timestamp()", []

    def value(self, values: dict[str, object], connection: Any) -> Any:
        """Return the machine's time, as the database takes it."""
        return self.output_field.get_db_prep_value(timezone.now(), connection)


@dataclass(frozen=True)
class SharedMoment:
    """A moment, None if none is kept, and how many seconds it was ahead when it was read (0: passed)."""

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
