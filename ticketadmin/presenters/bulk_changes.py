"""The page on which the changes of a bulk update are chosen: how its file was read, open questions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from ticketadmin.forms.bulk import ChangesForm
from ticketadmin.forms.bulk_file import AskedQuestion, asked_questions, option_label
from ticketadmin.models import BulkFile, BulkNotes, BulkUpdate, FileReading, Surprise, surprises_in
from ticketadmin.presenters.dates import ago, readable_date
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.snippets import SnippetChoice
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.questions import QuestionSubject
from ticketadmin.services.spreadsheets.records import RecordProblem

_MAY_BREAK = "\u200b"  # day/month/year is wider than its column on a phone
_CELLS = ngettext_lazy(
    "It concerns %(n)s cell, for example:", "It concerns %(n)s cells, for example:", "count"
)
_CELLS_OF_DECIDED = ngettext_lazy(
    "%(n)s cell can be read in both ways. The first line below is the cell that decides:",
    "%(n)s cells can be read in both ways. The first line below is the cell that decides:",
    "count",
)
_ROWS = ngettext_lazy(
    "%(n)s row with values was read, up to row %(last)s.",
    "%(n)s rows with values were read, up to row %(last)s.",
    "count",
)
_READ_AS = ngettext_lazy(
    "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s row).",
    "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s rows).",
    "count",
)
_NOTATIONS = {
    Notation.DAY_FIRST: gettext_lazy("days are day/month/year"),
    Notation.MONTH_FIRST: gettext_lazy("days are month/day/year"),
    Notation.DECIMAL_COMMA: gettext_lazy("the comma is before decimals"),
    Notation.DECIMAL_POINT: gettext_lazy("the point is before decimals"),
}
_DIFFERENCES = {  # the differences between an exported list and its upload
    "changed": ngettext_lazy("%(n)s ticket has changed cells.", "%(n)s tickets have changed cells.", "count"),
    "unchanged": ngettext_lazy(
        "%(n)s ticket has no changed cells; nothing of the file is sent to it.",
        "%(n)s tickets have no changed cells; nothing of the file is sent to them.",
        "count",
    ),
    "added": ngettext_lazy(
        "%(n)s row was added: its filled cells are set, without a comparison.",
        "%(n)s rows were added: their filled cells are set, without a comparison.",
        "count",
    ),
    "left_out": ngettext_lazy(
        "%(n)s ticket of the export no longer has a row and is left out.",
        "%(n)s tickets of the export no longer have a row and are left out.",
        "count",
    ),
}
_SURPRISES = {  # that are counted; a misfit has a reason
    Surprise.PASSED_OVER: ngettext_lazy(
        "%(n)s column is not a field of the export and is not read: %(names)s.",
        "%(n)s columns are not fields of the export and are not read: %(names)s.",
        "count",
    ),
    Surprise.HIDDEN: ngettext_lazy(
        "%(n)s row is hidden in the spreadsheet, perhaps by a filter. It is included.",
        "%(n)s rows are hidden in the spreadsheet, perhaps by a filter. They are included.",
        "count",
    ),
    Surprise.MERGED: ngettext_lazy(
        "%(n)s cell is merged with one above it and takes its value.",
        "%(n)s cells are merged with one above them and take its value.",
        "count",
    ),
    Surprise.OTHER_SHEETS: ngettext_lazy(
        "%(n)s other sheet holds values and is not read: %(names)s.",
        "%(n)s other sheets hold values and are not read: %(names)s.",
        "count",
    ),
}


@dataclass(frozen=True)
class UploadedFile:
    """A file as its page describes it.

    `taken` says what was read and, at its end, which names were matched without diacritics; `surprises` says
    what a user may not expect and has to agree to. Each is a list of sentences.
    """

    name: str
    taken: tuple[str, ...]
    surprises: tuple[str, ...]


def present_file(notes: BulkNotes) -> UploadedFile | None:
    """Return how the file of a bulk update was read; None if its tickets did not come from a file.

    A bulk update prepared by an earlier version lacks these notes.
    """
    reading = notes.get("reading")
    if not reading:
        return None
    taken = [
        *_taken(reading),
        *_differences(reading.get("differences")),
        *map(_decided, notes.get("decided", [])),
    ]
    taken += [_answered(one) for one in notes.get("questions", []) if one["answer"]]
    taken += [_counted(_READ_AS, one["rows"], **one) for one in notes.get("read_as", [])]
    return UploadedFile(notes["file"], tuple(taken), tuple(_surprises(reading)))


@dataclass(frozen=True)
class ExampleRow:
    """A cell in question: its row as the spreadsheet shows it, its text, and each option's reading."""

    row: int
    text: str
    readings: tuple[str, ...]


