"""Reading the API's answers: bodies of any kind, and statuses as errors.

The status code decides, the body only adds a message. Functions here raise nothing but TicketApiError,
whatever the bytes are.
"""

import email.utils
import html
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ticketadmin.ticketapi.errors import (
    Conflict,
    Effect,
    InvalidTicket,
    KeyRefused,
    NotAllowed,
    NotFound,
    TicketApiError,
    Unavailable,
    UnexpectedReply,
)
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.tickets import Json, as_text, storable_json

MESSAGE_MAX_LENGTH = 300
MAX_RETRY_AFTER = 3_600.0
NO_JSON = object()

# Statuses with an error of their own. The table in tests/views/test_remote_behaviour.py has each of them.
ERRORS: dict[int, tuple[type[TicketApiError], Reason]] = {
    400: (InvalidTicket, Reason.INVALID),
    401: (KeyRefused, Reason.KEY_REFUSED),
    403: (NotAllowed, Reason.FORBIDDEN),
    404: (NotFound, Reason.NOT_FOUND),
    405: (NotAllowed, Reason.METHOD_NOT_ALLOWED),
    409: (Conflict, Reason.CONFLICT),
    422: (InvalidTicket, Reason.INVALID),
    423: (Unavailable, Reason.LOCKED),
    429: (Unavailable, Reason.RATE_LIMITED),
    502: (Unavailable, Reason.BAD_GATEWAY),
    503: (Unavailable, Reason.UNAVAILABLE),
    504: (Unavailable, Reason.GATEWAY_TIMEOUT),
}
# The 5xx that a CRM itself answers. The others may come from a proxy, whose CRM may still be at work.
_IN_PERSON = frozenset({500, 501, 505})


@dataclass(frozen=True)
class Reply:
    """An answer as it arrived: status, headers (looked up by lower-case names), and the bytes of the body.

    `mask` blanks out the key (`ApiKey.mask`). Nothing of the body leaves this module unmasked. The unmasked
    parts are not in the repr, which error reports show for each frame that holds a reply.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    mask: Callable[[str], str] = str

    @property
    def text(self) -> str:
        """The body as masked text; bytes that are not UTF-8 become replacement characters."""
        return self.mask(self.body.decode("utf-8-sig", errors="replace"))

    @property
    def retry_after(self) -> float | None:
        """The seconds that the answer asks to wait, None if it does not say."""
        value = self.headers.get("retry-after")
        return None if value is None else retry_after_of(value)

    def json(self) -> Json:
        """Return the body as JSON, whatever its content type says, or NO_JSON.

        What no database and no page can hold is replaced (`tickets.storable_json`).
        """
        try:
            return storable_json(self.text, self.mask)
        except (ValueError, RecursionError):
            return NO_JSON


def data_of(reply: Reply, *, method: str) -> dict[str, Any]:
    """Return the object in a successful answer. Raises the error that the answer amounts to."""
    if not 200 <= reply.status < 300:
        raise error_of(reply, method=method)
    effect = Effect.NONE if method == "GET" else Effect.UNKNOWN
    content = reply.json()
    if content is NO_JSON:
        raise UnexpectedReply(
            Reason.NOT_JSON, effect=effect, http_status=reply.status, api_message=message_of(reply)
        )
    if isinstance(content, dict) and (content.get("error") or content.get("errors")):
        raise _invalid(Reason.ERROR_IN_SUCCESS, reply, effect)
    if isinstance(content, list):
        content = {"data": content}
    if not isinstance(content, dict):
        raise UnexpectedReply(Reason.NOT_OBJECT, effect=effect, http_status=reply.status)
    return content


def error_of(reply: Reply, *, method: str) -> TicketApiError:
    """Return the error for a status that is not 2xx."""
    kind, reason = _kind_of(reply.status)
    if reply.status == 503 and method != "GET" and reply.retry_after is None:
        kind, reason = ERRORS[502]
    effect = Effect.NONE if method == "GET" or 400 <= reply.status < 500 else Effect.UNKNOWN
    if kind is InvalidTicket:
        return _invalid(reason, reply, effect)
    return kind(
        reason,
        effect=effect,
        http_status=reply.status,
        api_message=message_of(reply),
        retry_after=reply.retry_after,
    )


def _kind_of(status: int) -> tuple[type[TicketApiError], Reason]:
    if status in ERRORS:
        return ERRORS[status]
    if status < 400:
        return UnexpectedReply, Reason.REDIRECT
    if status < 500:
        return InvalidTicket, Reason.REJECTED
    return (Unavailable, Reason.SERVER_ERROR) if status in _IN_PERSON else ERRORS[502]


def _invalid(reason: Reason, reply: Reply, effect: Effect) -> InvalidTicket:
    error = InvalidTicket(reason, effect=effect, http_status=reply.status, api_message=message_of(reply))
    error.fields = fields_of(reply)
    return error


def message_of(reply: Reply) -> str:
    """Return the CRM's own words in an answer as plain text, "" if there are none."""
    content = reply.json()
    if content is NO_JSON:
        return plain(reply.text, reply.mask)
    return plain(_message_in(content), reply.mask)


def _message_in(content: Json) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(filter(None, (_message_in(item) for item in content[:5])))
    if not isinstance(content, dict):
        return ""
    for key in ("message", "error", "msg", "detail", "title"):
        if found := _message_in(content.get(key)):
            return found
    errors = content.get("errors")
    return _message_in(errors) if isinstance(errors, (str, list)) else ""


def fields_of(reply: Reply) -> dict[str, tuple[str, ...]]:
    """Return the messages that an answer gives by field: `{"errors": {"field": "…" or ["…", "…"]}}`."""
    content = reply.json()
    errors = content.get("errors") if isinstance(content, dict) else None
    return dict(_field_messages(errors, "", reply.mask)) if isinstance(errors, dict) else {}


def _field_messages(
    errors: Mapping[str, Json], prefix: str, mask: Callable[[str], str]
) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, value in list(errors.items())[:50]:
        if isinstance(value, dict) and name == "custom_fields" and not prefix:
            found += _field_messages(value, "custom_fields.", mask)
            continue
        messages = value if isinstance(value, list) else [value]
        texts = (plain(_message_in(item) or as_text(item), mask) for item in messages[:5])
        found.append((prefix + str(name), tuple(filter(None, texts))))
    return [(name, texts) for name, texts in found if texts]


def plain(text: str, mask: Callable[[str], str]) -> str:
    """Return text that is safe to quote: no markup, no control characters, one line, masked, shortened."""
    text = re.sub(r"(?is)<(script|style|title)\b.*?(?:</\1\s*>|\Z)", " ", text[:20_000])
    text = mask(html.unescape(re.sub(r"<[^<>]{0,2000}>", " ", text)))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MESSAGE_MAX_LENGTH else text[: MESSAGE_MAX_LENGTH - 1] + "…"


def retry_after_of(value: str) -> float | None:
    """Return the seconds in a Retry-After header, a number or an HTTP date (RFC 9110 section 10.2.3)."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, moment - time.time()), MAX_RETRY_AFTER)
