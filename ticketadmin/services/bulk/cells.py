"""What one cell of an uploaded table asks for: nothing, a value, or an empty field.

An empty cell keeps; the word `[clear]` (`[xóa]`) clears; everything else is a value and goes through
`inputs.parse`, as in the form of one ticket. What is added here is only how people write such
values in spreadsheets: days as DD/MM/YYYY, options by their label, names of the CRM's lists without
diacritics, yes and no as words, contents in plain lines. A text that looks like a formula is a text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ticketadmin.services.saving.edit import CLEAR, Clear, Set
from ticketadmin.services.saving.signature import refuse_signature
from ticketadmin.services.values.choices import MAX_NAME
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.inputs import Inputs, is_blank, parse
from ticketadmin.services.values.numbers import MAX_DIGITS
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import folded, heading, visible

CLEARING = frozenset(["[clear]", "[xoa]"])  # without diacritics, so [xóa] and [xoá] are both among them
FREE_TEXT = frozenset(
    [Kind.LINE, Kind.TEXT, Kind.LONG_TEXT, Kind.HTML, Kind.RAW, Kind.MULTI_SELECT, Kind.CHOICE]
)
DATES = frozenset([Kind.DATE, Kind.EPOCH_DATE])
_DAY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})", re.ASCII)
_SERIAL = re.compile(r"[2-7]\d{4}(\.\d+)?", re.ASCII)  # of the years 1954 to 2119
_CENTURY_FROM = 69  # as POSIX reads a year of two digits: 69 is 1969, 68 is 2068
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
_MARKED = re.compile(
    r"[+-]?\d+(?P<groups>([.,])\d{3}(?:\2\d{3})+)?(?:(?P<mark>[.,])(?P<part>\d+))?", re.ASCII
)
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2})?( ?[AP]M)?", re.IGNORECASE)
_BROKEN = re.compile(
    r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BUSY!|UNKNOWN!|BLOCKED!|GETTING_DATA|#{2,})"
)
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_MOBILE_WITHOUT_ZERO = re.compile(r"[35789]\d{8}", re.ASCII)
_ANSWERS = {"co": "1", "dung": "1", "x": "1", "y": "1", "khong": "0", "sai": "0", "n": "0"}


@dataclass(frozen=True)
class ColumnReading:
    """How the cells of one column are read, as its other cells and its file tell.

    `is_month_first`: it holds days with the month in front, so that 05/12/2026 cannot be read for certain.
    `day_zero`: the day that the workbook's serial numbers count from. `thousands`: the mark that separates
    thousands for certain, so that 1.250 is 1250 and not one and a quarter; "" where no cell tells.
    """

    is_month_first: bool = False
    day_zero: date | None = None
    thousands: str = ""


_PLAIN_COLUMN = ColumnReading()


def read_cell(
    field: Field,
    text: str,
    schema: TicketSchema,
    *,
    column: ColumnReading = _PLAIN_COLUMN,
    is_decimal: bool = False,
) -> Set | Clear | None:
    """Return what a cell asks for; None: keep the field. Raises ValidationError.

    `is_decimal` tells that a workbook stores a number with three decimals.
    """
    plain = " ".join(visible(text).split())
    if not plain:
        return None
    refuse_signature(field)
    text = text if field.kind in FREE_TEXT else plain
    if heading(plain) in CLEARING:
        return _clear(field)
    refuse_damage(text, is_number=field.kind is Kind.NUMBER)
    if field.kind is Kind.NUMBER:
        text = _number(text, column, is_decimal=is_decimal)
    inputs = _inputs(field, text, column)
    value = "" if is_blank(field, inputs) else _parsed(field, inputs)
    if field.kind is Kind.CHOICE:
        value = _name(field, str(value), schema)
    if value == "":
        message = _("Nothing is left of this content after cleaning. To empty the field, write [clear].")
        raise ValidationError(message, code="nothing_left")
    return Set(value, is_typed=True)


def refuse_damage(text: str, *, is_number: bool = False) -> None:
    """Raise ValidationError for what a spreadsheet shows in the place of a value that it lost."""
    if _BROKEN.fullmatch(text):
        message = _("The spreadsheet shows %(value)s here, which is no value. Correct the cell.")
        raise ValidationError(message, code="broken_cell", params={"value": text[:20]})
    if _SHORTENED.fullmatch(text) and not is_number:
        message = _(
            "The spreadsheet shortened a long number here. Format the column as text and type it again."
        )
        raise ValidationError(message, code="shortened_number")


def puts_month_first(text: str) -> bool:
    """Return whether the text is a day written with the month in front, such as 12/31/2026."""
    found = _DAY.fullmatch(_TIME_OF_DAY.sub("", text.strip()))
    return found is not None and int(found[3]) > 12 >= int(found[1])


def thousands_mark(texts: Iterable[str], *, is_workbook: bool) -> str:
    """Return the mark, "." or ",", that separates thousands in a column of numbers; "" where no cell tells.

    1.250.000 and 2,5 tell of ".", 1,250,000 and 2.5 of ",". 1.250 and 1,250 tell nothing, and neither do
    cells that contradict each other. Of a workbook 2.5 tells nothing: a number in it has no notation.
    """
    told: set[str] = set()
    for text in texts:
        if len(text) <= MAX_DIGITS and (found := _MARKED.fullmatch(text.strip())):
            told |= _told_by(found, is_workbook=is_workbook)
    return told.pop() if len(told) == 1 else ""


def _told_by(found: re.Match[str], *, is_workbook: bool) -> set[str]:
    if found["groups"]:
        return {found[2]}
    is_told = found["mark"] == "," or (found["mark"] == "." and not is_workbook)
    if is_told and len(found["part"]) != len("000"):
        return {"," if found["mark"] == "." else "."}
    return set()


def is_read_as(field: Field, text: str, wish: Set | Clear | None) -> bool:
    """Return whether a name of the CRM's lists was found only without diacritics, which a page has to say."""
    return field.kind is Kind.CHOICE and isinstance(wish, Set) and folded(str(wish.value)) != folded(text)


