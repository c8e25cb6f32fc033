"""Leaving a dead CRM alone, and never asking it more often than it was agreed. Shared by all processes.

After a few failures in a row that mean "nobody is there", every process stops calling for some
seconds: a page then costs nothing but the look at a row. When the time is over, one call is let
through as a probe; its success closes the circuit. An answer of any kind, even a refusal, is a sign
of life, so a ticket that fails by itself never opens it.

TICKET_API_MAX_PER_SECOND spaces the calls of all processes by one row's next free moment.
"""

import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from ticketadmin.models import RemoteSnapshot
from ticketadmin.services.crm.hold import ASKS_TO_WAIT, keep_asked_to_wait, refuse_while_held
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

CIRCUIT, PACE = "circuit", "pace"
GATEWAY_DOWN = frozenset({502, 503, 504})
FAILURES = 5  # attempts in a row, in one process: more than one call makes with its retries
OPEN_FOR = timedelta(seconds=8)
PROBE_FOR = timedelta(seconds=5)  # the others wait so long for what a probe finds
BELIEVED_FOR = 0.5  # seconds between two looks at the row, in one process


class Circuit:
    """One process's view of the shared circuit; asked before and told after each attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._looked_at = float("-inf")
        self._open_until: datetime | None = None

    def enter(self, *, within: float, places: int = 1) -> None:
        """Return when an attempt may be made. Raises Unavailable: circuit_open, or busy_here."""
        refuse_while_held()
        if self._is_open():
            raise Unavailable(Reason.CIRCUIT_OPEN)
        if settings.TICKET_API_MAX_PER_SECOND > 0 and places > 0:
            _wait_for_turn(within, places)

    def note(self, call: Call) -> None:
        """Learn from an attempt."""
        if call.retry_after and call.http_status in ASKS_TO_WAIT:
            with suppress(DatabaseError):
                keep_asked_to_wait(call.retry_after)
        is_silent = (call.reason and call.reason.is_silence) or call.http_status in GATEWAY_DOWN
        if is_silent and call.method != "GET":  # it may be that write alone which takes too long
            return
        failed = is_silent or bool(call.reason and call.reason.is_unreachable)
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            opens = self._failures >= FAILURES or (failed and self._open_until is not None)
            closes = not failed and self._open_until is not None
        if opens:
            self._keep(timezone.now() + OPEN_FOR)
        elif closes:
            self._keep(None)

    def _is_open(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at > BELIEVED_FOR:
            self._looked_at = now
            self._open_until = open_until()
        if self._open_until is None:
            return False
        return self._open_until > timezone.now() or not self._may_probe(self._open_until)

    def _may_probe(self, until: datetime) -> bool:
        """Take the one probe that is due, unless another process was faster."""
        probing = timezone.now() + PROBE_FOR
        row = RemoteSnapshot.objects.filter(name=CIRCUIT, value={"open_until": until.isoformat()})
        is_ours = bool(row.update(value={"open_until": probing.isoformat()}))
        self._open_until = probing
        return is_ours

    def _keep(self, until: datetime | None) -> None:
        self._open_until = until
        value = {"open_until": until.isoformat() if until else None}
        try:
            RemoteSnapshot.objects.update_or_create(
                name=CIRCUIT, defaults={"value": value, "fetched_at": timezone.now()}
            )
        except DatabaseError:  # without the database nothing is shared, and nothing else works either
            return


def open_until() -> datetime | None:
    """Return until when the CRM is left alone; None where it is not, a past moment where a probe is due."""
    row = RemoteSnapshot.objects.filter(name=CIRCUIT).first()
    until = row.value.get("open_until") if row else None
    return datetime.fromisoformat(until) if until else None


def _wait_for_turn(within: float, places: int) -> None:
    """Wait for the first of some places in a row; the calls that follow it need not wait for theirs."""
    step = timedelta(seconds=places / settings.TICKET_API_MAX_PER_SECOND)
    with transaction.atomic():
        RemoteSnapshot.objects.get_or_create(name=PACE, defaults={"fetched_at": timezone.now()})
        row = RemoteSnapshot.objects.select_for_update().get(name=PACE)
        now = timezone.now()
        turn = max(now, datetime.fromisoformat(row.value["next"])) if "next" in row.value else now
        wait = (turn - now).total_seconds()
        if wait >= within:
            raise Unavailable(Reason.BUSY_HERE)
        row.value, row.fetched_at = {"next": (turn + step).isoformat()}, now
        row.save()
    time.sleep(wait)
