"""Holds on calls: while the CRM asked to wait, work in the background sends nothing.

A bulk run holds its own threads. A Retry-After that any process gets is also kept in the database, and holds
the reads of the index in every worker. Other work is not held: a user who saves one ticket gets the CRM's own
answer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction

from ticketadmin.models import Shared, SharedState
from ticketadmin.services.crm.clock import database_now, shared_moment
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

ASKS_TO_WAIT = frozenset({429, 503})  # statuses whose Retry-After concerns all calls, not one ticket

# Returns the seconds for which this thread's work is held, 0 if it is not.
held_back: ContextVar[Callable[[], float]] = ContextVar("held_back", default=lambda: 0.0)


def refuse_while_held() -> None:
    """Raise Unavailable (busy_here) where the work of this thread is held."""
    seconds = held_back.get()()
    if seconds > 0:
        raise Unavailable(Reason.BUSY_HERE, retry_after=seconds)


@contextmanager
def held_while_asked_to_wait() -> Iterator[None]:
    """Hold the calls made within, each as long as the CRM asked any process to wait."""
    token = held_back.set(asked_to_wait)
    try:
        yield
    finally:
        held_back.reset(token)


def asked_to_wait() -> float:
    """Return the seconds for which the CRM still asks not to be called, 0 if it does not."""
    return shared_moment(Shared.ASKED_TO_WAIT, "until").seconds_left


def note_wait(call: Call) -> None:
    """Record that the CRM asked to wait, if it did; the latest moment named to any process counts."""
    if not call.retry_after or call.http_status not in ASKS_TO_WAIT:
        return
    with suppress(DatabaseError), transaction.atomic():
        until = database_now() + timedelta(seconds=call.retry_after)
        row = SharedState.objects.locked(Shared.ASKED_TO_WAIT)
        if "until" not in row.value or datetime.fromisoformat(row.value["until"]) < until:
            row.value = {"until": until.isoformat()}
            row.save()
