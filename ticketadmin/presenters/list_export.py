"""The list of tickets as a table for a spreadsheet: its columns, and typed values instead of words.

Unknown values are marked as such: an empty cell always means an empty field.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.models import IndexedTicket
from ticketadmin.services.bulk.contents import CONTENT
from ticketadmin.services.bulk.exports import READ_AT, information, not_known, shortened
from ticketadmin.services.bulk.template import explain_columns, explain_export, headings_of
from ticketadmin.services.index.rows import CREATED, UPDATED
from ticketadmin.services.index.texts import is_cut
from ticketadmin.services.spreadsheets.records import ExportedCell, RecordedColumn, RecordWriter
from ticketadmin.services.spreadsheets.writing import (
    AS_DAY,
    AS_MOMENT,
    AS_TEXT,
    GENERAL,
    CellValue,
    HelpSheet,
    SheetColumn,
    SheetRow,
    cell_text,
    writable_day,
)
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.numbers import epoch_to_date, plain_number, to_number
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import heading

_WIDTHS = {Kind.LINE: 48, Kind.LONG_TEXT: 60, Kind.HTML: 60, Kind.EMAIL: 28}
_FORMATS = {Kind.NUMBER: GENERAL, Kind.DATE: AS_DAY, Kind.EPOCH_DATE: AS_DAY}
_MOMENTS = {CREATED, UPDATED, READ_AT}
_EXACT_DIGITS = 15  # what a spreadsheet keeps of a number


class ListTable:
    """The table of one list: the code, the columns that the list shows, and when each ticket was read.

    A field's column has its heading from the bulk template, so that an upload recognises it. `names` are
    those of the fields, or of what else the index keeps, in the order of the columns. With `content_of`,
    which returns the cell for a code, there is a column of the contents.
    """

    def __init__(
        self,
        names: Sequence[str],
        schema: TicketSchema,
        content_of: Callable[[str], ExportedCell] | None,
    ) -> None:
        self._schema = schema
        self._content_of = content_of
        self._names = [*names, *([CONTENT] if content_of else []), READ_AT]
        self._headings = headings_of(schema.fields)
        self._information = information()
        taken = {heading(text) for text in self._headings.values()}
        for name, text in self._information.items():
            if heading(text) in taken:  # a custom field has this label
                renamed = _("%(name)s (not taken back)") % {"name": text}
                self._information = {**self._information, name: renamed}

    def columns(self) -> list[SheetColumn]:
        """Return the columns with their headings in the user's language."""
        return [SheetColumn(_("Ticket code")), *map(self._column, self._names)]

    def rows(self, tickets: Iterable[IndexedTicket]) -> Iterator[SheetRow]:
        """Yield a row for each ticket, in the order of `columns`."""
        unknown = not_known()
        for ticket in tickets:
            cells: list[CellValue] = [ticket.code]
            recorded: list[ExportedCell] = []
            for name in self._names:
                if field := self._schema.fields.get(name):
                    cell, exported = self._exported(field, ticket, unknown)
                    cells.append(cell)
                    recorded.append(exported)
                else:
                    cells.append(_information_of(ticket, name, unknown))
            yield SheetRow(cells, ticket.code, recorded)

    def explained(self) -> HelpSheet:
        """Return the sheet that says how to change the table and bring it back."""
        shown = {self._headings[name] for name in self._names if name in self._schema.fields}
        return explain_export(one for one in explain_columns(self._schema) if one.heading in shown)

    def record(self) -> RecordWriter:
        """Return the writer of the record by which an upload is compared with this export."""
        fields = self._schema.fields
        columns = [
            RecordedColumn(self._heading(name), name if name in fields else "") for name in self._names
        ]
        return RecordWriter(columns, address=str(settings.TICKET_API_URL), at=timezone.now())

    def _heading(self, name: str) -> str:
        return self._headings.get(name) or self._information.get(name, name)

    def _column(self, name: str) -> SheetColumn:
        field = self._schema.fields.get(name)
        if field is None:
            number_format = AS_MOMENT if name in _MOMENTS else AS_TEXT
            return SheetColumn(self._heading(name), 20 if name in _MOMENTS else 32, (), number_format)
        return SheetColumn(
            self._heading(name),
            _WIDTHS.get(field.kind, 20),
            _options(field, self._schema.choices),
            _FORMATS.get(field.kind, AS_TEXT),
        )

    def _exported(self, field: Field, ticket: IndexedTicket, unknown: str) -> tuple[CellValue, ExportedCell]:
        if field.name == CONTENT and self._content_of:
            content = self._content_of(ticket.code)
            return content.text, content
        if field.name not in ticket.values:
            return unknown, ExportedCell(unknown, None)
        value = str(ticket.values[field.name])
        if is_cut(value):
            text = cell_text(shortened(value))
            return text, ExportedCell(text, None, is_cut=True)
        cell = _value(field, value)
        return cell, ExportedCell(cell_text(cell), value)


def _options(field: Field, choices: Choices) -> tuple[str, ...]:
    if field.kind is Kind.CHOICE:
        return choices.of_field(field.name).names
    return tuple(label for _value, label in field.choices) if field.kind is Kind.SELECT else ()


def _information_of(ticket: IndexedTicket, name: str, unknown: str) -> CellValue:
    if name == READ_AT:
        return _local(ticket.read_at)
    if name not in ticket.values:
        return unknown
    text = str(ticket.values[name])
    if name in _MOMENTS:
        return _local(ticket.created_at if name == CREATED else ticket.updated_at) or text
    return text


def _value(field: Field, text: str) -> CellValue:
    if field.kind is Kind.NUMBER:
        return _number(text)
    if field.kind is Kind.DATE:
        return _day(text)
    if field.kind is Kind.EPOCH_DATE:
        day = epoch_to_date(text)
        return writable_day(day) if day else text
    labels = dict(field.choices)
    if field.kind is Kind.SELECT:
        return labels.get(text, text)
    if field.kind is Kind.MULTI_SELECT and labels:
        return "; ".join(labels.get(one, one) for one in text.split(", "))
    return text


def csv_cells(rows: Iterable[SheetRow]) -> Iterator[list[str | None]]:
    """Yield the rows with every value as a text: days as YYYY-MM-DD, moments with their time."""
    for row in rows:
        yield [_text(value) for value in row.cells]


def _text(value: CellValue) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else str(value)


def _local(moment: datetime | None) -> datetime | None:
    return timezone.make_naive(moment) if moment else None


def _day(text: str) -> date | str:
    try:
        return writable_day(date.fromisoformat(text))
    except ValueError:
        return text


def _number(text: str) -> CellValue:
    """Return the number, or its text where a spreadsheet would not keep every digit or its spelling."""
    number = to_number(text)
    if number is None or plain_number(number) != text or sum(map(str.isdigit, text)) > _EXACT_DIGITS:
        return text
    return number
