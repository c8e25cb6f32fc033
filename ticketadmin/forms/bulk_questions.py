"""What a file leaves open, as boxes to choose from: one for each question about a column.

Questions are those in the notes of a bulk update (`services/bulk/files.py`). Of a column that decides by
itself the question has a `default`, which is chosen unless the user chose otherwise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.bulk.cells import NEITHER
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.questions import Subject

Question = Mapping[str, Any]

_LABELS = {
    Subject.DAYS: _("Column “{column}”: which number of a day is the month?"),
    Subject.NUMBERS: _("Column “{column}”: which mark is before the decimals?"),
    Subject.NAME: _("Column “{column}”: what does “{spelling}” mean?"),
    Subject.YES_NO: _("Column “{column}”: what does “{spelling}” mean?"),
}
_OPTIONS = {
    Notation.DAY_FIRST: _("The second: day/month/year"),
    Notation.MONTH_FIRST: _("The first: month/day/year"),
    Notation.DECIMAL_COMMA: _("The comma; a point separates thousands"),
    Notation.DECIMAL_POINT: _("The point; a comma separates thousands"),
    NEITHER: _("None of these: the cell is an error"),
}
_ANSWERS = {"1": _("Yes"), "0": _("No"), NEITHER: _("Neither: the cell is an error")}


@dataclass(frozen=True)
class AskedQuestion:
    """A question about a column with its box."""

    question: Question
    box: forms.BoundField


def question_boxes(questions: Sequence[Question]) -> dict[str, forms.ChoiceField]:
    """Return a box for each question by its name; the answer so far is chosen."""
    return {name: _box(question) for name, question in _named(questions)}


def asked_questions(form: forms.Form, questions: Sequence[Question]) -> list[AskedQuestion]:
    """Return the questions with the form's boxes for them."""
    return [AskedQuestion(question, form[name]) for name, question in _named(questions)]


def answers_from(questions: Sequence[Question], cleaned: Mapping[str, Any]) -> dict[tuple[int, str], str]:
    """Return the valid answers by column and spelling, as the file is read with them."""
    answers = {
        (question["index"], question["about"]): cleaned.get(name) or question["answer"]
        for name, question in _named(questions)
        if cleaned.get(name) != question.get("default", "")
    }
    return {asked: answer for asked, answer in answers.items() if answer}


def option_label(question: Question, value: str) -> str:
    """Return what choosing an option means."""
    words = _ANSWERS if question["subject"] == Subject.YES_NO else _OPTIONS
    labels = dict(map(tuple, question["options"]))
    return str(labels.get(value) or words.get(value, value))


def _named(questions: Iterable[Question]) -> Iterator[tuple[str, Question]]:
    open_ones, decided = 0, 0
    for question in questions:
        if "default" in question:
            yield f"changed_reading_{decided}", question
            decided += 1
        else:
            yield f"reading_{open_ones}", question
            open_ones += 1


def _box(question: Question) -> forms.ChoiceField:
    label = _LABELS[Subject(question["subject"])]
    return forms.ChoiceField(
        label=format_lazy(label, column=question["column"], spelling=question["spelling"]),
        choices=[(value, option_label(question, value)) for value, _label in question["options"]],
        initial=question["answer"] or question.get("default", ""),
        required="default" not in question,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how this column is meant.")},
    )
