"""An uploaded table as a plan for each ticket, or as errors with row and column.

This module neither queries nor stores anything: the caller passes the fields and the CRM's lists. All errors
are found in one pass, so that a file is corrected once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.bulk.cells import (
    is_read_as,
    lacks_leading_zero,
    read_cell,
    refuse_damage,
)
from ticketadmin.services.bulk.columns import (
    FileColumn,
    InvalidColumns,
    is_errors_heading,
    is_header,
    letter,
    read_columns,
    without_errors,
)
from ticketadmin.services.bulk.exports import is_ending, only_informs
from ticketadmin.services.bulk.questions import Answers, ColumnQuestion, Decided, examine_column
from ticketadmin.services.bulk.returned import (
    Differences,
    ReturnedFile,
    RowPlan,
    differences,
    is_kept,
    refuse_shortened,
    returned_file,
)
from ticketadmin.services.bulk.spellings import CODE_EXAMPLES, filled, first_message, with_names, write_it_as
from ticketadmin.services.saving.edit import Clear, Set
from ticketadmin.services.spreadsheets.records import ExportedCell, RecordProblem
from ticketadmin.services.spreadsheets.table import Table, TableRow
from ticketadmin.services.values.choice_codecs import unknown_option
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.inputs import not_offered
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import visible
from ticketadmin.ticketapi.client import CODE

MAX_ERRORS = 500
MAX_ERRORS_A_ROW = 20
MAX_TABLE_HTML = 2_000_000  # characters of HTML in all rows: some seconds of cleaning
_MAX_VALUE = 120
_REMEMBERED = 100  # characters: statuses and days repeat in a column, contents do not


@dataclass(frozen=True)
class RowError:
    """An error or a warning, with its row as the spreadsheet numbers it and the name of its column.

    The message is in the language in which it is shown.
    """

    row: int
    column: str
    message: str | Promise
    value: str = ""


@dataclass(frozen=True)
class ReadAs:
    """A name that rows of a column spell without diacritics, and the CRM's name that was used."""

    column: str
    text: str
    name: str
    rows: int


