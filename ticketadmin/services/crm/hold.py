"""A hold on the calls of one piece of work: while the CRM asked a bulk run to wait, its threads send nothing.

Other work of the same process is not held: a user who saves one ticket learns from the CRM itself.
"""

from collections.abc import Callable
from contextvars import ContextVar

from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

# Returns the seconds for which this thread's work is held, 0 where it is not.
held_back: ContextVar[Callable[[], float]] = ContextVar("held_back", default=lambda: 0.0)


def refuse_while_held() -> None:
    """Raise Unavailable (busy_here) where the work of this thread is held."""
    seconds = held_back.get()()
    if seconds > 0:
        raise Unavailable(Reason.BUSY_HERE, retry_after=seconds)
