"""An uploaded file returned with the outcome of each ticket in three more columns.

The columns are ignored when the file is uploaded again. The caller supplies the texts: this module knows only
rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ticketadmin.models import BulkUpdate, User
from ticketadmin.services.bulk.codes import is_code_heading
from ticketadmin.services.bulk.columns import is_header
from ticketadmin.services.bulk.exports import CHECKED, DETAIL, OUTCOME, endings
from ticketadmin.services.bulk.files import kept_content, table_in
from ticketadmin.services.people.access import require
from ticketadmin.services.spreadsheets.marking import MarkedFile, with_columns
from ticketadmin.services.spreadsheets.table import Table
from ticketadmin.text import heading, visible
from ticketadmin.workbooks.marking import AddedColumn


@dataclass(frozen=True)
class Ending:
    """How one ticket ended, in the reader's language."""

    outcome: str
    detail: str
    checked_at: str


@dataclass(frozen=True)
class RowEndings:
    """Endings of tickets by case-folded code; for rows outside the run by row number, or `otherwise`."""

    by_code: Mapping[str, Ending]
    by_row: Mapping[int, Ending]
    otherwise: Ending


def file_with_outcomes(bulk: BulkUpdate, ended: RowEndings, *, user: User) -> MarkedFile:
    """Return the file of a bulk update with the outcome of each row's ticket.

    Raises Forbidden, FileGone, or ValidationError if it cannot be read or written so.
    """
    require(user, "run_bulk_updates")
    content = kept_content(bulk)
    table = table_in(content, bulk.notes.get("file", "")).below_title(is_header)
    rows = _rows(table, ended)
    added = (
        _column(table, title, {number: _text(one, name) for number, one in rows.items()})
        for name, title in endings().items()
    )
    return with_columns(content, table, added)


def _rows(table: Table, ended: RowEndings) -> dict[int, Ending]:
    codes = next(at for at, name in enumerate(table.header) if is_code_heading(name))
    named = {
        row.number: visible(row.cells[codes]).strip() if codes < len(row.cells) else "" for row in table.rows
    }
    return {
        number: ended.by_code.get(code.casefold()) or ended.by_row.get(number, ended.otherwise)
        for number, code in named.items()
    }


def _text(one: Ending, name: str) -> str:
    return {OUTCOME: one.outcome, DETAIL: one.detail, CHECKED: one.checked_at}[name]


def _column(table: Table, title: str, texts: Mapping[int, str]) -> AddedColumn:
    """Return the column: in place of an existing one of this name, else after all others."""
    own = [at for at, name in enumerate(table.header) if heading(name) == heading(title)]
    return AddedColumn(title, table.header_row, texts, own[0] if own else None, sheet=table.sheet)
