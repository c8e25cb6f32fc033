"""How an uploaded file was read, in words: which encoding, separator, sheet and rows were taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.forms import BoundField
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.forms.bulk_questions import AskedQuestion, option_label
from ticketadmin.presenters.dates import readable_date
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.questions import Subject


@dataclass(frozen=True)
class UploadedFile:
    """A file as its page describes it.

    `taken` says what was read, `surprises` what a user may not expect and has to agree to, `read_as` which
    names were found without diacritics. Each is a list of sentences.
    """

    name: str
    taken: tuple[str, ...]
    surprises: tuple[str, ...]
    read_as: tuple[str, ...]


def present_file(notes: Mapping[str, Any]) -> UploadedFile | None:
    """Return how the file of a bulk update was read; None where its tickets came from no file.

    `notes` are the bulk update's, as `services/bulk/files.py` makes them; a bulk update prepared by an
    earlier version has none of the reading.
    """
    reading = notes.get("reading")
    if not reading:
        return None
    read_as = tuple(_read_as(one) for one in notes.get("read_as", []))
    taken = [*_taken(reading), *map(_decided, notes.get("decided", []))]
    taken += [_answered(one) for one in notes.get("questions", []) if one["answer"]]
    return UploadedFile(notes["file"], tuple(taken), tuple(_surprises(reading)), read_as)


@dataclass(frozen=True)
class ExampleRow:
    """A cell in question: its row as the spreadsheet shows it, its text, and each option's reading."""

    row: int
    text: str
    readings: tuple[str, ...]


@dataclass(frozen=True)
class ShownQuestion:
    """A question about a column: the box, the headings of the readings, the examples, how many cells."""

    box: BoundField
    headings: tuple[str, ...]
    examples: tuple[ExampleRow, ...]
    cells: str


def present_question(asked: AskedQuestion) -> ShownQuestion:
    """Return a question as the page shows it, with days in the reader's format."""
    question = asked.question
    has_readings = question["subject"] in {Subject.DAYS, Subject.NUMBERS}
    values = [value for value, _label in question["options"]] if has_readings else []
    examples = tuple(
        ExampleRow(one["row"], one["text"], tuple(_shown_reading(text, question) for text in one["readings"]))
        for one in question["examples"]
    )
    count = question["rows"]
    cells = ngettext("It concerns %(n)s cell, for example:", "It concerns %(n)s cells, for example:", count)
    return ShownQuestion(
        box=asked.box,
        headings=tuple(option_label(question, value) for value in values),
        examples=examples,
        cells=cells % {"n": number_format(count, force_grouping=True)},
    )


def _shown_reading(text: str, question: Mapping[str, Any]) -> str:
    return readable_date(text) if question["subject"] == Subject.DAYS else number_text(text)


def number_text(text: str) -> str:
    """Return a number as the reader's language writes it, thousands apart."""
    return number_format(Decimal(text), force_grouping=True) if text else ""


def _decided(one: Mapping[str, Any]) -> str:
    messages = {
        Notation.DAY_FIRST: _(
            "Column “%(column)s”: days are day/month/year, as “%(text)s” in row %(row)s tells."
        ),
        Notation.MONTH_FIRST: _(
            "Column “%(column)s”: days are month/day/year, as “%(text)s” in row %(row)s tells."
        ),
        Notation.DECIMAL_COMMA: _(
            "Column “%(column)s”: the comma is before decimals, as “%(text)s” in row %(row)s tells."
        ),
        Notation.DECIMAL_POINT: _(
            "Column “%(column)s”: the point is before decimals, as “%(text)s” in row %(row)s tells."
        ),
    }
    return messages[Notation(one["notation"])] % one


def _answered(one: Mapping[str, Any]) -> str:
    chosen = {"column": one["column"], "text": one["spelling"], "answer": option_label(one, one["answer"])}
    if one["spelling"]:
        return _("Column “%(column)s”: you chose for “%(text)s”: %(answer)s.") % chosen
    messages = {
        Notation.DAY_FIRST: _("Column “%(column)s”: days are day/month/year, as you chose."),
        Notation.MONTH_FIRST: _("Column “%(column)s”: days are month/day/year, as you chose."),
        Notation.DECIMAL_COMMA: _("Column “%(column)s”: the comma is before decimals, as you chose."),
        Notation.DECIMAL_POINT: _("Column “%(column)s”: the point is before decimals, as you chose."),
    }
    return messages[Notation(one["answer"])] % chosen


def _taken(reading: Mapping[str, Any]) -> list[str]:
    count = reading["rows"]
    numbers = {"n": number_format(count, force_grouping=True), "last": reading["last_row"]}
    rows = ngettext(
        "%(n)s row with values was read, up to row %(last)s.",
        "%(n)s rows with values were read, up to row %(last)s.",
        count,
    )
    taken = [_source(reading), rows % numbers]
    if reading["title_lines"]:
        message = _("The column names are in row %(row)s; what is above it was left out.")
        taken.append(message % {"row": reading["header_row"]})
    return taken


def _source(reading: Mapping[str, Any]) -> str:
    if reading["sheet"]:
        return _("Excel file, sheet “%(sheet)s”.") % {"sheet": reading["sheet"]}
    separators = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("vertical bar")}
    separator = reading["separator"]
    named = {"encoding": reading["encoding"], "separator": separators.get(separator, separator)}
    return _("CSV file, encoding %(encoding)s, separator: %(separator)s.") % named


def _surprises(reading: Mapping[str, Any]) -> list[str]:
    found = []
    if hidden := reading["hidden"]:
        message = ngettext(
            "%(n)s row is hidden in the spreadsheet, perhaps by a filter. It is included.",
            "%(n)s rows are hidden in the spreadsheet, perhaps by a filter. They are included.",
            hidden,
        )
        found.append(message % {"n": number_format(hidden, force_grouping=True)})
    if others := reading["other_sheets"]:
        message = ngettext(
            "%(n)s other sheet holds values and is not read: %(names)s.",
            "%(n)s other sheets hold values and are not read: %(names)s.",
            len(others),
        )
        names = ", ".join(f"“{title}”" for title in others[:20])
        found.append(message % {"n": len(others), "names": names})
    return found


def _read_as(one: Mapping[str, Any]) -> str:
    message = ngettext(
        "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s row).",
        "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s rows).",
        one["rows"],
    )
    return message % {**one, "n": number_format(one["rows"], force_grouping=True)}
