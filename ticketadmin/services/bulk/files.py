"""An uploaded file as the source of a bulk update: read, kept, and read again with its user's answers.

The notes of the bulk update say how its file was read: what was taken, its errors, the open questions. They
are JSON, and hold no more than a page shows; everything else is read again from the kept file.
"""

import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ticketadmin.models import BulkFile, BulkNotes, BulkState, BulkUpdate, FileReading, User
from ticketadmin.services.bulk.columns import has_header
from ticketadmin.services.bulk.questions import Answers
from ticketadmin.services.bulk.rows import BulkTable, RowError, plan_rows
from ticketadmin.services.bulk.runs import (
    Chosen,
    ChosenTickets,
    NotNow,
    as_known,
    draft_bulk,
    replace_tickets,
)
from ticketadmin.services.bulk.template import help_titles
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.spreadsheets.table import SheetWithoutRows, Table, UnreadableFile
from ticketadmin.services.values.schema import TicketSchema

SHOWN_PIECES = 200
MAX_FILE_NAME = 120
MAX_SHEETS_TRIED = 3  # looked at behind the first: each is a process of its own


class EveryRowWrong(ValidationError):
    """No row of the file can be used; `table` says why."""

    def __init__(self, table: BulkTable) -> None:
        message = _("Every row has an error. Correct the file and choose it again.")
        super().__init__(message, code="all_rows_wrong")
        self.table = table


class FileGone(Exception):
    """The file is no longer kept: it is too old, or data of a ticket was erased. Nothing was changed."""


def read_upload(content: bytes, name: str, schema: TicketSchema, answers: Answers | None = None) -> BulkTable:
    """Return the rows of an uploaded file that can be used.

    Raises UnreadableFile, InvalidColumns or EveryRowWrong.
    """
    table = plan_rows(table_in(content, name), schema, compares=True, answers=answers or {})
    if not table.rows and table.errors:
        raise EveryRowWrong(table)
    return table


def table_in(content: bytes, name: str) -> Table:
    """Return the table of an uploaded file: of a workbook the first visible sheet that names ticket codes.

    Some files have a sheet in front that lists the others, or holds a title or notes. If none
    of the first sheets names codes, the first one is used. Raises UnreadableFile.
    """
    try:
        first = read_table(content, name)
    except SheetWithoutRows as error:
        if found := _table_beside(content, name, error.other_sheets):
            return found
        raise
    return first if has_header(first) else _table_beside(content, name, first.other_sheets) or first


def _table_beside(content: bytes, name: str, sheets: Iterable[str]) -> Table | None:
    """Return the first table of these sheets that names ticket codes, skipping sheets of explanations."""
    candidates = [title for title in sheets if title not in help_titles()]
    for title in candidates[:MAX_SHEETS_TRIED]:
        with suppress(UnreadableFile):
            if has_header(other := read_table(content, name, title)):
                return other
    return None


def tickets_in(table: BulkTable, name: str) -> ChosenTickets:
    """Return the tickets of a file, each with the changes of its row, and how the file was read."""
    is_export = table.differences is not None
    tickets = (Chosen(row.code, Edit(row.values), row.had if is_export else None) for row in table.rows)
    return ChosenTickets(as_known(tickets), _notes_of(table, name[:MAX_FILE_NAME]))


@transaction.atomic
def draft_from_file(chosen: ChosenTickets, content: bytes, *, user: User) -> BulkUpdate:
    """Keep the tickets of a file as a bulk update, with the file. Raises what `draft_bulk` raises."""
    bulk = draft_bulk(chosen, user=user)
    keep_file(content, chosen.notes["file"], owner=user, bulk=bulk)
    return bulk


def keep_file(content: bytes, name: str, *, owner: User, bulk: BulkUpdate | None = None) -> BulkFile:
    """Store an uploaded file for its bulk update, or without one, to return it with its errors.

    A user has at most one file without a bulk update. Raises Forbidden.
    """
    require(owner, "run_bulk_updates")
    if bulk is None:
        BulkFile.objects.filter(bulk=None, owner=owner).delete()
    return BulkFile.objects.create(
        bulk=bulk,
        owner=owner,
        name=name[:MAX_FILE_NAME],
        content=zlib.compress(content),
        created_at=timezone.now(),
    )


