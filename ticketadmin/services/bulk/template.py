"""The table to fill in for a bulk update: one column for each field, named so that it is read back.

The workbook formats every column as text, so that a spreadsheet neither drops the zeros of a phone
number nor rewrites a day, and explains the columns on a second sheet in the person's language.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.datavalidation import DataValidation

from ticketadmin.services.bulk.columns import labels, letter
from ticketadmin.services.bulk.spellings import SPELLINGS, write_it_as
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.index.codes import is_code_heading
from ticketadmin.services.spreadsheets import MOST_ROWS
from ticketadmin.services.spreadsheets.writing import HelpSheet
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import heading

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_AS_TEXT = "@"
_WIDTHS = {Kind.HTML: 60, Kind.LONG_TEXT: 60, Kind.LINE: 40, Kind.EMAIL: 28}


@dataclass(frozen=True)
class ColumnHelp:
    """What a column is called, what it may hold, and the names to choose from."""

    heading: str
    meaning: str
    options: tuple[str, ...] = ()


def template_csv(schema: TicketSchema) -> Iterator[str]:
    """Yield the header of an empty table."""
    return csv_lines([column.heading for column in explain_columns(schema)], [])


def template_xlsx(schema: TicketSchema) -> bytes:
    """Return an empty workbook with explanations, and with lists to choose statuses and options from."""
    columns = explain_columns(schema)
    book = Workbook()
    table = book.active
    if table is None:
        raise RuntimeError("a new workbook has a sheet")
    table.title = _("Tickets")
    _fill_table(table, columns, [20, *(_WIDTHS.get(field.kind, 20) for field in schema.fields.values())])
    _fill_help(book.create_sheet(_("How to fill in")), columns)
    _fill_lists(book.create_sheet(_("Lists")), table, columns)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def help_titles() -> frozenset[str]:
    """Return the titles of the sheets beside the table in every language: nobody has to be told of them."""
    titles = set()
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            titles |= {_("How to fill in"), _("Lists")}
    return frozenset(titles)


def explain_export(columns: Iterable[ColumnHelp]) -> HelpSheet:
    """Return the sheet that explains an exported list; `columns` are those with a field."""
    rules = [
        _("Change cells, sort, filter, hide or remove rows and columns, then upload this file."),
        _("A cell that you leave alone is kept. A cell that you change is set."),
        _("For emptied cells you are asked, column by column, whether to empty the fields."),
        _("Where a value in the CRM changed after this export, you are asked which one counts."),
        _("Columns that are not listed below are not taken back."),
        _("Nothing is sent before you have seen a preview."),
    ]
    rows = [(column.heading, column.meaning) for column in columns]
    return HelpSheet(_("How to fill in"), rules, (_("Column"), _("Allowed values")), rows)


def explain_columns(schema: TicketSchema) -> list[ColumnHelp]:
    """Return the columns of the template, the codes first, explained in the person's language."""
    names = headings_of(schema.fields)
    code = ColumnHelp(_("Ticket code"), _("The ticket's code. Each ticket has one row."))
    return [code, *(_help(names[name], field, schema) for name, field in schema.fields.items())]


def headings_of(fields: Mapping[str, Field]) -> dict[str, str]:
    """Return the label of each field, or its API name where the label would not lead back to it."""
    owners: dict[str, set[str]] = {}
    for name, field in fields.items():
        for label in labels(field):
            owners.setdefault(heading(label), set()).add(name)
    return {
        name: name if is_code_heading(label) or owners.get(heading(label)) != {name} else label
        for name, label in ((name, str(field.label)) for name, field in fields.items())
    }


def _help(name: str, field: Field, schema: TicketSchema) -> ColumnHelp:
    options: tuple[str, ...] = tuple(label for _value, label in field.choices)
    if field.kind is Kind.CHOICE:
        options = schema.choices.of_field(field.name).names
    clearing = _("To empty the field write %(word)s.") % {"word": _("[clear]")} if field.clearable else ""
    own_help = str(field.help_text)
    return ColumnHelp(name, " ".join(filter(None, [own_help, _how(field.kind), clearing])), options)


def _how(kind: Kind) -> str:
    ways = {
        Kind.LINE: _("At most 255 characters."),
        Kind.HTML: _("HTML, or plain text whose lines stay lines."),
        Kind.EMAIL: _("An e-mail address."),
        Kind.CHOICE: _("A name from the CRM's list."),
        Kind.DATE: _("A day."),
        Kind.EPOCH_DATE: _("A day."),
        Kind.PHONE: _("6 to 20 digits, spaces or + - ( ) . and zeros in front are kept."),
        Kind.NUMBER: _("A number."),
        Kind.SELECT: _("One of the options."),
        Kind.MULTI_SELECT: _("One or several of the options, separated by semicolons."),
        Kind.YES_NO: _("Yes or no."),
    }
    examples = SPELLINGS.get(kind)
    return " ".join(filter(None, [ways.get(kind, ""), write_it_as(examples) if examples else ""]))


def _fill_table(sheet: "Worksheet", columns: list[ColumnHelp], widths: Iterable[int]) -> None:
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        _write(sheet, 1, index + 1, column.heading, is_bold=True)
        dimension = sheet.column_dimensions[letter(index)]
        dimension.number_format = _AS_TEXT
        dimension.width = width
    sheet.freeze_panes = "B2"


def _fill_help(sheet: "Worksheet", columns: list[ColumnHelp]) -> None:
    rules = [
        _("An empty cell keeps what the ticket has. Columns that you do not need can be removed."),
        _("At most %(most)s tickets in one file. Nothing is sent before you have seen a preview.")
        % {"most": number_format(MOST_ROWS, force_grouping=True)},
    ]
    for row, rule in enumerate(rules, start=1):
        _write(sheet, row, 1, rule)
    _write(sheet, 4, 1, _("Column"), is_bold=True)
    _write(sheet, 4, 2, _("Allowed values"), is_bold=True)
    for row, column in enumerate(columns, start=5):
        _write(sheet, row, 1, column.heading)
        _write(sheet, row, 2, column.meaning)
    sheet.column_dimensions["A"].width = 32
    sheet.column_dimensions["B"].width = 90


def _fill_lists(sheet: "Worksheet", table: "Worksheet", columns: list[ColumnHelp]) -> None:
    """Write each column's options below its name and offer them in the table; other texts stay possible."""
    sheet.sheet_state = "hidden"
    for index, column in enumerate(columns):
        if not column.options:
            continue
        place = letter(index)
        for row, option in enumerate((column.heading, *column.options), start=1):
            _write(sheet, row, index + 1, option, is_bold=row == 1)
        source = f"'{sheet.title}'!${place}$2:${place}${len(column.options) + 1}"
        offer = DataValidation(type="list", formula1=source, showErrorMessage=False)
        offer.add(f"{place}2:{place}{MOST_ROWS + 1}")
        table.add_data_validation(offer)


def _write(sheet: "Worksheet", row: int, column: int, text: str, *, is_bold: bool = False) -> None:
    """Write a text as a text, even one that begins like a formula."""
    cell = sheet.cell(row, column, text)
    cell.data_type = "s"
    cell.number_format = _AS_TEXT
    cell.font = Font(bold=is_bold)
    cell.alignment = Alignment(vertical="top", wrap_text=True)