@dataclass(frozen=True)
class ShownQuestion:
    """A question about a column: the box, the headings of the readings, the examples, how many cells.

    `summary` is the label of a folded one, "" for one that has to be answered; `is_open` shows it unfolded.
    """

    box: BoundField
    headings: tuple[str, ...]
    examples: tuple[ExampleRow, ...]
    cells: str
    summary: str = ""
    is_open: bool = False


def present_question(asked: AskedQuestion) -> ShownQuestion:
    """Return a question as the page shows it, with days in the reader's format."""
    question = asked.question
    has_readings = question["subject"] in {QuestionSubject.DAYS, QuestionSubject.NUMBERS}
    values = [value for value, _label in question["options"]] if has_readings else []
    examples = tuple(
        ExampleRow(one["row"], one["text"], tuple(_shown_reading(text, question) for text in one["readings"]))
        for one in question["examples"]
    )
    is_decided = "default" in question
    summary = _("Read column “%(column)s” differently") % question if is_decided else ""
    return ShownQuestion(
        box=asked.box,
        headings=tuple(option_label(question, value).replace("/", f"/{_MAY_BREAK}") for value in values),
        examples=examples,
        cells=_counted(_CELLS_OF_DECIDED if is_decided else _CELLS, question["rows"]),
        summary=summary,
        is_open=bool(asked.box.errors or question["answer"]),
    )


def _shown_reading(text: str, question: Mapping[str, Any]) -> str:
    if not text:
        return _("an error")
    return readable_date(text) if question["subject"] == QuestionSubject.DAYS else number_text(text)


def number_text(text: str) -> str:
    """Return a number as the reader's language writes it, thousands apart."""
    return number_format(Decimal(text), force_grouping=True) if text else ""


def _decided(one: Mapping[str, Any]) -> str:
    question = one.get("question")
    if question and question["answer"] not in {"", one["notation"]}:
        return _answered(question)
    message = _("Column “%(column)s”: %(reading)s, as “%(text)s” in row %(row)s tells.")
    return message % {**one, "reading": _NOTATIONS[Notation(one["notation"])]}


def _answered(one: Mapping[str, Any]) -> str:
    if one["spelling"]:
        answer = option_label(one, one["answer"])
        chosen = {"column": one["column"], "text": one["spelling"], "answer": answer}
        return _("Column “%(column)s”: you chose for “%(text)s”: %(answer)s.") % chosen
    named = {"column": one["column"], "reading": _NOTATIONS[Notation(one["answer"])]}
    return _("Column “%(column)s”: %(reading)s, as you chose.") % named


def _taken(reading: FileReading) -> list[str]:
    taken = [_source(reading), _counted(_ROWS, reading["rows"], last=reading["last_row"])]
    if reading["title_lines"]:
        message = _("The column names are in row %(row)s; what is above it was left out.")
        taken.append(message % {"row": reading["header_row"]})
    return taken


def _source(reading: FileReading) -> str:
    if reading["sheet"]:
        return _("Excel file, sheet “%(sheet)s”.") % {"sheet": reading["sheet"]}
    separators = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("vertical bar")}
    separator = reading["separator"]
    named = {"encoding": reading["encoding"], "separator": separators.get(separator, separator)}
    return _("CSV file, encoding %(encoding)s, separator: %(separator)s.") % named


