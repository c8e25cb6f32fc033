"""What can go wrong with the remote ticket API, named by what the user can do next.

    TicketApiError
    ├── InvalidTicket      the CRM refused the values (400, 422): correct them
    ├── KeyRefused         the CRM refused the key (401), or there is none: tell an administrator
    ├── NotAllowed         the key may not do this (403, 405): ask for the right
    ├── NotFound           no such ticket, or no such endpoint (404): check the code
    ├── Conflict           the CRM says that another write was faster (409): reload and compare
    ├── Unavailable        the CRM cannot take it now (refused, DNS, TLS, 429, 5xx): try again later
    ├── OutcomeUnknown     the request left, the answer did not arrive: read the ticket, then decide
    └── UnexpectedReply    an answer that is not the contract's (redirect, not JSON, too large, another
                           ticket): tell an administrator

Every error says whether the CRM may have been changed (`effect`), because that is the first thing a
user wants to know. Nothing here holds the API key; the CRM's own words are plain text, shortened, and never
matched on, because they are localised.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ticketadmin.ticketapi.reasons import Reason


class Effect(StrEnum):
    """Whether a failed call may have changed the CRM."""

    NONE = "none"
    UNKNOWN = "unknown"


class TicketApiError(Exception):
    """A call that did not succeed.

    `reason` says what failed and what follows from it, `http_status` the CRM's status if it
    answered, `api_message` its own words (plain text, at most 300 characters), `retry_after` the
    seconds it asked to wait.

    A write that the CRM certainly did not carry out, and that may be sent again after a wait, has
    `again_in`: those seconds, after which its caller compares afresh. `attempts` and `waited` count what
    was tried and waited for by then.
    """

    again_in: float | None = None
    attempts: int = 1
    waited: float = 0.0

    def __init__(
        self,
        reason: Reason,
        *,
        effect: Effect = Effect.NONE,
        http_status: int | None = None,
        api_message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.effect = effect
        self.http_status = http_status
        self.api_message = api_message
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return a log message: never content, never the key."""
        status = f", status {self.http_status}" if self.http_status else ""
        return f"{type(self).__name__}: {self.reason}{status}, effect {self.effect}"


class InvalidTicket(TicketApiError):
    """The CRM refused the values. `fields` maps API field names to the CRM's words."""

    fields: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class KeyRefused(TicketApiError):
    """The CRM does not accept the key, or none is set."""


class NotAllowed(TicketApiError):
    """The key's user may not do this."""


class NotFound(TicketApiError):
    """There is no such ticket, or no such endpoint."""


class Conflict(TicketApiError):
    """The CRM itself reports a conflicting change."""


class Unavailable(TicketApiError):
    """The CRM cannot be reached or cannot take the request now."""


class OutcomeUnknown(TicketApiError):
    """The request was sent and no answer arrived."""


class UnexpectedReply(TicketApiError):
    """The answer is not what the contract promises."""
