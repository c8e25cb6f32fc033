"""How fast a run may go, and when it has to pause by itself. Pure state; the clock is passed in.

A 429 slows the whole run: nothing is sent before its Retry-After has passed, and fewer items are in
flight afterwards, growing again one by one. Consecutive failures with one cause pause it, rather than
burn through the list.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from ticketadmin.ticketapi.reasons import Cause, Reason

FIRST_RUN_WAIT, MAX_RUN_WAIT = 1.0, 30.0
CATCH_UP = 0.1  # seconds of delay that later starts may catch up; more would be a burst over the limit


class Pace:
    """When the next item may start. `per_second` bounds requests; an item makes `calls` of them."""

    def __init__(
        self,
        per_second: float | None,
        *,
        calls: int,
        most: int = 4,
        held_until: datetime | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_second = per_second
        self.slowed_until: datetime | None = held_until
        self._calls, self._clock = calls, clock
        self._next = self._held_until = 0.0
        asked = (held_until - timezone.now()).total_seconds() if held_until else 0.0
        self._asked_until = clock() + asked
        self._backoff = FIRST_RUN_WAIT
        self._limit: float | None = None
        self._busiest = most
        self._lock = threading.Lock()

    def in_flight(self, most: int) -> int:
        """Return how many items may be in flight now, at most `most`."""
        return most if self._limit is None else max(1, min(most, int(self._limit)))

    def may_start(self, *, calls: int | None = None) -> bool:
        """Return whether an item may start now, and count it as started if so, with `calls` if given."""
        if self.wait() > 0:
            return False
        self.count(self._calls if calls is None else calls)
        return True

    def count(self, calls: int) -> None:
        """Count calls against the limit, which later items wait for; from any thread."""
        if self.per_second:
            with self._lock:
                self._next = max(self._next, self._clock() - CATCH_UP) + calls / self.per_second

    def wait(self) -> float:
        """Return the seconds until an item may start."""
        return max(0.0, max(self._next, self._held_until, self._asked_until) - self._clock())

    def note(self, reason: str, *, in_flight: int) -> None:
        """Take a finished item into account: its reason, "" without a failure; `in_flight` were under way."""
        self._busiest = in_flight
        if reason == Reason.RATE_LIMITED:
            self.refused()
        else:
            self._speed_up()

    @property
    def held_for(self) -> float:
        """Return the seconds for which the CRM still asks not to be called; read from any thread."""
        return max(0.0, self._asked_until - self._clock())

    def refused(self, retry_after: float | None = None) -> None:
        """Record that the CRM asked to wait; called from any thread.

        Simultaneous refusals slow the run once. A Retry-After, in seconds, always holds it.
        """
        with self._lock:
            if self._clock() >= self._asked_until:
                self._limit = max(1.0, (self._limit or self._busiest) / 2)
                self._ask_for(self._backoff if retry_after is None else retry_after)
                self._backoff = min(MAX_RUN_WAIT, self._backoff * 2)
            elif retry_after is not None:
                self._ask_for(retry_after)

    def _ask_for(self, seconds: float) -> None:
        until = self._clock() + seconds
        if until > self._asked_until:
            self._asked_until = until
            self.slowed_until = timezone.now() + timedelta(seconds=seconds)

    def hold(self, seconds: float) -> None:
        """Start nothing for some seconds."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)

    def _speed_up(self) -> None:
        with self._lock:
            if self._limit is None or self._clock() < self._asked_until:
                return
            self._limit += 1 / self._limit
            self._backoff = max(FIRST_RUN_WAIT, self._backoff * 0.9)
            self.slowed_until = None


class Trouble:
    """Counts consecutive failures by cause."""

    def __init__(self) -> None:
        self._in_a_row: dict[Cause, list[object]] = {cause: [] for cause in Cause}

    def note(self, reason: str, ticket: object) -> str:
        """Count one finished item and return the cause that should pause the run, or "".

        An error of the CRM itself may be due to one ticket, which is tried again: it counts once.
        """
        known = Reason.known(reason)
        for cause, failed in self._in_a_row.items():
            if known is None or known.pauses is not cause:
                failed.clear()
            elif not known.may_be_one_ticket or ticket not in failed:
                failed.append(ticket)
            if len(failed) >= cause.limit:
                return cause
        return ""
