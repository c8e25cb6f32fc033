"""The template of a bulk update's table: one column for each field, with headings that an upload recognises.

The workbook formats every column as text, so that a spreadsheet neither drops the zeros of a phone
number nor rewrites a day, and explains the columns on a second sheet in the user's language.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.services.bulk.codes import is_code_heading
from ticketadmin.services.bulk.columns import labels
from ticketadmin.services.bulk.exports import in_every_language
from ticketadmin.services.bulk.spellings import SPELLINGS, write_it_as
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.spreadsheets.table import MAX_TABLE_ROWS
from ticketadmin.services.spreadsheets.writing import HelpSheet, SheetColumn, write_workbook
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import heading

_WIDTHS = {Kind.HTML: 60, Kind.LONG_TEXT: 60, Kind.LINE: 40, Kind.EMAIL: 28}


@dataclass(frozen=True)
class ColumnHelp:
    """The heading of a column, what it may hold, and the names to choose from."""

    heading: str
    meaning: str
    options: tuple[str, ...] = ()


def template_csv(schema: TicketSchema) -> Iterator[str]:
    """Yield the header of an empty table."""
    return csv_lines([column.heading for column in explain_columns(schema)], [])


def template_xlsx(schema: TicketSchema) -> bytes:
    """Return an empty workbook with explanations, and with lists to choose statuses and options from."""
    columns = explain_columns(schema)
    widths = [20, *(_WIDTHS.get(field.kind, 20) for field in schema.fields.values())]
    rules = [
        _("An empty cell keeps what the ticket has. Columns that you do not need can be removed."),
        _("At most %(most)s tickets in one file. Nothing is sent before you have seen a preview.")
        % {"most": number_format(MAX_TABLE_ROWS, force_grouping=True)},
    ]
    written = write_workbook(
        _("Tickets"),
        [SheetColumn(one.heading, width, one.options) for one, width in zip(columns, widths, strict=True)],
        [],
        explained=_help_sheet(rules, columns),
    )
    return written.getvalue()


def _help_sheet(rules: Sequence[str], columns: Iterable[ColumnHelp]) -> HelpSheet:
    rows = [(column.heading, column.meaning) for column in columns]
    return HelpSheet(_("How to fill in"), rules, (_("Column"), _("Allowed values")), rows)


def help_titles() -> frozenset[str]:
    """Return the titles of the sheets beside the table in every language: users are not warned about them."""
    return in_every_language(lambda: [_("How to fill in"), _("Lists")])


def explain_export(columns: Iterable[ColumnHelp]) -> HelpSheet:
    """Return the sheet that explains an exported list; `columns` are those with a field."""
    rules = [
        _("Change cells, sort, filter, hide or remove rows and columns, then upload this file."),
        _("A cell that you leave alone is kept. A cell that you change is set."),
        _("For emptied cells you are asked, column by column, whether to empty the fields."),
        _("Where a value in the CRM changed after this export, you are asked which one counts."),
        _("Columns that are not listed below are ignored."),
        _("Nothing is sent before you have seen a preview."),
    ]
    return _help_sheet(rules, columns)


def explain_columns(schema: TicketSchema) -> list[ColumnHelp]:
    """Return the columns of the template, the codes first, explained in the user's language."""
    names = headings_of(schema.fields)
    code = ColumnHelp(_("Ticket code"), _("The ticket's code. Each ticket has one row."))
    return [code, *(_help(names[name], field, schema) for name, field in schema.fields.items())]


def headings_of(fields: Mapping[str, Field]) -> dict[str, str]:
    """Return the label of each field, or its API name if the label would not be recognised as that field."""
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
    ways: dict[Kind, str] = {
        Kind.LINE: _("At most 255 characters."),
        Kind.HTML: _("HTML, or plain text whose lines stay lines."),
        Kind.EMAIL: _("An e-mail address."),
        Kind.CHOICE: _("A name from the CRM's list."),
        Kind.DATE: _("A day."),
        Kind.EPOCH_DATE: _("A day."),
        Kind.PHONE: _("6 to 20 digits, spaces or + - ( ) . with leading zeros kept."),
        Kind.NUMBER: _("A number."),
        Kind.SELECT: _("One of the options."),
        Kind.MULTI_SELECT: _("One or several of the options, separated by semicolons."),
        Kind.YES_NO: _("Yes or no."),
        Kind.TEXT: "",
        Kind.LONG_TEXT: "",
        Kind.RAW: "",
    }
    examples = SPELLINGS.get(kind)
    return " ".join(filter(None, [ways[kind], str(write_it_as(examples)) if examples else ""]))
