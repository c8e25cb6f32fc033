"""How the columns of a file are read, and the questions that only its user can answer, one per column.

A date or number with two readings is read as the other cells of its column decide. If none does, or they
contradict each other, the user has to say how to read the column, with examples in both readings. A name that
fits several options, and a word in a column of yes and no that is neither, is a separate question. Until it
is answered, such a cell changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.core.exceptions import ValidationError

from ticketadmin.services.bulk.cells import CLEARING_CELLS, NEITHER, candidates, option_names_in, read_cell
from ticketadmin.services.bulk.columns import FileColumn
from ticketadmin.services.bulk.notation import (
    OF_DAYS,
    OF_NUMBERS,
    ColumnReading,
    Notation,
    groups_by_decimal_mark,
    notations_of_day,
    notations_of_number,
)
from ticketadmin.services.saving.edit import Set
from ticketadmin.services.spreadsheets.table import Table
from ticketadmin.services.values.codecs import canonical
from ticketadmin.services.values.fields import DATE_KINDS, Field, Kind
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import folded, heading, visible

EXAMPLES = 3
MAX_NAME_QUESTIONS = 10  # about single spellings of a column: if there are more, it holds something else
_MAX_NAME = 60
_MAX_CELL = 100  # no day, number or name with two readings is longer
_NAMED = frozenset([Kind.CHOICE, Kind.SELECT, Kind.MULTI_SELECT, Kind.YES_NO])

# A user's answers: by the column, counted from 0, and the folded spelling; "" for the whole column.
Answers = Mapping[tuple[int, str], str]
Options = tuple[tuple[str, str], ...]  # values with labels


class QuestionSubject(StrEnum):
    """The subject of a question."""

    DAYS = "days"
    NUMBERS = "numbers"
    NAME = "name"
    YES_NO = "yes_no"


@dataclass(frozen=True)
class Example:
    """A cell, and its value (a day, a number, a name) under each option of the question."""

    row: int
    text: str
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnQuestion:
    """The possible readings of a column. `options` are a `Notation` without a label, or names.

    `about` is the spelling that the question is about, folded; "" for the whole column. `rows` is how many
    cells it concerns, `answer` the option that the user chose, "" before that. `spelling` is `about` as a
    cell writes it.
    """

    index: int
    column: str
    subject: QuestionSubject
    options: Options
    examples: tuple[Example, ...]
    rows: int
    about: str = ""
    spelling: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Decided:
    """A notation that the cells of a column decide: `row` and `text` are the first that does.

    `question` lets the user read the column otherwise, by an `answer` other than `notation`; its first
    example is the cell that decides, `rows` counts the cells that would change. None if there is none.
    """

    column: str
    notation: Notation
    row: int
    text: str
    question: ColumnQuestion | None = None


@dataclass(frozen=True)
class ColumnFinding:
    """How a column is read, what its cells decided, and the questions to its user."""

    reading: ColumnReading
    questions: tuple[ColumnQuestion, ...] = ()
    decided: Decided | None = None


def examine_column(
    table: Table, column: FileColumn, schema: TicketSchema, answers: Answers | None
) -> ColumnFinding:
    """Return how a column is read. `answers` None: no user can answer, so nothing is asked.

    Dates are then read as documented, day first, unless other cells contradict; other cells with two readings
    are errors in their rows.
    """
    field = column.field
    if field is None:
        return ColumnFinding(ColumnReading())
    examined = _Examined(column.index, column.name, field, _cells(table, column.index), schema, answers)
    if field.kind in DATE_KINDS:
        return _examine_days(examined, ColumnReading(day_zero=table.day_zero))
    if field.kind is Kind.NUMBER:
        return _examine_numbers(examined, table)
    return _examine_names(examined) if field.kind in _NAMED and answers is not None else NOT_EXAMINED


@dataclass(frozen=True)
class _Cell:
    row: int
    text: str


@dataclass(frozen=True)
class _Examined:
    """A column with its cells, and the user's answers about all columns of the file."""

    index: int
    name: str
    field: Field
    cells: tuple[_Cell, ...]
    schema: TicketSchema
    answers: Answers | None

    def answer(self, about: str, options: Iterable[str]) -> str:
        """Return the user's answer, "" if there is none or it is not one of the options."""
        given = (self.answers or {}).get((self.index, about), "")
        return given if given in options else ""

    def question(
        self,
        subject: QuestionSubject,
        options: Options,
        cells: Sequence[_Cell],
        *,
        about: str = "",
        spelling: str = "",
    ) -> ColumnQuestion:
        """Return the question about these cells."""
        texts = {cell.text: cell for cell in reversed(cells)}
        shown = sorted(texts.values(), key=lambda cell: cell.row)[:EXAMPLES]
        return ColumnQuestion(
            index=self.index,
            column=self.name,
            subject=subject,
            options=options,
            examples=tuple(self._example(subject, cell, options) for cell in shown),
            rows=len(cells),
            about=about,
            spelling=spelling,
            answer=self.answer(about, [value for value, _label in options]),
        )

    def decided(
        self, subject: QuestionSubject, notations: tuple[Notation, ...], evidence: "_Evidence"
    ) -> Decided | None:
        """Return the notation on which the cells agree, if any, and how the user can override it."""
        if len(evidence.decided) != 1:
            return None
        ((notation, cell),) = evidence.decided.items()
        decided = Decided(self.name, notation, cell.row, cell.text)
        if not evidence.both or self.answers is None:
            return decided
        options = tuple((one, "") for one in notations)
        question = self.question(subject, options, evidence.both)
        examples = (self._example(subject, cell, options), *question.examples[: EXAMPLES - 1])
        return replace(decided, question=replace(question, examples=examples))

    def _example(self, subject: QuestionSubject, cell: _Cell, options: Options) -> Example:
        if subject not in {QuestionSubject.DAYS, QuestionSubject.NUMBERS}:
            return Example(cell.row, cell.text[:_MAX_NAME])
        readings = (self._reading(cell.text, Notation(value)) for value, _label in options)
        return Example(cell.row, cell.text, tuple(readings))

    def _reading(self, text: str, notation: Notation) -> str:
        """Return the value of a text in a notation, "" if it has none."""
        reading = ColumnReading(notation=notation, is_answered=True, overrides=True)
        try:
            wish = read_cell(self.field, text, self.schema, column=reading)
        except ValidationError:
            return ""
        return canonical(self.field, wish.value) if isinstance(wish, Set) else ""


