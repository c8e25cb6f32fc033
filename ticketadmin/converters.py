"""Parsing of addresses: ticket codes in paths, numbers in queries."""

from django.urls import register_converter
from django.urls.converters import StringConverter

from ticketadmin.ticketapi.client import CODE


class CodeConverter(StringConverter):
    """A ticket code: 1 to 64 letters, digits, `-` and `_`. Anything else is a 404."""

    regex = CODE.pattern


def whole_number(text: str) -> int | None:
    """Return the number that up to 18 digits spell, which every database can hold, else None."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None


register_converter(CodeConverter, "code")
