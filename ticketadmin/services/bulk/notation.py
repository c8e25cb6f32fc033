"""Notations of dates and numbers in a column of a spreadsheet, text by text.

05/12/2026 and 1.250 have two readings; 24/12/2026 and 1.250.000 have one and decide how the rest of their
column is read. Whole columns, and the questions about them, are in `questions`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.bulk.spellings import with_spellings
from ticketadmin.services.values.fields import Kind
from ticketadmin.services.values.numbers import MAX_DIGITS


class Notation(StrEnum):
    """One of the two readings of dates, or of numbers."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    DECIMAL_COMMA = "decimal_comma"
    DECIMAL_POINT = "decimal_point"


@dataclass(frozen=True)
class ColumnReading:
    """How the cells of one column are read, according to its other cells, its file and its user.

    `notation` is that of its dates or numbers, None if nothing decides it; `is_answered`: a user chose it;
    `overrides`: the user chose it against a cell that decides otherwise; such cells no longer fit.
    `day_zero`: the day that the workbook's serial numbers count from. `names` are the options or names that a
    user chose for ambiguous spellings (folded). `open_texts` are the cells that wait for an answer.
    """

    notation: Notation | None = None
    is_answered: bool = False
    overrides: bool = False
    day_zero: date | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    open_texts: frozenset[str] = frozenset()

    def refuse_misfit(self, possible: frozenset[Notation]) -> None:
        """Raise ValidationError for a cell that can only be read in another notation than the user chose.

        `possible` are the notations in which the cell can be read, empty if it says nothing about that.
        """
        if self.overrides and self.notation and possible and self.notation not in possible:
            raise ValidationError(_misfits()[self.notation], code="other_notation")


def _misfits() -> Mapping[Notation, Any]:
    return {
        Notation.DAY_FIRST: _("This is not a day as day/month/year, which you chose for this column."),
        Notation.MONTH_FIRST: _("This is not a day as month/day/year, which you chose for this column."),
        Notation.DECIMAL_COMMA: _(
            "This number does not fit a comma before decimals, which you chose for this column."
        ),
        Notation.DECIMAL_POINT: _(
            "This number does not fit a point before decimals, which you chose for this column."
        ),
    }


OF_DAYS = (Notation.DAY_FIRST, Notation.MONTH_FIRST)
OF_NUMBERS = (Notation.DECIMAL_COMMA, Notation.DECIMAL_POINT)
NOTHING = frozenset[Notation]()
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})", re.ASCII)
_MONTH_NAMED = re.compile(
    r"(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}[., -]{1,2}(\d{4}|\d{2})", re.ASCII | re.IGNORECASE
)
_SERIAL = re.compile(r"[2-7]\d{4}(\.\d+)?", re.ASCII)  # of the years 1954 to 2119
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2})?( ?[AP]M)?", re.IGNORECASE)
_CENTURY_FROM = 69  # as POSIX reads a year of two digits: 69 is 1969, 68 is 2068
_TWO_READINGS = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*", re.ASCII)
_CURRENCY = re.compile(r"\s?(?:₫|đ|vn[dđ])", re.IGNORECASE)
_MINUS_BEHIND = re.compile(r"[\d.,]+\s?-", re.ASCII)


# --- days ----------------------------------------------------------------------------------------


def notations_of_day(text: str) -> frozenset[Notation]:
    """Return the notations in which a text is a day: both, the only one that fits, or none.

    Also none for 05.12.2026, where the day always comes first, and 05/05/2026: they decide nothing.
    """
    found = _DAY.fullmatch(_TIME_OF_DAY.sub("", text.strip()))
    if not found or found[2] == "." or int(found[1]) == int(found[3]):
        return NOTHING
    fits_month = {Notation.DAY_FIRST: int(found[3]) <= 12, Notation.MONTH_FIRST: int(found[1]) <= 12}
    return frozenset(notation for notation, fits in fits_month.items() if fits)


