"""What one cell of an uploaded table means: keep the field, set a value, or empty the field.

An empty cell keeps; the word `[clear]` (`[xóa]`) clears; everything else is a value and goes through
`inputs.parse`, as in the form of one ticket. What is added here is only how users write such
values in spreadsheets: days as DD/MM/YYYY, options by their label, names of the CRM's lists without
diacritics, yes and no as words, contents in plain lines. A text that looks like a formula is a text.
"""

import re
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.bulk.exports import is_missing, is_shortened
from ticketadmin.services.bulk.notation import (
    ColumnReading,
    day_in_notation,
    in_one_notation,
    notations_of_day,
    notations_of_number,
)
from ticketadmin.services.bulk.spellings import first_message, with_names, with_spellings
from ticketadmin.services.saving.edit import CLEAR, Clear, Set
from ticketadmin.services.saving.signature import refuse_signature
from ticketadmin.services.values.choice_codecs import unknown_option
from ticketadmin.services.values.choices import MAX_CHOICE_NAME, matching_name
from ticketadmin.services.values.fields import DATE_KINDS, Field, Kind, Value
from ticketadmin.services.values.inputs import Inputs, is_blank, parse
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import folded, heading, visible

CLEARING_CELLS = frozenset(["[clear]", "[xoa]"])  # without diacritics, which covers both [xóa] and [xoá]
FREE_TEXT = frozenset(
    [Kind.LINE, Kind.TEXT, Kind.LONG_TEXT, Kind.HTML, Kind.RAW, Kind.MULTI_SELECT, Kind.CHOICE]
)
NEITHER = "[neither]"  # the answer that a spelling is none of the options
_BROKEN = re.compile(
    r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BUSY!|UNKNOWN!|BLOCKED!|GETTING_DATA|#{2,})"
)
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_MOBILE_WITHOUT_ZERO = re.compile(r"[35789]\d{8}", re.ASCII)
_ANSWERS = {"co": "1", "dung": "1", "x": "1", "y": "1", "khong": "0", "sai": "0", "n": "0"}


_PLAIN_COLUMN = ColumnReading()


def read_cell(
    field: Field,
    text: str,
    schema: TicketSchema,
    *,
    column: ColumnReading = _PLAIN_COLUMN,
    is_decimal: bool = False,
) -> Set | Clear | None:
    """Return the change that a cell represents; None: keep the field. Raises ValidationError.

    `is_decimal`: a workbook stores the number with three decimals.
    """
    plain = " ".join(visible(text).split())
    if not plain or is_missing(plain):
        return None
    refuse_signature(field)
    text = text if field.kind in FREE_TEXT else plain
    if heading(plain) in CLEARING_CELLS:
        return _clear(field)
    refuse_damage(text, is_number=field.kind is Kind.NUMBER)
    if is_shortened(text):
        message = _("An export wrote only the beginning of this value here. Empty the cell to keep it.")
        raise ValidationError(message, code="shortened")
    if field.kind is Kind.NUMBER:
        text = _number(text, column, is_decimal=is_decimal)
    try:
        inputs = _inputs(field, text, column)
        value = "" if is_blank(field, inputs) else _parsed(field, inputs)
        if field.kind is Kind.CHOICE:
            value = _name(field, str(value), schema, column)
    except ValidationError as error:
        raise _helpful(error, field, schema) from error
    if value == "":
        message = _("Nothing is left of this content after cleaning. To empty the field, write [clear].")
        raise ValidationError(message, code="nothing_left")
    return Set(value, is_typed=True)


def refuse_damage(text: str, *, is_number: bool = False) -> None:
    """Raise ValidationError for text that a spreadsheet shows in place of a lost value, such as `####`."""
    if _BROKEN.fullmatch(text):
        message = _("The spreadsheet shows %(value)s here, which is no value. Correct the cell.")
        raise ValidationError(message, code="broken_cell", params={"value": text[:20]})
    if _SHORTENED.fullmatch(text) and not is_number:
        message = _(
            "The spreadsheet shortened a long number here. Format the column as text and type it again."
        )
        raise ValidationError(message, code="shortened_number")


def is_read_as(field: Field, text: str, wish: Set | Clear | None) -> bool:
    """Return whether a name of the CRM's lists matched only without diacritics, which a page has to say."""
    return field.kind is Kind.CHOICE and isinstance(wish, Set) and folded(str(wish.value)) != folded(text)


