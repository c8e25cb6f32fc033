"""Hooks around one HTTP attempt: `Call` for the observer afterwards, `Gate` for admission before it."""

from dataclasses import dataclass
from typing import Protocol

from ticketadmin.ticketapi.reasons import Reason


@dataclass(frozen=True)
class Call:
    """One attempt, as it is reported to the observer. `seconds` includes reading the body.

    `retry_after` are the seconds that the CRM asked to wait with its answer, if it did.
    """

    method: str
    endpoint: str
    seconds: float
    attempt: int
    request_id: str
    http_status: int | None = None
    reason: Reason | None = None
    retry_after: float | None = None


class Gate(Protocol):
    """Decides whether an attempt may be made now."""

    def enter(self, *, within: float, places: int = 1) -> None:
        """Return once the attempt may be made; raise Unavailable if that is not within `within` seconds.

        `places` is how many places under the rate limit it takes: none if its place was taken before.
        """

    def leave(self) -> None:
        """Take note that an attempt has ended; called once for each one that was admitted."""
