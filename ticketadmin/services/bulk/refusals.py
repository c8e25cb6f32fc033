"""Slowing a run down when the CRM refuses a call of any of its threads."""

from collections.abc import Iterator
from contextlib import contextmanager

from ticketadmin.services.bulk.pace import Pace
from ticketadmin.services.crm.connection import listen
from ticketadmin.services.crm.hold import ASKS_TO_WAIT
from ticketadmin.ticketapi.attempts import Call

TOO_MANY_REQUESTS = 429


@contextmanager
def slowed_by_refusals(pace: Pace) -> Iterator[None]:
    """Slow down at the first 429 that any thread of this process gets, also if a retry then succeeds.

    A Retry-After holds the run as a whole.
    """

    def listener(call: Call) -> None:
        is_asked = call.retry_after is not None and call.http_status in ASKS_TO_WAIT
        if is_asked or call.http_status == TOO_MANY_REQUESTS:
            pace.refused(call.retry_after)

    stop = listen(listener)
    try:
        yield
    finally:
        stop()
