"""An uploaded file returned with its errors in an additional column.

The column is ignored when the file is uploaded again (`columns.is_errors_heading`), and rewritten if there
are still errors.
"""

from collections import defaultdict

from ticketadmin.models import BulkFile, User
from ticketadmin.services.bulk.columns import errors_heading, is_errors_heading
from ticketadmin.services.bulk.files import answers_in, content_of, table_in
from ticketadmin.services.bulk.rows import BulkTable, plan_rows
from ticketadmin.services.people.access import require
from ticketadmin.services.spreadsheets.marking import MarkedFile, with_columns
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.workbooks.marking import AddedColumn

BETWEEN = " · "


def file_with_errors(file: BulkFile, schema: TicketSchema, *, user: User) -> MarkedFile:
    """Return an uploaded file with its errors, read according to its user's answers.

    Raises Forbidden, or ValidationError if it cannot be read or written so.
    """
    require(user, "run_bulk_updates")
    content = content_of(file)
    answers = answers_in(file.bulk.notes) if file.bulk else {}
    found = plan_rows(table_in(content, file.name), schema, compares=True, answers=answers)
    return with_columns(content, found.table, [_errors_of(found)])


def _errors_of(found: BulkTable) -> AddedColumn:
    messages = defaultdict(list)
    for error in found.all_errors:
        messages[error.row].append(f"{error.column}: {error.message}")
    places = {column.name: column.index for column in found.columns}
    own = [at for at, name in enumerate(found.table.header) if is_errors_heading(name)]
    return AddedColumn(
        heading=errors_heading(),
        header_row=found.table.header_row,
        texts={row: BETWEEN.join(texts) for row, texts in messages.items()},
        column=own[0] if own else None,
        cells=frozenset(
            (error.row, places[error.column]) for error in found.all_errors if error.column in places
        ),
        sheet=found.table.sheet,
    )