def _differences(found: Mapping[str, Any] | None) -> list[str]:
    """Describe the changes in an exported list; nothing for any other file."""
    if not found:
        return []
    at = timezone.localtime(datetime.fromisoformat(found["exported_at"]))
    message = _("This is the list that was exported on %(at)s; the cells are compared with that export.")
    counted = [_counted(message, found[name]) for name, message in _DIFFERENCES.items() if found[name]]
    return [message % {"at": date_format(at, "DATETIME_FORMAT")}, *_age(at), *counted]


def _age(at: datetime) -> list[str]:
    """Say how old an export is, if older than a day, and what that means."""
    if timezone.now() - at < timedelta(days=1):
        return []
    message = _(
        "The export was made %(ago)s. Where the CRM changed a value since then that you changed, too, "
        "nothing of the ticket is sent before you choose."
    )
    return [message % {"ago": ago(at)}]


def _misfit(problem: RecordProblem) -> str:
    """Say why an uploaded list cannot be compared with its export, and what that means."""
    reasons = {
        RecordProblem.MISSING: _(
            "This is an exported list without its hidden sheet, which says what was exported. CSV files and "
            "copies of the table have none."
        ),
        RecordProblem.DAMAGED: _("The hidden sheet that says what was exported was changed or cut off."),
        RecordProblem.OTHER_CRM: _("This list was exported from another CRM. Its tickets may be other ones."),
        RecordProblem.OTHER_FORMAT: _(
            "This list was exported by another version, whose record cannot be read."
        ),
    }
    consequence = _(
        "So it counts as an ordinary file: every filled cell is set, also unchanged ones. Changes "
        "made in the CRM since the export are not noticed. Export the list again to be safe."
    )
    return f"{reasons[problem]} {consequence}"


def _surprises(reading: FileReading) -> Iterator[str]:
    for surprise in surprises_in(reading):
        if surprise is Surprise.MISFIT:
            yield _misfit(RecordProblem(str(reading["misfit"])))
            continue
        held: Any = reading.get(surprise)
        named = [] if isinstance(held, int) else held
        names = ", ".join(f"“{one}”" for one in named[:20])
        yield _counted(_SURPRISES[surprise], len(named) or held, names=names)


def _counted(message: Any, number: int, **named: Any) -> str:
    """Return a message of `ngettext_lazy`: `count` selects the plural form, `n` is the number as shown."""
    return str(message % {**named, "count": number, "n": number_format(number, force_grouping=True)})


@page("bulk/changes.html")
class ChangesPage(Page):
    """The second step of a bulk update. `kept_file` is its file, where rows of it have errors."""

    bulk: BulkUpdate
    form: ChangesForm
    notice: Notice | None
    count: int
    file: UploadedFile | None
    kept_file: BulkFile | None
    asked: list[ShownQuestion]  # about columns of the file, to be answered
    changeable: list[ShownQuestion]  # about columns that decide by themselves
    columns: list[str | Promise]  # labels of the fields that the file sets
    snippets: SnippetChoice | None  # to choose from, without scripts


def changes_page(
    bulk: BulkUpdate,
    form: ChangesForm,
    notice: Notice | None = None,
    snippets: SnippetChoice | None = None,
) -> ChangesPage:
    """Return the page for a bulk update whose changes are still to be chosen."""
    questions = [present_question(one) for one in asked_questions(form, form.questions)]
    files = BulkFile.objects.filter(bulk=bulk).only("uuid")
    return ChangesPage(
        bulk=bulk,
        form=form,
        notice=notice,
        count=bulk.items.count(),
        file=present_file(bulk.notes),
        kept_file=files.first() if bulk.notes.get("error_rows") else None,
        asked=[one for one in questions if not one.summary],
        changeable=[one for one in questions if one.summary],
        columns=[form.schema.field(name).label for name in form.from_file],
        snippets=snippets,
    )
