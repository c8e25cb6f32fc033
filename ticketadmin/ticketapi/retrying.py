"""When a failed call may be repeated, and after how long.

A read may be repeated after anything that passes. A write is repeated only when it certainly was not
carried out: the connection was refused, or the CRM said that it did not take the request: 429, or 503
with a Retry-After (RFC 9110 sections 15.6.4, 10.2.3), whose reason is `unavailable`. A 503 without
one may come from a proxy that had passed the request on, so it counts as a `bad_gateway`. After that,
a 504, a timeout or a reset the write may have been applied (15.6.3, 15.6.5) and may have notified
people: it is never sent again from here; the save reads the ticket back instead.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ticketadmin.ticketapi.errors import TicketApiError


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts` tries of one call, waiting no more than `budget` seconds in all.

    Waits grow exponentially from `base` seconds up to `cap`, with full jitter; a Retry-After of the
    CRM replaces the guess. `spread` is random.uniform, or a fixed function in tests.
    """

    attempts: int = 4
    budget: float = 4.0
    base: float = 0.15
    cap: float = 1.5
    spread: Callable[[float, float], float] = random.uniform

    def wait(self, error: TicketApiError, *, method: str, attempt: int, waited: float) -> float | None:
        """Return the seconds to wait before the next try, or None to give up. `attempt` counts from 1."""
        if not error.reason.may_repeat(method) or attempt >= self.attempts:
            return None
        guess = self.spread(0, min(self.cap, self.base * 2**attempt))
        seconds = guess if error.retry_after is None else error.retry_after
        return seconds if waited + seconds <= self.budget else None