def lacks_zero(field: Field, text: str) -> bool:
    """Return whether the text is a Vietnamese mobile number whose leading zero a spreadsheet dropped."""
    return field.kind is Kind.PHONE and bool(_MOBILE_WITHOUT_ZERO.fullmatch(text.strip()))


def _parsed(field: Field, inputs: Inputs) -> Value:
    """Return the value; an option that is not offered is kept for tickets that hold it already."""
    try:
        return parse(field, inputs)
    except ValidationError as error:
        if error.code != "unknown_option":
            raise
        return parse(replace(field, choices=()), inputs)


def _clear(field: Field) -> Clear:
    if not field.clearable:
        raise ValidationError(_("This field cannot be empty."), code="required")
    return CLEAR


def _name(field: Field, text: str, schema: TicketSchema) -> str:
    """Return the CRM's spelling of a name, or of the only name that is the same without diacritics."""
    try:
        return schema.resolve(field.name, text)
    except ValidationError as error:
        wanted = heading(text)
        alike = [name for name in schema.choices.of_field(field.name).names if heading(name) == wanted]
        if error.code == "unknown_name" and wanted and len(text) <= MAX_NAME and len(alike) == 1:
            return alike[0]
        raise


def _number(text: str, column: ColumnReading, *, is_decimal: bool) -> str:
    if is_decimal:
        return text + "0"  # 1.255 by itself could mean 1255
    found = _THOUSANDS.fullmatch(text)
    return text.replace(found[1], "") if found and found[1] == column.thousands else text


def _inputs(field: Field, text: str, column: ColumnReading) -> Inputs:
    if field.kind in DATES:
        return [_day(text, column)]
    if field.kind is Kind.YES_NO:
        return [_ANSWERS.get(heading(text), text)]
    if field.kind is Kind.SELECT:
        return [_option(field, text)]
    if field.kind is Kind.MULTI_SELECT:
        return _options(field, text)
    return [text]


def _day(text: str, column: ColumnReading) -> str:
    """Return a day as YYYY-MM-DD; the day comes before the month, as Vietnamese spreadsheets write it.

    Raises ValidationError for a day that is uncertain or none, naming every spelling that is taken.
    """
    text = _TIME_OF_DAY.sub("", text)
    if column.day_zero and _SERIAL.fullmatch(text):
        return (column.day_zero + timedelta(days=int(float(text)))).isoformat()
    if found := _YEAR_FIRST.fullmatch(text):
        return _calendar_day(int(found[1]), int(found[3]), int(found[4]))
    found = _DAY.fullmatch(text)
    if not found:
        raise _no_day()
    day, month = int(found[1]), int(found[3])
    if column.is_month_first and day != month:
        message = _("It is not certain which number is the month, here or in another row. Write YYYY-MM-DD.")
        raise ValidationError(message, code="ambiguous_date")
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
    message = _(
        "This is not a calendar date. Write it as 2026-12-31, 2026/12/31, 31/12/2026, 31-12-2026, "
        "31.12.2026 or 31/12/26."
    )
    return ValidationError(message, code="invalid_date")


def _options(field: Field, text: str) -> Inputs:
    if not field.choices or _known(field, text):
        return [_option(field, text)] if field.choices else _parts(text)
    return [_option(field, part) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    separator = r"[;|\n]" if re.search(r"[;|\n]", text) else ","
    return [part.strip() for part in re.split(separator, text) if part.strip()]


def _option(field: Field, text: str) -> str:
    return _known(field, text) or text


def _known(field: Field, text: str) -> str | None:
    """Return the value of the option that is named by its value or its label."""
    if text in {value for value, _label in field.choices}:
        return text
    for spell in (folded, heading):
        named = [value for value, label in field.choices if spell(label) == spell(text)]
        if len(named) == 1:
            return named[0]
    return None
