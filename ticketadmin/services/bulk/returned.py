"""An exported list that is uploaded again: what was changed in it, cell by cell.

The record of the file (`spreadsheets.records`) is a comparison base and nothing else. A cell that still shows
what was exported changes nothing; a changed one is read like any other cell; an emptied one changes nothing
unless the user says so for its column. Dry run and save read every ticket afresh.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.bulk.exports import is_ending, only_informs, shows_when_read
from ticketadmin.services.saving.edit import Clear, Set
from ticketadmin.services.spreadsheets.records import ExportedCell, ExportRecord, RecordProblem, read_record
from ticketadmin.services.spreadsheets.table import Table, TableRow
from ticketadmin.services.values.fields import Field
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class ReturnedFile:
    """The origin of an uploaded table. An ordinary file has neither record nor misfit."""

    record: ExportRecord | None = None
    misfit: RecordProblem | None = None

    def field_of(self, name: str) -> str | None:
        """Return the field of a heading; "" if the column only informs, None if it is unknown."""
        if is_ending(name):
            return ""
        if self.record and (found := self.record.field_of(name)) is not None:
            return found
        return "" if (self.record or self.misfit) and only_informs(name) else None

    def changed_cells(self, table: Table, codes: int, names: Mapping[int, str]) -> Table:
        """Return the table without unchanged cells, which say nothing about how the user writes values.

        `codes` is the column of the ticket codes, `names` are the fields of the others, by column.
        """
        if self.record is None:
            return table
        return replace(table, rows=tuple(self._changed(row, codes, names) for row in table.rows))

    def _changed(self, row: TableRow, codes: int, names: Mapping[int, str]) -> TableRow:
        exported = self.cells_of(row.cells[codes] if codes < len(row.cells) else "")
        cells = (
            "" if (cell := exported.get(names.get(at, ""))) and cell.is_left_alone(text) else text
            for at, text in enumerate(row.cells)
        )
        return replace(row, cells=tuple(cells))

    def cells_of(self, code: str) -> Mapping[str, ExportedCell]:
        """Return what was exported for a ticket, by field; empty for an added row."""
        return self.record.cells_of(code) if self.record else {}


@dataclass(frozen=True)
class RowPlan:
    """The changes of a row for its ticket, by field name; an absent field is kept.

    `had` are the values that the file was exported with, of changed cells and of emptied ones, as the index
    spelled them; a field that is only in `had` was emptied, which by itself changes nothing.
    """

    row_number: int
    code: str
    values: Mapping[str, Set | Clear]
    had: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Differences:
    """How an uploaded export differs from what was exported.

    `changed` rows have a changed or an emptied cell, `emptied` counts the emptied cells of a field, `added`
    rows are of tickets that were not exported, `left_out` were exported and are no longer there.
    """

    exported_at: datetime
    unchanged: int = 0
    changed: int = 0
    added: int = 0
    left_out: int = 0
    emptied: Mapping[str, int] = field(default_factory=dict)


def returned_file(table: Table) -> ReturnedFile:
    """Return the record of a table that is a comparable export of this CRM, or why it is not."""
    found = read_record(table.record, address=str(settings.TICKET_API_URL))
    if isinstance(found, ExportRecord):
        return ReturnedFile(found)
    is_export = bool(table.record) or shows_when_read(table.header)
    return ReturnedFile(misfit=found if is_export else None)


def refuse_shortened(exported: ExportedCell) -> None:
    """Raise ValidationError for a changed cell whose export held only the beginning of the value."""
    if exported.is_cut:
        message = _(
            "The export held only the beginning of this value, so the cell is not taken back. "
            "Change this field on the ticket's own page."
        )
        raise ValidationError(message, code="shortened")


def is_kept(field: Field, wish: Set | Clear, exported: ExportedCell, schema: TicketSchema) -> bool:
    """Return whether a cell that is spelled otherwise still means the value that was exported."""
    if exported.value is None:
        return False
    if isinstance(wish, Set):
        return schema.identical(field.name, wish.value, exported.value)
    return schema.is_empty(field.name, exported.value)


def differences(record: ExportRecord, rows: Iterable[RowPlan], codes: Collection[str]) -> Differences:
    """Return what differs from the record; `codes` are those of all rows, including rows with errors."""
    kinds: Counter[str] = Counter()
    emptied: Counter[str] = Counter()
    for row in rows:
        is_changed = bool(row.values or row.had)
        kinds["added" if row.code not in record.rows else "changed" if is_changed else "same"] += 1
        emptied.update(row.had.keys() - row.values.keys())
    return Differences(
        record.at,
        unchanged=kinds["same"],
        changed=kinds["changed"],
        added=kinds["added"],
        left_out=len(record.rows.keys() - codes),
        emptied=dict(emptied),
    )
