"""How long one ticket of a run waits before it is tried or read again. The run's own pace is in `pace`."""

from datetime import timedelta

from django.utils import timezone

from ticketadmin.models import BulkItem
from ticketadmin.ticketapi.reasons import Reason

MAX_ITEM_ATTEMPTS = 6
MAX_LOOKS = 4  # at a ticket that cannot be read, once reading it would show what was stored
ITEM_LOOK_INTERVAL = timedelta(seconds=2)
NOT_TRIED = frozenset({Reason.CIRCUIT_OPEN, Reason.BUSY_HERE})  # no request left this tool
# Seconds, after a failure of the ticket's own: doubled each time, up to the second one.
FIRST_TICKET_WAIT, MAX_TICKET_WAIT = 0.5, 30.0
FIRST_WAIT_FOR_A_LOCK, MAX_WAIT_FOR_A_LOCK = 5.0, 60.0


def wait_after(attempts: int, reason: Reason | None = None) -> timedelta:
    """Return how long a ticket waits after so many failed attempts. After a 429 the run waits as a whole."""
    if reason is Reason.RATE_LIMITED:
        return timedelta(0)
    first, longest = FIRST_TICKET_WAIT, MAX_TICKET_WAIT
    if reason is Reason.LOCKED:
        first, longest = FIRST_WAIT_FOR_A_LOCK, MAX_WAIT_FOR_A_LOCK
    return timedelta(seconds=min(longest, first * 2 ** (attempts - 1)))


def may_try_again(item: BulkItem, reason: str, retry_after: float | None = None) -> bool:
    """Put the item back, unless it has been tried too often. It waits by itself, so that others continue.

    If no request left this product, that is not an attempt. After a 429 the run waits as a whole.
    """
    known = Reason.known(reason)
    if known in NOT_TRIED:
        item.wait_again()
        return True
    item.attempts += 1
    if item.attempts >= MAX_ITEM_ATTEMPTS:
        return False
    wait = timedelta(seconds=retry_after) if retry_after is not None else wait_after(item.attempts, known)
    item.wait_again(timezone.now() + wait)
    return True