def _cells(table: Table, index: int) -> tuple[_Cell, ...]:
    return tuple(
        _Cell(row.number, row.cells[index])
        for row in table.rows
        if index < len(row.cells) and 0 < len(row.cells[index]) <= _MAX_CELL
    )


# --- notations -----------------------------------------------------------------------------------


def _examine_days(column: _Examined, reading: ColumnReading) -> ColumnFinding:
    evidence = _evidence_of(column.cells, notations_of_day)
    if column.answers is None and not evidence.decided:
        return ColumnFinding(replace(reading, notation=Notation.DAY_FIRST))
    open_cells = evidence.both if len(evidence.decided) != 1 else []
    return _finding(column, QuestionSubject.DAYS, OF_DAYS, evidence, open_cells, reading)


def _examine_numbers(column: _Examined, table: Table) -> ColumnFinding:
    is_workbook = table.day_zero is not None
    cells = [cell for cell in column.cells if (cell.row, column.index) not in table.three_decimals]
    evidence = _evidence_of(cells, lambda text: notations_of_number(text, is_workbook=is_workbook))
    open_cells = evidence.both
    if len(evidence.decided) == 1:
        notation = next(iter(evidence.decided))
        open_cells = [cell for cell in evidence.both if groups_by_decimal_mark(cell.text, notation)]
    return _finding(
        column,
        QuestionSubject.NUMBERS,
        OF_NUMBERS,
        evidence,
        open_cells,
        ColumnReading(day_zero=table.day_zero),
    )


