"""Numbers and days: as people write them, as JSON stores them, and the kinds of fields that hold them."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.values.browser import Widget, is_date
from ticketadmin.services.values.codec import Codec, Inputs, box_for, seen_text
from ticketadmin.services.values.fields import Field, Value
from ticketadmin.services.values.json_text import is_number, json_text
from ticketadmin.text import normal_text

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
        if len(fraction) == len(after):  # three digits after the mark would be ambiguous again
            fraction += "0"
        params = {"plain": before + after, "decimal": f"{before}.{fraction}"}
        raise ValidationError(message, code="ambiguous_number", params=params)
    return whole.replace(mark, "") + (f".{part}" if part else "")


def number_like(number: Decimal, like: Any) -> int | float | str:
    """Return a number in the JSON type of the previous value: a number, or by default a string of digits.

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
    """Return the day of an epoch date in CUSTOM_DATE_TIME_ZONE, or None if it names none."""
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
    """Return midnight of a day as an epoch date in the unit and JSON type of the previous value."""
    midnight = datetime.combine(day, time(), tzinfo=ZoneInfo(settings.CUSTOM_DATE_TIME_ZONE))
    seconds = (midnight - _EPOCH) // timedelta(seconds=1)
    number = seconds * 1000 if counts_milliseconds(like) else seconds
    return number if is_number(like) else str(number)


# --- kinds of fields -----------------------------------------------------------------------------


class NumberCodec(Codec):
    """A number: a JSON number or a string of digits."""

    own_widget = Widget.NUMBER

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        return number_like(read_number(seen_text(texts[0])), like)

    def retype(self, _field: Field, value: Value, like: Value) -> Value:
        """Return a number that has been read before, without checking its spelling again."""
        return number_like(to_number(value) or Decimal(0), like)

    def canonical(self, _field: Field, value: Value) -> str:
        number = to_number(value)
        return normal_text(json_text(value)) if number is None else plain_number(number)

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return to_number(value) is None


class DateCodec(Codec):
    """A day, stored as YYYY-MM-DD."""

    own_widget = Widget.DATE

    def widget(self, _field: Field, texts: Inputs) -> Widget:
        """Return a date input, or a text box for anything but a date, which a date input would drop."""
        return Widget.DATE if all(is_date(text) for text in texts) else box_for(texts)

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        return typed_day(texts[0]).isoformat()

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return not is_date(json_text(value))


class EpochDateCodec(DateCodec):
    """A day, stored as seconds or milliseconds since 1970: a JSON number or a string of digits."""

    def show(self, _field: Field, value: Value) -> Inputs:
        """Return the day as YYYY-MM-DD, or the number where it names no day."""
        day = epoch_to_date(value)
        return [day.isoformat() if day else json_text(value)]

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        """Return midnight of the day in the unit and JSON type of the previous value.

        Raises ValidationError as `typed_day` does, and `day_like_seconds` for a day whose
        milliseconds are so small a number that they would be read back as seconds.
        """
        day = typed_day(texts[0])
        sent = date_to_epoch(day, like)
        if epoch_to_date(sent) != day:
            message = _(
                "This field holds milliseconds, in which days before 12 January 1978 cannot be stored."
            )
            raise ValidationError(message, code="day_like_seconds")
        return sent

    def canonical(self, _field: Field, value: Value) -> str:
        day = epoch_to_date(value)
        return day.isoformat() if day else normal_text(json_text(value))

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return epoch_to_date(value) is None


def typed_day(text: str) -> date:
    """Return the day that a user typed as YYYY-MM-DD.

    Raises ValidationError: `invalid_date`, or `early_date` for a year that was typed with two digits.
    """
    text = seen_text(text)
    if not is_date(text):
        message = _("This is not a calendar date. Write it as YYYY-MM-DD, for example 2026-12-31.")
        raise ValidationError(message, code="invalid_date")
    day = date.fromisoformat(text)
    if day.year < FIRST_YEAR:
        message = _("The year %(year)s is before %(first)s. Write the year with four digits: 2026.")
        raise ValidationError(message, code="early_date", params={"year": day.year, "first": FIRST_YEAR})
    return day
