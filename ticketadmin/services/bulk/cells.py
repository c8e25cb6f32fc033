"""What one cell of an uploaded table asks for: nothing, a value, or an empty field.

An empty cell keeps; the word `[clear]` (`[xóa]`) clears; everything else is a value and goes through
`inputs.parse`, as in the form of one ticket. What is added here is only how people write such
values in spreadsheets: days as DD/MM/YYYY, options by their label, yes and no as words, contents in
plain lines. A text that looks like a formula is a text.
"""

import re
from dataclasses import replace
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ticketadmin.services.saving.edit import CLEAR, Clear, Set
from ticketadmin.services.saving.signature import refuse_signature
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.inputs import Inputs, parse
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import folded, heading, visible

CLEARING = frozenset(["[clear]", "[xoa]"])  # without diacritics, so [xóa] and [xoá] are both among them
FREE_TEXT = frozenset(
    [Kind.LINE, Kind.TEXT, Kind.LONG_TEXT, Kind.HTML, Kind.RAW, Kind.MULTI_SELECT, Kind.CHOICE]
)
DATES = frozenset([Kind.DATE, Kind.EPOCH_DATE])
_DAY = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2})?( ?[AP]M)?", re.IGNORECASE)
_BROKEN = re.compile(
    r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BUSY!|UNKNOWN!|BLOCKED!|GETTING_DATA|#{2,})"
)
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_MOBILE_WITHOUT_ZERO = re.compile(r"[35789]\d{8}", re.ASCII)
_ANSWERS = {"co": "1", "dung": "1", "x": "1", "y": "1", "khong": "0", "sai": "0", "n": "0"}


def read_cell(
    field: Field,
    text: str,
    schema: TicketSchema,
    *,
    is_month_first: bool = False,
    is_decimal: bool = False,
) -> Set | Clear | None:
    """Return what a cell asks for; None: keep the field. Raises ValidationError.

    `is_month_first` tells that the column holds days with the month in front, so that 05/12/2026
    cannot be read for certain; `is_decimal` that a workbook stores a number with three decimals.
    """
    plain = " ".join(visible(text).split())
    if not plain:
        return None
    refuse_signature(field)
    text = text if field.kind in FREE_TEXT else plain
    if heading(plain) in CLEARING:
        return _clear(field)
    refuse_damage(text, is_number=field.kind is Kind.NUMBER)
    if is_decimal and field.kind is Kind.NUMBER:
        text += "0"  # 1.255 by itself could mean 1255
    value = _parsed(field, _inputs(field, text, is_month_first=is_month_first))
    if field.kind is Kind.CHOICE:
        value = schema.resolve(field.name, str(value))
    if value == "":
        message = _("Nothing of this content can be sent: it consists of what must not be stored.")
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


def _inputs(field: Field, text: str, *, is_month_first: bool) -> Inputs:
    if field.kind in DATES:
        return [_day(text, is_month_first=is_month_first)]
    if field.kind is Kind.YES_NO:
        return [_ANSWERS.get(heading(text), text)]
    if field.kind is Kind.SELECT:
        return [_option(field, text)]
    if field.kind is Kind.MULTI_SELECT:
        return _options(field, text)
    return [text]


def _day(text: str, *, is_month_first: bool) -> str:
    """Return a day as YYYY-MM-DD; the day comes before the month, as Vietnamese spreadsheets write it."""
    text = _TIME_OF_DAY.sub("", text)
    found = _DAY.fullmatch(text)
    if not found:
        return text
    day, month, year = int(found[1]), int(found[3]), int(found[4])
    if is_month_first and day != month:
        message = _("It is not certain which number is the month, here or in another row. Write YYYY-MM-DD.")
        raise ValidationError(message, code="ambiguous_date")
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return text


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