def lacks_leading_zero(field: Field, text: str) -> bool:
    """Return whether the text is a Vietnamese mobile number whose leading zero a spreadsheet dropped."""
    return field.kind is Kind.PHONE and bool(_MOBILE_WITHOUT_ZERO.fullmatch(text.strip()))


def option_names_in(field: Field, text: str) -> list[str]:
    """Return the names of options in a cell: one, or for a field with several options its parts."""
    is_one = field.kind is not Kind.MULTI_SELECT or _known(field, text) is not None
    return [text] if is_one else _parts(text)


def candidates(field: Field, name: str, schema: TicketSchema) -> tuple[tuple[str, str], ...]:
    """Return the options or names, as value and label, that one spelling may mean; none unless several.

    For yes and no, that is every short text that is neither.
    """
    name = " ".join(visible(name).split())
    if field.kind is Kind.YES_NO:
        return () if _is_answer(field, name) else (("1", ""), ("0", ""))
    if field.kind is Kind.CHOICE:
        known = schema.choices.of_field(field.name)
        if not known.is_known or matching_name(known.names, name):
            return ()
        named = [(one, one) for one in known.names]
    else:
        if _known(field, name):
            return ()
        named = list(field.choices)
    for spell in (folded, heading):
        found = [(value, label) for value, label in named if spell(label) == spell(name)]
        if found:
            return tuple(found) if len(found) > 1 else ()
    return ()


def _is_answer(field: Field, text: str) -> bool:
    try:
        return bool(parse(field, [_ANSWERS.get(heading(text), text)]))
    except ValidationError:
        return False


def _helpful(error: ValidationError, field: Field, schema: TicketSchema) -> ValidationError:
    """Return the error with every spelling, or name, that its column accepts."""
    message = first_message(error)
    if error.code in {"unknown_name", "unknown_option"}:
        return ValidationError(with_names(message, field, schema), code=error.code)
    names_spellings = error.code in {"invalid_number", "invalid_answer", "invalid_phone"}
    return ValidationError(with_spellings(message, field.kind), code=error.code) if names_spellings else error


def _parsed(field: Field, inputs: Inputs) -> Value:
    """Return the value; an option that is no longer offered is kept for tickets that already hold it."""
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


def _name(field: Field, text: str, schema: TicketSchema, column: ColumnReading) -> str:
    """Return the CRM's spelling of a name: the user's choice, or the only match without diacritics."""
    if chosen := column.names.get(folded(text), ""):
        return _unless_neither(chosen, text)
    try:
        return schema.resolve(field.name, text)
    except ValidationError as error:
        wanted = heading(text)
        alike = [name for name in schema.choices.of_field(field.name).names if heading(name) == wanted]
        if error.code == "unknown_name" and wanted and len(text) <= MAX_CHOICE_NAME and len(alike) == 1:
            return alike[0]
        raise


def _number(text: str, column: ColumnReading, *, is_decimal: bool) -> str:
    if is_decimal:
        return text + "0"  # 1.255 by itself could mean 1255
    column.refuse_misfit(notations_of_number(text, is_workbook=column.day_zero is not None))
    return in_one_notation(text, column.notation, is_answered=column.is_answered)


def _inputs(field: Field, text: str, column: ColumnReading) -> Inputs:
    if field.kind in DATE_KINDS:
        column.refuse_misfit(notations_of_day(text))
        return [day_in_notation(text, column.notation, day_zero=column.day_zero)]
    if field.kind is Kind.YES_NO:
        return [_ANSWERS.get(heading(text)) or column.names.get(folded(text)) or text]
    if field.kind is Kind.SELECT or (field.kind is Kind.MULTI_SELECT and field.choices):
        return [_option(field, name, column) for name in option_names_in(field, text)]
    return _parts(text) if field.kind is Kind.MULTI_SELECT else [text]


def _parts(text: str) -> list[str]:
    separator = r"[;|\n]" if re.search(r"[;|\n]", text) else ","
    return [part.strip() for part in re.split(separator, text) if part.strip()]


def _option(field: Field, text: str, column: ColumnReading) -> str:
    if known := _known(field, text):
        return known
    return _unless_neither(column.names.get(folded(text), text), text)


def _unless_neither(chosen: str, text: str) -> str:
    if chosen == NEITHER:
        raise unknown_option(text)
    return chosen


def _known(field: Field, text: str) -> str | None:
    """Return the value of the option with this value or label."""
    if text in {value for value, _label in field.choices}:
        return text
    for spell in (folded, heading):
        named = [value for value, label in field.choices if spell(label) == spell(text)]
        if len(named) == 1:
            return named[0]
    return None
