"""Parsing of requests: ticket codes in paths, numbers and moments in queries."""

from datetime import UTC, datetime

from django.urls import register_converter
from django.urls.converters import StringConverter

from ticketadmin.ticketapi.client import CODE


class CodeConverter(StringConverter):
    """A ticket code: 1 to 64 letters, digits, `-` and `_`. Anything else is a 404."""

    regex = CODE.pattern


def whole_number(text: str) -> int | None:
    """Return the number written in up to 18 digits, which every database can hold, else None."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def moment_of_page(text: str) -> datetime | None:
    """Return the moment in UTC; None for text that is not a time at which a page could have been loaded."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo and 2000 < moment.year < 3000 else None
    except (ValueError, OverflowError):
        return None


register_converter(CodeConverter, "code")
