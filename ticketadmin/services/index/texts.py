"""The texts by which the index keeps values."""

import json

from ticketadmin.ticketapi.tickets import Json, as_text

MAX_VALUE = 500  # characters of a value that the index keeps


def spelled(value: Json) -> str:
    """Return a value as a text: the items of a list one after the other, an object as its JSON."""
    if isinstance(value, list):
        return ", ".join(as_text(one) for one in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else as_text(value)


def index_text(value: Json) -> str:
    """Return the text by which the index keeps a value, and an export shows it."""
    return kept_text(spelled(value))


def kept_text(value: str) -> str:
    """Return a value that every database can store; one that is too long is cut and ends in an ellipsis."""
    value = value[: MAX_VALUE + 1].replace("\0", "").encode("utf-8", "replace").decode()
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"


def is_cut(text: str) -> bool:
    """Return whether a kept value is, or may be, only the beginning of the CRM's."""
    return len(text) == MAX_VALUE and text.endswith("…")
