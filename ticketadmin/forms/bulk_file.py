"""The questions that an uploaded file leaves open, as boxes to choose from.

They come from the notes of its bulk update. Where the cells of a column decide how it is read, its question
has a `default`, which is chosen unless the user chose otherwise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ticketadmin.converters import whole_number
from ticketadmin.models import BulkNotes, BulkUpdate, User
from ticketadmin.services.bulk.cells import NEITHER
from ticketadmin.services.bulk.file_base import MINE, THEIRS
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.questions import QuestionSubject
from ticketadmin.services.bulk.runs import choose_values
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.fields import Field
from ticketadmin.services.values.schema import TicketSchema

QuestionJson = Mapping[str, Any]

_LABELS = {
    QuestionSubject.DAYS: _("Column “{column}”: which number of a day is the month?"),
    QuestionSubject.NUMBERS: _("Column “{column}”: which mark is before the decimals?"),
    QuestionSubject.NAME: _("Column “{column}”: what does “{spelling}” mean?"),
    QuestionSubject.YES_NO: _("Column “{column}”: what does “{spelling}” mean?"),
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

    question: QuestionJson
    box: forms.BoundField


def question_boxes(questions: Sequence[QuestionJson]) -> dict[str, forms.ChoiceField]:
    """Return a box for each question by its name; the answer so far is chosen."""
    return {name: _box(question) for name, question in _named(questions)}


def asked_questions(form: forms.Form, questions: Sequence[QuestionJson]) -> list[AskedQuestion]:
    """Return the questions with the form's boxes for them."""
    return [AskedQuestion(question, form[name]) for name, question in _named(questions)]


def answers_from(questions: Sequence[QuestionJson], cleaned: Mapping[str, Any]) -> dict[tuple[int, str], str]:
    """Return the valid answers by column and spelling, in the form that reading the file expects."""
    answers = {
        (question["index"], question["about"]): cleaned.get(name) or question["answer"]
        for name, question in _named(questions)
        if cleaned.get(name) != question.get("default", "")
    }
    return {asked: answer for asked, answer in answers.items() if answer}


def option_label(question: QuestionJson, value: str) -> str:
    """Return the label of an option."""
    words = _ANSWERS if question["subject"] == QuestionSubject.YES_NO else _OPTIONS
    labels = dict(map(tuple, question["options"]))
    return str(labels.get(value) or words.get(value, value))


def _named(questions: Iterable[QuestionJson]) -> Iterator[tuple[str, QuestionJson]]:
    open_ones, decided = 0, 0
    for question in questions:
        if "default" in question:
            yield f"changed_reading_{decided}", question
            decided += 1
        else:
            yield f"reading_{open_ones}", question
            open_ones += 1


def _box(question: QuestionJson) -> forms.ChoiceField:
    label = _LABELS[QuestionSubject(question["subject"])]
    return forms.ChoiceField(
        label=format_lazy(label, column=question["column"], spelling=question["spelling"]),
        choices=[(value, option_label(question, value)) for value, _label in question["options"]],
        initial=question["answer"] or question.get("default", ""),
        required="default" not in question,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how this column is meant.")},
    )


# --- whether the emptied cells of an export empty their fields -------------------------------------------

EMPTIED_PREFIX = "emptied."
_KEEP, _CLEAR = "keep", "clear"


def emptied_in(notes: BulkNotes) -> Mapping[str, int]:
    """Return how many cells of which fields were emptied."""
    found = notes.get("reading", {}).get("differences") or {}
    return dict(found.get("emptied", {}))


def emptied_boxes(counts: Mapping[str, int], schema: TicketSchema) -> dict[str, forms.ChoiceField]:
    """Return a choice for each field that may be empty; to keep the values is the default."""
    fields = {name: schema.field(name) for name in counts}
    return {
        EMPTIED_PREFIX + name: forms.ChoiceField(
            label=_("%(label)s: %(cells)s") % {"label": field.label, "cells": _cells(counts[name])},
            choices=[(_KEEP, _("Keep the values")), (_CLEAR, _("Empty the fields"))],
            initial=_KEEP,
            required=False,
            widget=forms.RadioSelect,
        )
        for name, field in fields.items()
        if _may_be_empty(field)
    }


def kept_sentences(counts: Mapping[str, int], schema: TicketSchema) -> Iterator[str]:
    """Yield a sentence for each field that cannot be emptied."""
    for name, number in counts.items():
        if not _may_be_empty(field := schema.field(name)):
            message = _("%(label)s: %(cells)s. This field cannot be empty, so the values are kept.")
            yield message % {"label": field.label, "cells": _cells(number)}


def emptied_fields(cleaned: Mapping[str, Any]) -> list[str]:
    """Return the fields that the user wants to empty."""
    return [
        name.removeprefix(EMPTIED_PREFIX)
        for name, answer in cleaned.items()
        if name.startswith(EMPTIED_PREFIX) and answer == _CLEAR
    ]


def _cells(number: int) -> str:
    message = ngettext("%(n)s emptied cell", "%(n)s emptied cells", number)
    return message % {"n": number_format(number, force_grouping=True)}


def _may_be_empty(field: Field) -> bool:
    return field.clearable and field.name != sign_field()


# --- which value counts where an export and the CRM both changed it --------------------------------------

COLUMN_PREFIX, TICKET_PREFIX = "column.", "ticket."
MAX_CHOICES = 500  # of one form: its page shows 50 tickets and 200 columns at most


class FileChoicesForm(forms.Form):
    """The seal of the dry run that the page showed, and what was chosen; no choice leaves a ticket out."""

    seal = forms.CharField(max_length=64)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.by_column: dict[str, str] = {}
        self.by_ticket: dict[int, str] = {}

    def clean(self) -> dict[str, Any]:
        """Read the choices; any other value counts as no choice."""
        chosen = [(name, value) for name, value in self.data.items() if value in {MINE, THEIRS}]
        for name, value in chosen[:MAX_CHOICES]:
            if name.startswith(COLUMN_PREFIX):
                self.by_column[name.removeprefix(COLUMN_PREFIX)] = value
            elif name.startswith(TICKET_PREFIX) and (
                number := whole_number(name.removeprefix(TICKET_PREFIX))
            ):
                self.by_ticket[number] = value
        return self.cleaned_data

    def save(self, bulk: BulkUpdate, *, user: User) -> None:
        """Keep the choices and check their tickets again. Raises what `choose_values` raises."""
        seal = self.cleaned_data["seal"]
        choose_values(bulk, user=user, seal=seal, by_column=self.by_column, by_ticket=self.by_ticket)
