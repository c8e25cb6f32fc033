"""The circuit breaker: no process calls a CRM that does not answer.

After a few consecutive failures which mean that the CRM is down, every process stops calling it for some
seconds: a page then costs one query. After that, one call is let through as a probe; its success closes the
circuit. Any answer, even a refusal, counts as a success, so a ticket that fails by itself never opens it.
"""

import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import DatabaseError

from ticketadmin.models import Shared, SharedState
from ticketadmin.services.crm.clock import SharedMoment, database_now, shared_moment
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

GATEWAY_DOWN = frozenset({502, 503, 504})
MAX_FAILURES_IN_A_ROW = 5  # attempts in a row, in one process: more than one call makes with its retries
OPEN_FOR = timedelta(seconds=8)
PROBE_FOR = timedelta(seconds=5)  # for which the others wait for the result of a probe
BELIEVED_FOR = 0.5  # seconds for which a process relies on its last look at the row


class CircuitBreaker:
    """One process's view of the shared circuit: checked before each attempt, updated after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._looked_at = float("-inf")
        self._open_until: datetime | None = None  # as the row has it
        self._probe_at = 0.0  # the same by this process's monotonic clock

    def refuse_while_open(self) -> None:
        """Raise Unavailable (circuit_open) unless an attempt may be made now, if only as the one probe."""
        if self._is_open():
            raise Unavailable(Reason.CIRCUIT_OPEN)

    def note(self, call: Call) -> None:
        """Learn from an attempt."""
        is_silent = (call.reason and call.reason.is_silence) or call.http_status in GATEWAY_DOWN
        if is_silent and call.method != "GET":  # only this write may be slow: neither a failure nor a success
            return
        failed = is_silent or bool(call.reason and call.reason.is_unreachable)
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            opens = self._failures >= MAX_FAILURES_IN_A_ROW or (failed and self._open_until is not None)
            closes = not failed and self._open_until is not None
        if opens:
            self._keep(OPEN_FOR)
        elif closes:
            self._keep(None)

    def _is_open(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at > BELIEVED_FOR:
            self._looked_at = now
            kept = circuit()
            self._open_until, self._probe_at = kept.at, now + kept.seconds_left
        if self._open_until is None:
            return False
        return self._probe_at > now or not self._may_probe(self._open_until)

    def _may_probe(self, until: datetime) -> bool:
        """Take the one probe that is due, unless another process was faster."""
        due = SharedState.objects.filter(name=Shared.CIRCUIT, value=_value(until))
        return bool(due.update(value=_value(self._opened(PROBE_FOR))))

    def _keep(self, open_for: timedelta | None) -> None:
        until = None
        with suppress(DatabaseError):  # without the database nothing is shared, and nothing else works either
            until = self._opened(open_for) if open_for else None
            SharedState.objects.update_or_create(name=Shared.CIRCUIT, defaults={"value": _value(until)})
        self._open_until = until

    def _opened(self, open_for: timedelta) -> datetime:
        """Open it in this process. Return until when, by the database's clock."""
        self._probe_at = time.monotonic() + open_for.total_seconds()
        self._open_until = database_now() + open_for
        return self._open_until


def circuit() -> SharedMoment:
    """Return until when the circuit is open: no moment means closed, a past one that a probe is due."""
    return shared_moment(Shared.CIRCUIT, "open_until")


def _value(until: datetime | None) -> dict[str, str | None]:
    return {"open_until": until.isoformat() if until else None}