@dataclass(frozen=True)
class BulkTable:
    """The rows without errors, and the errors of the others.

    `errors` and `warnings` hold the first MAX_ERRORS, `all_errors` the first MAX_ERRORS_A_ROW of each row;
    `error_rows` names every row that has an error, `warning_count` says how many warnings there are. Running
    `rows` leaves the rows with errors out.
    `table` is that of the file, from the header on. `passed_over` are headings of ignored columns.
    `differences` are those of an uploaded export, `misfit` is why there are none. `questions` are what
    only the user can say about its columns; a cell that waits for an answer changes nothing. `decided` are
    notations that the cells of a column decide.
    """

    table: Table
    columns: tuple[FileColumn, ...]
    rows: tuple[RowPlan, ...]
    errors: tuple[RowError, ...] = ()
    all_errors: tuple[RowError, ...] = ()
    error_rows: frozenset[int] = frozenset()
    warnings: tuple[RowError, ...] = ()
    warning_count: int = 0
    read_as: tuple[ReadAs, ...] = ()
    passed_over: tuple[str, ...] = ()
    differences: Differences | None = None
    misfit: RecordProblem | None = None
    questions: tuple[ColumnQuestion, ...] = ()
    decided: tuple[Decided, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that have a column, in the file's order."""
        return tuple(column.field for column in self.columns if column.field)


def plan_rows(
    table: Table, schema: TicketSchema, *, compares: bool = False, answers: Answers | None = None
) -> BulkTable:
    """Return a plan for each row of an uploaded table.

    Values are checked as in the form of one ticket; what a field may hold never depends on the file. An
    option that is not offered is valid if the ticket already holds it: it is an error in its row, unless
    the caller `compares` each row with its ticket, as a dry run does.
    `answers` are what the user said of columns with two readings; None if no user can be asked.
    A code that is in several rows is an error in all of them, because any may be the right one.
    Raises InvalidColumns; errors in rows are part of the result.
    """
    table = without_errors(table.below_title(is_header))
    returned = returned_file(table)
    columns = read_columns(
        table, schema.fields, recorded_field_of=returned.field_of, skips_unknown=returned.record is not None
    )
    reading = _Reading(table, columns, schema, returned, answers=answers, compares=compares)
    plans = [reading.plan_of(row) for row in table.rows]
    reading.refuse_repeated(plans)
    rows = tuple(plan for plan in plans if plan.row_number not in reading.error_rows)
    record = returned.record
    errors = tuple(sorted(reading.errors, key=lambda error: error.row))
    return BulkTable(
        table=table,
        columns=columns,
        rows=rows,
        errors=errors[:MAX_ERRORS],
        all_errors=errors,
        error_rows=frozenset(reading.error_rows),
        warnings=tuple(reading.warnings[:MAX_ERRORS]),
        warning_count=len(reading.warnings),
        read_as=tuple(ReadAs(*spelled, rows) for spelled, rows in reading.read_as.items()),
        passed_over=tuple(_passed_over(table, columns)),
        differences=differences(record, rows, {plan.code for plan in plans}) if record else None,
        misfit=returned.misfit,
        questions=tuple(question for one in reading.findings.values() for question in one.questions),
        decided=tuple(one.decided for one in reading.findings.values() if one.decided),
    )


def _passed_over(table: Table, columns: tuple[FileColumn, ...]) -> list[str]:
    taken = {column.index for column in columns}
    others = [name for index, name in enumerate(table.header) if index not in taken and name.strip()]
    own = (only_informs, is_ending, is_errors_heading)
    return [name for name in others if not any(is_own(name) for is_own in own)]


def _refuse_too_much_content(table: Table, columns: tuple[FileColumn, ...]) -> None:
    """Raise InvalidColumns for more content than can be cleaned while a user waits for the page."""
    html = [column.index for column in columns if column.field and column.field.kind is Kind.HTML]
    length = sum(len(_cell(row, index)) for row in table.rows for index in html)
    if length > MAX_TABLE_HTML:
        message = _(
            "The file's contents have %(length)s characters in all; at most %(most)s are taken at once. "
            "Split the file."
        )
        numbers = {"length": number_format(length), "most": number_format(MAX_TABLE_HTML)}
        raise InvalidColumns(message, code="too_much_content", params=numbers)


class _Reading:
    """One pass over a table, which collects errors and warnings."""

    def __init__(
        self,
        table: Table,
        columns: tuple[FileColumn, ...],
        schema: TicketSchema,
        returned: ReturnedFile,
        *,
        answers: Answers | None,
        compares: bool,
    ) -> None:
        self.width = len(table.header)
        self.code_column = next(column for column in columns if column.field is None)
        self.columns = [(column, column.field) for column in columns if column.field]
        self.schema = schema
        self.returned = returned
        self.compares = compares
        self.decimals = table.three_decimals
        self.problems = {(problem.row, problem.column): problem.message for problem in table.problems}
        names = {column.index: field.name for column, field in self.columns}
        changed = returned.changed_cells(table, self.code_column.index, names)
        _refuse_too_much_content(changed, columns)  # unchanged cells are not cleaned
        self.findings = {column.index: examine_column(changed, column, schema, answers) for column in columns}
        self.known: dict[tuple[int, str, bool], Set | Clear | ValidationError | None] = {}
        self.errors: list[RowError] = []
        self.errors_of = Counter[int]()
        self.error_rows: set[int] = set()
        self.warnings: list[RowError] = []
        self.read_as = Counter[tuple[str, str, str]]()

    def plan_of(self, row: TableRow) -> RowPlan:
        """Return the changes of a row; cells that cannot be read are added to the errors."""
        code = self._code_of(row)
        exported = self.returned.cells_of(code)
        values: dict[str, Set | Clear] = {}
        had: dict[str, str] = {}
        for column, field in self.columns:
            text, cell = _cell(row, column.index), exported.get(field.name)
            if cell and cell.is_left_alone(text):
                continue
            if message := self.problems.get((row.number, column.index)):
                self._add_error(row.number, column.name, message, text)
            elif wish := self._wish_of(row.number, column, field, text, cell):
                values[field.name] = wish
            elif cell and cell.value and not text.strip():  # emptied
                had[field.name] = cell.value
            if cell and cell.value is not None and field.name in values:
                had[field.name] = cell.value
        if not self.returned.record:
            self._refuse_unnamed(row)
        return RowPlan(row.number, code, values, had)

    def _refuse_unnamed(self, row: TableRow) -> None:
        for index in range(self.width, len(row.cells)):
            if row.cells[index].strip():
                message = _("This cell is under no column name. Is a separator in a text not quoted?")
                self._add_error(row.number, letter(index), message, row.cells[index])

    def refuse_repeated(self, plans: Iterable[RowPlan]) -> None:
        """Add an error for each row whose code is in another row too."""
        rows = defaultdict(list)
        for plan in plans:
            rows[plan.code.casefold()].append(plan)
        for same in (same for code, same in rows.items() if code and len(same) > 1):
            for plan in same:
                others = ", ".join(str(one.row_number) for one in same[:6] if one is not plan)
                message = _("This ticket is also in row %(rows)s. Keep one row for each ticket.")
                told = filled(message, rows=others)
                self._add_error(plan.row_number, self.code_column.name, told, plan.code)

    def _code_of(self, row: TableRow) -> str:
        column = self.code_column
        text = visible(_cell(row, column.index)).strip()
        try:
            _check_code(text, self.problems.get((row.number, column.index)))
        except ValidationError as error:
            self._add_error(row.number, column.name, first_message(error), text)
            return ""
        return text

    def _wish_of(
        self, row: int, column: FileColumn, field: Field, text: str, cell: ExportedCell | None
    ) -> Set | Clear | None:
        if text in self.findings[column.index].reading.open_texts:
            return None
        try:
            if cell:
                refuse_shortened(cell)
            wish = self._read(column, field, text, is_decimal=(row, column.index) in self.decimals)
        except ValidationError as error:
            wish = error
        if isinstance(wish, ValidationError):
            self._add_error(row, column.name, first_message(wish), text)
            return None
        if wish and cell and is_kept(field, wish, cell, self.schema):
            return None
        if isinstance(wish, Set) and (others := not_offered(field, wish.value)):
            if not self.compares:
                message = with_names(first_message(unknown_option(others[0])), field, self.schema)
                self._add_error(row, column.name, message, text)
                return None
            message = _("%(value)s is not offered. It goes only to tickets that hold it already.")
            self.warnings.append(RowError(row, column.name, filled(message, value=others[0]), text))
        if lacks_leading_zero(field, text):
            message = _("The spreadsheet may have dropped the 0 in front of this number.")
            self.warnings.append(RowError(row, column.name, message, text))
        if isinstance(wish, Set) and is_read_as(field, text, wish):
            self.read_as[column.name, " ".join(text.split()), wish.value] += 1
        return wish

    def _read(
        self, column: FileColumn, field: Field, text: str, *, is_decimal: bool
    ) -> Set | Clear | ValidationError | None:
        key = (column.index, text, is_decimal)
        if key in self.known:
            return self.known[key]
        wish: Set | Clear | ValidationError | None
        try:
            reading = self.findings[column.index].reading
            wish = read_cell(field, text, self.schema, column=reading, is_decimal=is_decimal)
        except ValidationError as error:
            wish = error
        if len(text) <= _REMEMBERED:
            self.known[key] = wish
        return wish

    def _add_error(self, row: int, column: str, message: str | Promise, value: str) -> None:
        short = value if len(value) <= _MAX_VALUE else value[:_MAX_VALUE] + "…"
        self.error_rows.add(row)
        self.errors_of[row] += 1
        if self.errors_of[row] <= MAX_ERRORS_A_ROW:
            self.errors.append(RowError(row, column, message, short))


def _cell(row: TableRow, index: int) -> str:
    return row.cells[index] if index < len(row.cells) else ""


def _check_code(text: str, problem: str | None) -> None:
    if problem:
        raise ValidationError(problem, code="no_result")
    if not text:
        raise ValidationError(_("This row names no ticket."), code="no_code")
    refuse_damage(text)
    if not CODE.fullmatch(text):
        message = _("This is not a ticket code: 1 to 64 letters, digits, hyphens and underscores.")
        raise ValidationError(format_lazy("{} {}", message, write_it_as(CODE_EXAMPLES)), code="invalid_code")