@dataclass(frozen=True)
class _Evidence:
    """What the cells of a column say about its notation.

    `decided` has the first cell of each notation that can only be read in that one, `both` the cells with
    two readings.
    """

    decided: Mapping[Notation, _Cell]
    both: list[_Cell]


def _evidence_of(cells: Iterable[_Cell], notations_of: Callable[[str], frozenset[Notation]]) -> _Evidence:
    decided: dict[Notation, _Cell] = {}
    both = []
    known: dict[str, frozenset[Notation]] = {}
    for cell in cells:
        if cell.text not in known:
            known[cell.text] = notations_of(" ".join(visible(cell.text).split()))
        notations = known[cell.text]
        if len(notations) > 1:
            both.append(cell)
        for notation in notations if len(notations) == 1 else ():
            decided.setdefault(notation, cell)
    return _Evidence(decided, both)


def _finding(
    column: _Examined,
    subject: QuestionSubject,
    notations: tuple[Notation, ...],
    evidence: _Evidence,
    open_cells: list[_Cell],
    reading: ColumnReading,
) -> ColumnFinding:
    """Return a column in the notation that its user chose, or that all its deciding cells share."""
    decided = column.decided(subject, notations, evidence)
    reading = replace(reading, notation=decided.notation if decided else None)
    if not open_cells or column.answers is None:
        return ColumnFinding(_overridden(reading, decided), decided=decided)
    question = column.question(subject, tuple((one, "") for one in notations), open_cells)
    if question.answer:
        answered = replace(reading, notation=Notation(question.answer), is_answered=True)
        return ColumnFinding(answered, (question,))
    waiting = frozenset(cell.text for cell in open_cells)
    return ColumnFinding(replace(reading, open_texts=waiting), (question,))


def _overridden(reading: ColumnReading, decided: Decided | None) -> ColumnReading:
    """Return the reading that a user chose over the decided one, if so."""
    if decided is None or decided.question is None or not decided.question.answer:
        return reading
    answer = Notation(decided.question.answer)
    return replace(reading, notation=answer, is_answered=True, overrides=answer is not decided.notation)


# --- names ---------------------------------------------------------------------------------------


def _examine_names(column: _Examined) -> ColumnFinding:
    cells_of: dict[str, list[_Cell]] = {}
    asked: dict[str, tuple[str, Options]] = {}
    for text, cells in _by_text(column.cells).items():
        for spelling, options in _uncertain_names(column, text):
            asked.setdefault(folded(spelling), (spelling, options))
            cells_of.setdefault(folded(spelling), []).extend(cells)
    if len(asked) > MAX_NAME_QUESTIONS:
        return NOT_EXAMINED
    subject = QuestionSubject.YES_NO if column.field.kind is Kind.YES_NO else QuestionSubject.NAME
    questions = tuple(
        column.question(subject, (*options, (NEITHER, "")), cells_of[about], about=about, spelling=spelling)
        for about, (spelling, options) in asked.items()
    )
    waiting = {cell.text for one in questions if not one.answer for cell in cells_of[one.about]}
    names = {one.about: one.answer for one in questions if one.answer}
    return ColumnFinding(ColumnReading(names=names, open_texts=frozenset(waiting)), questions)


def _by_text(cells: Iterable[_Cell]) -> dict[str, list[_Cell]]:
    found: dict[str, list[_Cell]] = {}
    for cell in cells:
        found.setdefault(cell.text, []).append(cell)
    return found


def _uncertain_names(column: _Examined, text: str) -> Iterator[tuple[str, Options]]:
    """Yield the ambiguous names in a cell, each with what it may mean."""
    if len(text) > _MAX_NAME or not text.strip() or heading(text) in CLEARING_CELLS:
        return
    for name in option_names_in(column.field, text):
        if options := candidates(column.field, name, column.schema):
            yield " ".join(visible(name).split()), options


NOT_EXAMINED = ColumnFinding(ColumnReading())
