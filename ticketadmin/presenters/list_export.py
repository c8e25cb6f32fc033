"""The list of tickets as a table for a spreadsheet: its columns, and typed values instead of words.

What the index does not know is written as such and never left empty: an empty cell is an empty field.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.forms.listing import ListRequest
from ticketadmin.models import CustomField, FieldKind, IndexedTicket
from ticketadmin.presenters.listing import Column, columns_of, field_of, option_labels
from ticketadmin.services.index.rows import CATEGORY, CREATED, EXPECTED, STATUS, UPDATED
from ticketadmin.services.spreadsheets.writing import CellValue, SheetColumn
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.numbers import epoch_to_date, plain_number, to_number

_WIDTHS = {"title": 48, "customer": 32, "email": 28}
_EXACT_DIGITS = 15  # what a spreadsheet keeps of a number


class ListTable:
    """The table of one list: the code, the columns that the list shows, and when each ticket was read."""

    def __init__(self, asked: ListRequest, described: Sequence[CustomField], choices: Choices) -> None:
        self._columns = [one for one in columns_of(asked, described) if one.name != "code"]
        self._custom = {CUSTOM_PREFIX + one.key: one for one in described}
        self._choices = choices

    def columns(self) -> list[SheetColumn]:
        """Return the columns with their headings in the user's language."""
        shown = [
            SheetColumn(str(one.label), _WIDTHS.get(one.name, 20), self._options(one))
            for one in self._columns
        ]
        return [SheetColumn(_("Ticket code")), *shown, SheetColumn(_("Read from the CRM"))]

    def rows(self, tickets: Iterable[IndexedTicket]) -> Iterator[list[CellValue]]:
        """Yield a row for each ticket, in the order of `columns`."""
        not_known = _("(not known)")
        names = [field_of(one.name) for one in self._columns]
        for ticket in tickets:
            cells: list[CellValue] = [
                self._value(ticket, name) if name in ticket.values else not_known for name in names
            ]
            yield [ticket.code, *cells, _local(ticket.read_at)]

    def _options(self, column: Column) -> tuple[str, ...]:
        name = field_of(column.name)
        if name in {STATUS, CATEGORY}:
            return self._choices.of_field(name).names
        described = self._custom.get(name)
        if described and described.kind == FieldKind.SELECT:
            return tuple(label for _value, label in described.choices)
        return ()

    def _value(self, ticket: IndexedTicket, name: str) -> CellValue:
        text = str(ticket.values[name])
        if name == EXPECTED:
            return _day(text)
        if name in {CREATED, UPDATED}:
            return _local(ticket.created_at if name == CREATED else ticket.updated_at) or text
        return _custom_value(self._custom[name], text) if name in self._custom else text


def csv_cells(rows: Iterable[Sequence[CellValue]]) -> Iterator[list[str | None]]:
    """Yield the rows with every value as a text: days as YYYY-MM-DD, moments with their time."""
    for row in rows:
        yield [_text(value) for value in row]


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
        return date.fromisoformat(text)
    except ValueError:
        return text


def _custom_value(described: CustomField, text: str) -> CellValue:
    if described.kind == FieldKind.NUMBER:
        return _number(text)
    if described.kind == FieldKind.DATE:
        return _day(text)
    if described.kind == FieldKind.EPOCH_DATE:
        return epoch_to_date(text) or text
    if described.kind in {FieldKind.SELECT, FieldKind.MULTI_SELECT}:
        return option_labels(described, text)
    return text


def _number(text: str) -> CellValue:
    """Return the number, or its text where a spreadsheet would not keep every digit or its spelling."""
    number = to_number(text)
    if number is None or plain_number(number) != text or sum(map(str.isdigit, text)) > _EXACT_DIGITS:
        return text
    return number
