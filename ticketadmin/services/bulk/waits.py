"""How long one ticket of a run waits before it is tried or looked at again. The pace of the run is `pace`."""

from datetime import timedelta

from ticketadmin.ticketapi.reasons import Reason

MAX_LOOKS = 4  # at a ticket that cannot be read, once reading it would tell what was stored
ITEM_LOOK_INTERVAL = timedelta(seconds=2)
NOT_TRIED = frozenset({Reason.CIRCUIT_OPEN, Reason.BUSY_HERE})  # nothing left this tool
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
