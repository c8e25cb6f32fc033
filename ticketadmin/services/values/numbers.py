"""Numbers and days as people write them and as JSON stores them. Pure functions of text and values."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ticketadmin.services.values.json_text import is_number, json_text

MAX_DIGITS = 100  # characters of a number
MAX_EXPONENT = 50  # `1e999999999` is nine letters and would be a gigabyte when written out
FIRST_YEAR = 1900
_LAST_SECOND = 253_402_300_799  # 9999-12-31 23:59:59 UTC: what is larger counts milliseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,9})?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_GROUPED = re.compile(
    r"(?P<whole>[+-]?[1-9]\d{0,2}(?P<mark>[., ])\d{3}(?:(?P=mark)\d{3})*)(?:(?!(?P=mark))[.,](?P<part>\d+))?",
    re.ASCII,
)
_SECONDS = re.compile(r"\s*(-?\d{1,15})\s*", re.ASCII)


def to_number(value: Any) -> Decimal | None:
    """Return the number that a JSON number or a text in the notation of JSON spells, or None."""
    text = json_text(value).strip() if isinstance(value, str) or is_number(value) else ""
    if len(text) > MAX_DIGITS or not _PLAIN.fullmatch(text):
        return None
    number = Decimal(text)
    return number if abs(number.adjusted()) <= MAX_EXPONENT else None


def plain_number(number: Decimal) -> str:
    """Return the shortest spelling without an exponent; equal numbers have one spelling."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", "+0"} else text


def read_number(text: str) -> Decimal:
    """Return the number that a user typed, in English or Vietnamese notation.

    Raises ValidationError: `invalid_number`, or `ambiguous_number` for `1.500` and `1,500`, which mean one
    and a half to one reader and fifteen hundred to the other.
    """
    grouped = _GROUPED.fullmatch(text) if len(text) <= MAX_DIGITS else None
    if grouped:
        text = _without_groups(grouped)
    elif len(text) <= MAX_DIGITS and _WITH_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    number = to_number(text)
    if number is None:
        raise ValidationError(_("This is not a number."), code="invalid_number")
    return number


def _without_groups(grouped: re.Match[str]) -> str:
    whole, mark, part = grouped["whole"], grouped["mark"], grouped["part"]
    if mark != " " and part is None and whole.count(mark) == 1:
        message = _("Write %(plain)s, or %(decimal)s if you mean a fraction.")
        before, after = whole.split(mark)
        fraction = after.rstrip("0") or "0"
        if len(fraction) == len(after):  # three digits would be refused again
            fraction += "0"
        params = {"plain": before + after, "decimal": f"{before}.{fraction}"}
        raise ValidationError(message, code="ambiguous_number", params=params)
    return whole.replace(mark, "") + (f".{part}" if part else "")


def number_like(number: Decimal, like: Any) -> int | float | str:
    """Return a number as JSON of the type that was there: a number or, documented, a string of digits.

    Raises ValidationError (`too_precise`) where a JSON number would lose digits.
    """
    if not is_number(like):
        return format(number, "f")
    if number == number.to_integral_value():
        return int(number)
    if Decimal(repr(float(number))) != number:
        message = _("The CRM stores this number with fewer digits. Write at most 15 digits.")
        raise ValidationError(message, code="too_precise")
    return float(number)


# --- days ----------------------------------------------------------------------------------------


def epoch_number(value: Any) -> int | None:
    """Return the whole number in a JSON number or a string of digits, or None."""
    if is_number(value):
        return int(value) if value == value // 1 and abs(value) < 10**15 else None
    found = _SECONDS.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def counts_milliseconds(value: Any) -> bool:
    """Return whether an epoch date counts milliseconds: as seconds it would be after the year 9999."""
    number = epoch_number(value)
    return number is not None and abs(number) > _LAST_SECOND


def epoch_to_date(value: Any) -> date | None:
    """Return the day of an epoch date in CUSTOM_DATE_TIME_ZONE, or None where it names none."""
    number = epoch_number(value)
    if number is None:
        return None
    seconds = number // 1000 if counts_milliseconds(number) else number
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
        return moment.astimezone(ZoneInfo(settings.CUSTOM_DATE_TIME_ZONE)).date()
    except OverflowError:  # the last hours of the year 9999 are in the year 10000 further east
        return None


def date_to_epoch(day: date, like: Any) -> int | str:
    """Return midnight of a day as an epoch date of the unit and JSON type that was there."""
    midnight = datetime.combine(day, time(), tzinfo=ZoneInfo(settings.CUSTOM_DATE_TIME_ZONE))
    seconds = (midnight - _EPOCH) // timedelta(seconds=1)
    number = seconds * 1000 if counts_milliseconds(like) else seconds
    return number if is_number(like) else str(number)