def read_again(bulk: BulkUpdate, *, user: User, schema: TicketSchema, answers: Answers) -> bool:
    """Read the kept file with other answers, and replace the tickets of its bulk update.

    Returns whether the user has to confirm again, because other rows have errors now. Raises Forbidden,
    NotNow where the changes were taken already, FileGone, or ValidationError if the file cannot be used.
    """
    require(user, "run_bulk_updates")
    content = kept_content(bulk)
    table = read_upload(content, bulk.notes["file"], schema, answers)
    chosen = tickets_in(table, bulk.notes["file"])
    before = bulk.notes.get("error_rows"), bulk.notes.get("errors")
    with transaction.atomic():
        found = BulkUpdate.objects.select_for_update().filter(pk=bulk.pk, state=BulkState.DRAFT).first()
        if found is None:
            raise NotNow
        replace_tickets(found, chosen)
    bulk.refresh_from_db()
    return bool(table.error_rows) and (bulk.notes["error_rows"], bulk.notes["errors"]) != before


def kept_file(bulk: BulkUpdate) -> UUID | None:
    """Return the name of the file of a bulk update while the file is kept."""
    if "file" not in bulk.notes:
        return None
    return BulkFile.objects.filter(bulk=bulk).values_list("uuid", flat=True).first()


def kept_content(bulk: BulkUpdate) -> bytes:
    """Return the file of a bulk update as it was uploaded. Raises FileGone."""
    file = BulkFile.objects.filter(bulk=bulk).first()
    if file is None:
        raise FileGone
    return content_of(file)


def content_of(file: BulkFile) -> bytes:
    """Return a kept file as it was uploaded."""
    return zlib.decompress(bytes(file.content))


def answers_in(notes: BulkNotes) -> dict[tuple[int, str], str]:
    """Return the user's answers about the columns of a file so far."""
    asked = [*notes.get("questions", []), *changeable_in(notes)]
    return {(one["index"], one["about"]): one["answer"] for one in asked if one["answer"]}


def changeable_in(notes: BulkNotes) -> list[dict[str, Any]]:
    """Return the questions about columns whose cells decide; `default` is how they are read."""
    decided = [one for one in notes.get("decided", []) if one.get("question")]
    return [{**one["question"], "default": one["notation"]} for one in decided]


def _notes_of(table: BulkTable, name: str) -> BulkNotes:
    return {
        "file": name,
        "columns": _brought(table),
        "errors": [_told(error) for error in table.errors],
        "error_rows": len(table.error_rows),
        "warnings": [_told(warning) for warning in table.warnings],
        "warning_count": table.warning_count,
        "read_as": [asdict(one) for one in table.read_as[:SHOWN_PIECES]],
        "questions": [asdict(one) for one in table.questions],
        "decided": [asdict(one) for one in table.decided],
        "reading": _reading_of(table),
    }


def _told(error: RowError) -> dict[str, Any]:
    """Return an error as JSON, with its message in each language: who reads it later may use another."""
    messages = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            messages[language] = str(error.message)
    return {"row": error.row, "column": error.column, "messages": messages, "value": error.value}


def message_in(error: Mapping[str, Any]) -> str:
    """Return the message of an error in the notes, in the language of now; earlier versions kept one."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return str(error["messages"][language] if "messages" in error else error["message"])


def _brought(table: BulkTable) -> list[str]:
    """Return the fields that the file changes itself: of an export those with a changed or emptied cell."""
    names = [field.name for field in table.fields]
    if table.differences is None:
        return names
    changed = {name for row in table.rows for name in (*row.values, *row.had)}
    asked = {question.index for question in table.questions}
    changed |= {column.meaning for column in table.columns if column.index in asked}
    return [name for name in names if name in changed]


def _reading_of(read: BulkTable) -> FileReading:
    """Return how the file was read, for its page."""
    table, found = read.table, read.differences
    return {
        "misfit": read.misfit,
        "passed_over": list(read.passed_over)[:SHOWN_PIECES],
        "differences": {**asdict(found), "exported_at": found.exported_at.isoformat()} if found else None,
        "encoding": table.encoding,
        "separator": table.separator,
        "sheet": table.sheet,
        "rows": len(table.rows),
        "header_row": table.header_row,
        "title_lines": table.title_lines,
        "last_row": table.rows[-1].number,
        "merged": sum(1 for row, _column in table.repeated if row > table.header_row),
        "hidden": sum(row.number in table.hidden for row in table.rows),
        "other_sheets": [title for title in table.other_sheets if title not in help_titles()],
    }
