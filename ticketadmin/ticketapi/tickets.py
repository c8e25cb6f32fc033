"""The API's JSON as values. Fields that were not in an answer are absent: unknown, never empty."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ticketadmin.ticketapi.errors import UnexpectedReply
from ticketadmin.ticketapi.reasons import Reason

Json = Any  # None, bool, int, float, str, list or dict, nested

MAX_CUSTOM_FIELDS = 400  # a form with more could not be posted (DATA_UPLOAD_MAX_NUMBER_FIELDS)
# The fields that PUT accepts, except `custom_fields`. `services/values/fields.py` says how each is typed.
STANDARD_FIELDS = (
    "ticket_title",
    "ticket_content",
    "account_email",
    "cate_name",
    "status_name",
    "expected_at",
    "emergency_phone",
)

# The fields that GET requests: documented ones, and others that the documentation does not promise.
DOCUMENTED_FIELDS = (
    "id,ticket_title,ticket_content,cate_id,emergency_phone,account_id,account_name,custom_fields"
)
_UNDOCUMENTED = ("ticket_code", "status_id", *STANDARD_FIELDS, "created_at", "updated_at")
LONG_FIELDS = frozenset({"ticket_content", "custom_fields"})  # not in lists: they would be most of it
WISHED_FIELDS = ",".join(dict.fromkeys((*DOCUMENTED_FIELDS.split(","), *_UNDOCUMENTED)))
TICKET_KEYS = frozenset(WISHED_FIELDS.split(","))
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")
_PERHAPS_UNSTORABLE = re.compile(r"[\ud800-\udfff]|\\u0000|\\\\|NaN|Infinity")  # in a JSON text


@dataclass(frozen=True)
class Ticket:
    """One ticket as the API shows it to this key.

    `values` holds the standard fields that came back (null is ""); `custom_fields` is None if the
    object did not come back, and its values may be null. `unread` names fields that were left out because
    the whole answer was too large.
    """

    code: str
    identity: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    custom_fields: Mapping[str, Json] | None = None
    category_id: int | None = None
    status_id: int | None = None
    account_name: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ListedTickets:
    """One page of the list. `has_more` is None if the API does not say; `received` counts all its rows.

    `tickets` are the rows whose codes this tool can put into an address. `names` are those of all rows, as
    they came: codes, or numbers if there is none; `numbers` are their ids.
    """

    tickets: tuple[Ticket, ...]
    offset: int
    received: int
    has_more: bool | None = None
    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def unaddressable(self) -> frozenset[str]:
        """The names of rows that no address here can hold."""
        return frozenset(self.names) - {one.code for one in self.tickets}


@dataclass(frozen=True)
class Choice:
    """One entry of a configured list, a category or a status."""

    id: int | None
    name: str


@dataclass(frozen=True)
class UpdateReply:
    """A success as the contract defines it. `warnings` names what was missing from it."""

    http_status: int
    message: str = ""
    identity: int | None = None
    ticket_code: str | None = None
    warnings: tuple[str, ...] = ()


def list_fields(names: Iterable[str], with_custom_fields: bool) -> str:
    """Return the fields to request of a list: never content, custom fields only if they are wanted."""
    left_out = LONG_FIELDS - {"custom_fields"} if with_custom_fields else LONG_FIELDS
    return ",".join(name for name in names if name not in left_out)


def ticket_from(row: Mapping[str, Json], *, code: str, unread: frozenset[str] = frozenset()) -> Ticket:
    """Return the ticket in a reply's object, tolerant of other types than documented."""
    return Ticket(
        code=code,
        identity=as_int(row.get("id")),
        values={name: _standard(name, row[name]) for name in STANDARD_FIELDS if name in row},
        custom_fields=_custom_fields(row["custom_fields"]) if "custom_fields" in row else None,
        category_id=as_int(row.get("cate_id")),
        status_id=as_int(row.get("status_id")),
        account_name=_text_or_none(row.get("account_name")),
        created_at=_text_or_none(row.get("created_at")),
        updated_at=_text_or_none(row.get("updated_at")),
        unread=unread,
    )


def choice_from(row: Json, name_key: str) -> Choice | None:
    """Return the entry of a list in one row, or None if the row names none."""
    if not isinstance(row, dict) or not isinstance(row.get(name_key), str) or not row[name_key].strip():
        return None
    return Choice(as_int(row.get("id")), row[name_key])


def as_int(value: Json) -> int | None:
    """Return a whole number that may have come as a string, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


# Made once: making them takes half as long as an answer does.
_DECODER = json.JSONDecoder(parse_constant=lambda _constant: None)
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def storable_json(text: str, change: Callable[[str], str] = str) -> Json:
    """Return the value in a JSON text, with `change` made to each of its strings.

    JSON can spell what no database and no page can hold, and what cannot be sent back: half a surrogate pair
    becomes a question mark, NUL is left out, NaN and numbers beyond a double become null. Raises ValueError
    or RecursionError.
    """
    content = _DECODER.decode(text)
    return content if _is_storable(content, change) else _storable(content, change)


def _is_storable(content: Json, change: Callable[[str], str]) -> bool:
    """Return whether nothing is to be changed, by looking at all strings as one JSON text.

    That holds for nearly every answer, and walking through it would take ten times as long. JSON writes a
    backslash twice, which may hide what `change` looks for: then each string is looked at by itself.
    """
    text = _ENCODER.encode(content)
    return not _PERHAPS_UNSTORABLE.search(text) and change(text) == text


def _storable(content: Json, change: Callable[[str], str]) -> Json:
    if isinstance(content, str):
        if _UNSTORABLE.search(content):
            content = content.replace("\0", "").encode("utf-8", "replace").decode()
        return change(content)
    if isinstance(content, list):
        return [_storable(one, change) for one in content]
    if isinstance(content, dict):
        return {_storable(name, change): _storable(value, change) for name, value in content.items()}
    return None if isinstance(content, float) and not math.isfinite(content) else content


def as_text(value: Json) -> str:
    """Return a scalar as the text that the contract promises; null is ""."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _standard(name: str, value: Json) -> str:
    text = as_text(value)
    return _date_part(text) if name == "expected_at" else text


def _date_part(text: str) -> str:
    """Return the day of a date that came with a time; anything else as it is (no zone arithmetic)."""
    day = text[:10]
    try:
        is_date_time = len(text) > len(day) and text[10] in " T" and bool(date.fromisoformat(day))
    except ValueError:
        return text
    return day if is_date_time else text


def _text_or_none(value: Json) -> str | None:
    return as_text(value) or None


def _custom_fields(value: Json) -> dict[str, Json] | None:
    """Return the object; an empty list is PHP's empty object, and some fields come as JSON in a string.

    Raises UnexpectedReply (`oversized`) for more fields than a form can hold.
    """
    if isinstance(value, str) and value.strip():
        try:
            value = storable_json(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, dict):
        if len(value) > MAX_CUSTOM_FIELDS:
            raise UnexpectedReply(Reason.OVERSIZED)
        return {str(key): item for key, item in value.items()}
    return None if value else {}
