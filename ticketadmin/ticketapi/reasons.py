"""Why a call to the CRM did not succeed: the vocabulary of failures, and what follows from each.

Every member says in its own line what the client, the circuit breaker, the read-back and a bulk run have
to know about it, so that a new reason cannot be left out of one of them. What people read about a reason
is in `presenters.outcomes`. How to add one: CONTRIBUTING, "A reason".
"""

from enum import Enum, StrEnum, auto
from typing import Any, Self


class Repeat(Enum):
    """Which calls the client may send again by itself."""

    NONE = auto()
    READ = auto()  # the CRM may have carried it out: repeating is safe for reads only
    ANY = auto()  # the CRM certainly did not carry it out


class FailureSource(Enum):
    """Where a failure came from."""

    HERE = auto()  # no request left this tool
    UNREACHABLE = auto()  # no connection was made, so nothing was sent
    SILENCE = auto()  # sent, and no answer came in time
    BROKEN = auto()  # sent, and the connection ended: the CRM is alive
    GATEWAY = auto()  # a proxy answered: the CRM may still be at work
    CRM = auto()  # the CRM itself answered, so it has finished with the request


class Cause(StrEnum):
    """What can pause a bulk run, and after how many failures in a row (`limit`)."""

    limit: int

    def __new__(cls, word: str, *line: Any) -> Self:
        """Return the member for a line of the table."""
        member = str.__new__(cls, word)
        member._value_ = word
        (member.limit,) = line
        return member

    KEY_REFUSED = "key_refused", 3
    FORBIDDEN = "forbidden", 10
    CRM_DOWN = "crm_down", 5


class Reason(StrEnum):
    """One way in which a call fails; the value is what is logged, counted and stored with a change."""

    source: FailureSource
    repeat: Repeat
    pauses: Cause | None

    def __new__(cls, word: str, *line: Any) -> Self:
        """Return the member for a line of the table."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.source, member.repeat, member.pauses = line
        return member

    BAD_CODE = "bad_code", FailureSource.HERE, Repeat.NONE, None
    NO_KEY = "no_key", FailureSource.HERE, Repeat.NONE, Cause.KEY_REFUSED
    CIRCUIT_OPEN = "circuit_open", FailureSource.HERE, Repeat.NONE, None
    BUSY_HERE = "busy_here", FailureSource.HERE, Repeat.NONE, None

    REFUSED = "refused", FailureSource.UNREACHABLE, Repeat.ANY, Cause.CRM_DOWN
    DNS = "dns", FailureSource.UNREACHABLE, Repeat.NONE, Cause.CRM_DOWN
    TLS = "tls", FailureSource.UNREACHABLE, Repeat.NONE, Cause.CRM_DOWN
    CONNECT_TIMEOUT = "connect_timeout", FailureSource.UNREACHABLE, Repeat.NONE, Cause.CRM_DOWN

    READ_TIMEOUT = "read_timeout", FailureSource.SILENCE, Repeat.NONE, Cause.CRM_DOWN
    DEADLINE = "deadline", FailureSource.SILENCE, Repeat.NONE, Cause.CRM_DOWN
    RESET = "reset", FailureSource.BROKEN, Repeat.READ, Cause.CRM_DOWN
    BAD_GATEWAY = "bad_gateway", FailureSource.GATEWAY, Repeat.READ, Cause.CRM_DOWN
    GATEWAY_TIMEOUT = "gateway_timeout", FailureSource.GATEWAY, Repeat.READ, Cause.CRM_DOWN

    INVALID = "invalid", FailureSource.CRM, Repeat.NONE, None
    REJECTED = "rejected", FailureSource.CRM, Repeat.NONE, None
    KEY_REFUSED = "key_refused", FailureSource.CRM, Repeat.NONE, Cause.KEY_REFUSED
    FORBIDDEN = "forbidden", FailureSource.CRM, Repeat.NONE, Cause.FORBIDDEN
    METHOD_NOT_ALLOWED = "method_not_allowed", FailureSource.CRM, Repeat.NONE, Cause.FORBIDDEN
    NOT_FOUND = "not_found", FailureSource.CRM, Repeat.NONE, None
    CONFLICT = "conflict", FailureSource.CRM, Repeat.NONE, None
    LOCKED = "locked", FailureSource.CRM, Repeat.NONE, None
    RATE_LIMITED = "rate_limited", FailureSource.CRM, Repeat.ANY, None
    UNAVAILABLE = "unavailable", FailureSource.CRM, Repeat.ANY, Cause.CRM_DOWN
    SERVER_ERROR = "server_error", FailureSource.CRM, Repeat.NONE, Cause.CRM_DOWN
    ERROR_IN_SUCCESS = "error_in_success", FailureSource.CRM, Repeat.NONE, None
    REDIRECT = "redirect", FailureSource.CRM, Repeat.NONE, Cause.CRM_DOWN
    OVERSIZED = "oversized", FailureSource.CRM, Repeat.NONE, None
    NOT_JSON = "not_json", FailureSource.CRM, Repeat.NONE, Cause.CRM_DOWN
    NOT_OBJECT = "not_object", FailureSource.CRM, Repeat.NONE, None
    OTHER_TICKET = "other_ticket", FailureSource.CRM, Repeat.NONE, None

    @classmethod
    def known(cls, word: str) -> "Reason | None":
        """Return the member for a stored word, or None: "" and the words of other vocabularies."""
        return cls(word) if word in cls._value2member_map_ else None

    def may_repeat(self, method: str) -> bool:
        """Return whether a call with this HTTP method may be sent again without asking its caller."""
        return self.repeat is Repeat.ANY or (self.repeat is Repeat.READ and method == "GET")

    @property
    def was_answered(self) -> bool:
        """Return whether the CRM has certainly finished with the request."""
        return self.source is FailureSource.CRM

    @property
    def is_unreachable(self) -> bool:
        """Return whether no connection to the CRM could be made."""
        return self.source is FailureSource.UNREACHABLE

    @property
    def is_silence(self) -> bool:
        """Return whether the CRM was reached and did not answer in time."""
        return self.source is FailureSource.SILENCE

    @property
    def is_key_problem(self) -> bool:
        """Return whether the key is missing or not accepted."""
        return self.pauses is Cause.KEY_REFUSED

    @property
    def may_be_one_ticket(self) -> bool:
        """Return whether the failure may lie in one ticket, so that repeating it would show nothing new."""
        return self is Reason.SERVER_ERROR
