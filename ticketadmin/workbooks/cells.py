"""How the value of a workbook's cell is written as the text that the spreadsheet shows.

It preserves what the stored value alone does not show: the zeros of a number in the format 0000000000, a
whole number stored as 12.0, a day stored as a moment.
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

# The parts of a number format: a place for a digit, quoted or plain letters to show, colours and spacing.
_PART = re.compile(
    r"""(?P<place>[0#?])|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<plain>[\s\-()+/])|\[[^\]]*\]|[_*]."""
)
_ESCAPED = re.compile("_x000D_\n?|_x([0-9A-Fa-f]{4})_")  # ECMA-376, ST_Xstring


def displayed_text(value: Any, number_format: str = "General") -> str:
    """Return a cell's text: days as YYYY-MM-DD, moments with their time, yes and no as TRUE and FALSE."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(_unescaped, value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, number_format)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return _duration(value) if isinstance(value, timedelta) else ""


def _unescaped(found: re.Match[str]) -> str:
    """Return the character of an escape; one that no text may hold stays spelled out."""
    if found[1] is None:
        return "\n"
    letter = chr(int(found[1], 16))
    return letter if letter.isprintable() or letter in "\t\n" else found[0]


def _moment(value: datetime) -> str:
    value = value.replace(microsecond=0)
    return value.date().isoformat() if value.time() == time() else value.isoformat(" ")


def _duration(value: timedelta) -> str:
    """Return hours, minutes and seconds, as the format [h]:mm:ss shows them: 26 hours are 26:00:00."""
    minutes, seconds = divmod(round(abs(value.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{'-' if value.days < 0 else ''}{hours}:{minutes:02}:{seconds:02}"


def _number(value: float, number_format: str) -> str:
    plain = format(Decimal(format(value, ".15g")), "f")
    if "." in plain or plain.startswith("-"):
        return plain
    return _in_places(plain, number_format.partition(";")[0]) or plain


def _in_places(digits: str, pattern: str) -> str:
    """Return the digits in a format such as 0000-000-000; "" for one that is not made of places."""
    parts = list(_PART.finditer(pattern))
    if "".join(part[0] for part in parts) != pattern or [part["place"] for part in parts].count("0") < 2:
        return ""
    left = list(digits)
    text = ""
    for part in reversed(parts):
        if part["place"]:
            text = (left.pop() if left else "0" if part["place"] == "0" else "") + text
        else:
            text = (part["quoted"] or part["escaped"] or part["plain"] or "") + text
    return "".join(left) + text.strip()