def day_in_notation(text: str, notation: Notation | None, *, day_zero: date | None = None) -> str:
    """Return a day as YYYY-MM-DD; `day_zero` is the day that serial numbers of its workbook count from.

    Raises ValidationError: `ambiguous_date` for a text of two readings without a notation, else
    `invalid_date`, which names every accepted spelling.
    """
    text = _TIME_OF_DAY.sub("", text)
    if day_zero and _SERIAL.fullmatch(text):
        return (day_zero + timedelta(days=int(float(text)))).isoformat()
    if found := _YEAR_FIRST.fullmatch(text):
        return _calendar_day(int(found[1]), int(found[3]), int(found[4]))
    if (found := _MONTH_NAMED.fullmatch(text)) and found[2].lower() in _MONTHS:
        return _calendar_day(_year(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1]))
    if not (found := _DAY.fullmatch(text)):
        raise _no_day()
    possible = notations_of_day(text)
    if len(possible) > 1 and notation is None:
        message = _("It is not certain which number is the month, here or in another row. Write YYYY-MM-DD.")
        raise ValidationError(message, code="ambiguous_date")
    month, day = int(found[3]), int(found[1])
    if Notation.MONTH_FIRST in possible and (len(possible) == 1 or notation is Notation.MONTH_FIRST):
        month, day = day, month
    return _calendar_day(_year(found[4]), month, day)


def _year(digits: str) -> int:
    if len(digits) > len("26"):
        return int(digits)
    return int(digits) + (1900 if int(digits) >= _CENTURY_FROM else 2000)


def _calendar_day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise _no_day() from None


def _no_day() -> ValidationError:
    return ValidationError(with_spellings(_("This is not a calendar date."), Kind.DATE), code="invalid_date")


# --- numbers -------------------------------------------------------------------------------------


def plain_notation(text: str) -> str:
    """Return a number without its đồng sign, and with its minus in front if a program put it at the end."""
    text = _CURRENCY.sub("", text).strip() if len(text) <= MAX_DIGITS else text
    return f"-{text[:-1].strip()}" if _MINUS_BEHIND.fullmatch(text) else text


def notations_of_number(text: str, *, is_workbook: bool) -> frozenset[Notation]:
    """Return the notations in which a text is a number: both, the one that fits, or none.

    1.250 has both; 1.250.000, 2,5 and 1.250,50 prove a decimal comma. In a workbook, 2.5 proves
    nothing, because its numbers have no notation.
    """
    text = plain_notation(text.strip())
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return NOTHING
    if _TWO_READINGS.fullmatch(text):
        return frozenset(OF_NUMBERS)
    points, commas = text.count("."), text.count(",")
    if (
        points + commas == 0
        or (points > 1 and commas > 1)
        or (is_workbook and points + commas == points == 1)
    ):
        return NOTHING
    last_is_comma = text.rfind(",") > text.rfind(".")
    is_decimal = text.count("," if last_is_comma else ".") == 1
    return frozenset([Notation.DECIMAL_COMMA if last_is_comma == is_decimal else Notation.DECIMAL_POINT])


def groups_by_decimal_mark(text: str, notation: Notation) -> bool:
    """Return whether this notation reads the three digits of an ambiguous text as decimals.

    1.250 in a column of 2.5 may be one and a quarter, or may have been typed in another notation.
    """
    found = _TWO_READINGS.fullmatch(plain_notation(text.strip()))
    return found is not None and (found[1] == ",") == (notation is Notation.DECIMAL_COMMA)


def in_one_notation(text: str, notation: Notation | None, *, is_answered: bool) -> str:
    """Return an ambiguous number as its column reads it, without separators or with a decimal point.

    Any other text only loses its currency. What the column does not decide for certain stays as it
    is, unless a user answered.
    """
    text = plain_notation(text)
    found = _TWO_READINGS.fullmatch(text)
    if not found or notation not in OF_NUMBERS:
        return text
    if not groups_by_decimal_mark(text, notation):
        return text.replace(found[1], "")
    return text.replace(",", ".") + "0" if is_answered else text  # 1.250 would have two readings again
