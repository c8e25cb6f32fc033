"""The samples of the style guide: every component of the design system in its states, for developers."""

from collections.abc import Callable
from dataclasses import field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django import forms
from django.utils.safestring import SafeString

from ticketadmin.forms.bulk_file import asked_questions, question_boxes
from ticketadmin.models import BulkState, Hue, Outcome, Plan, Snippet, Tone
from ticketadmin.presenters.account import qr_code
from ticketadmin.presenters.bulk import Tile
from ticketadmin.presenters.bulk_changes import ShownQuestion, present_question
from ticketadmin.presenters.changes import ValueRow
from ticketadmin.presenters.conflicts import (
    ConflictingColumn,
    ConflictingTicket,
    PresentedFileConflict,
    PresentedFileConflicts,
)
from ticketadmin.presenters.connection import ANSWERS, PresentedStep
from ticketadmin.presenters.file_help import SpellingRow, spelling_rows
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.paging import PageLinks, TabLink
from ticketadmin.presenters.snippets import PresentedSnippet
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.questions import QuestionSubject
from ticketadmin.services.crm.check import CheckAnswer
from ticketadmin.services.values.diffs import Piece, word_diff

STATES = [BulkState(one) for one in "draft running paused finished cancelled".split()]


def _samples(make: Callable[[], Any]) -> Any:
    """Return a dataclass field whose samples are made for each page, in the language of the page."""
    return field(default_factory=make)


def _snippets() -> list[PresentedSnippet]:
    greeting = Snippet(pk=1, name="greeting", is_shared=True)
    signature = Snippet(pk=2, name="signature", is_shared=True)
    return [
        PresentedSnippet(greeting, "Dear customer, thank you for your message.", ""),
        PresentedSnippet(signature, "With kind regards", "Lan Nguyen"),
    ]


def _questions() -> list[ShownQuestion]:
    question = {
        "subject": QuestionSubject.DAYS,
        "column": "Expected",
        "spelling": "",
        "rows": 12,
        "answer": "",
        "options": [(Notation.DAY_FIRST, ""), (Notation.MONTH_FIRST, "")],
        "examples": [{"row": 2, "text": "05/12/26", "readings": ["2026-12-05", "2026-05-12"]}],
    }
    boxes = type("Questions", (forms.Form,), question_boxes([question]))
    return [present_question(asked) for asked in asked_questions(boxes(), [question])]


def _tiles() -> list[Tile]:
    shares = ((Tone.SUCCESS, 60), (Tone.INFO, 20), (Tone.WARN, 10), (Tone.DANGER, 5), (Tone.NEUTRAL, 5))
    starts = [sum(width for _tone, width in shares[:number]) for number in range(len(shares))]
    return [
        Tile(tone, tone.title(), width, tone, str(start), str(width))
        for (tone, width), start in zip(shares, starts, strict=True)
    ]


@page("styleguide/styleguide.html")
class StyleGuidePage(Page):
    """The design system on one page. Fields typed `Any` imitate the forms and rows that components take."""

    notices: tuple[Notice, ...] = tuple(
        Notice(tone, f"A {tone} banner", "What happened.", "What to do next.", "The CRM's words", "0a1b2c3d")
        for tone in Tone
    )
    rows: tuple[ValueRow, ...] = (
        ValueRow("a", "Changed", "before", "after", outcome=Outcome.VERIFIED),
        ValueRow("b", "Unknown before", None, "after", outcome=Outcome.NOT_READABLE),
        ValueRow("c", "Cleared", "before", "", outcome=Outcome.VERIFIED),
        ValueRow("d", "Stored differently", "", " after ", "AFTER", Outcome.STORED_DIFFERENTLY),
    )
    tiles: list[Tile] = _samples(_tiles)
    plans: tuple[Tile, ...] = tuple(Tile(one.value, one.label, 1, one.tone, "0", "0") for one in Plan if one)
    pieces: tuple[Piece, ...] = word_diff("The printer is broken", "The printer works again")
    steps: tuple[PresentedStep, ...] = tuple(
        PresentedStep(state.title(), *ANSWERS[state], ms=12.0)
        if state is CheckAnswer.WORKS
        else PresentedStep(state.title(), *ANSWERS[state], why="The CRM did not say why.")
        for state in CheckAnswer
    )
    tabs: tuple[TabLink, ...] = tuple(
        TabLink(name, "#main", name == "Mine") for name in ("Everyone's", "Mine", "Unread")
    )
    qr: SafeString = _samples(
        lambda: qr_code("otpauth://totp/ticketadmin:lan?secret=JBSWY3DPEHPK3PXP&issuer=ticketadmin")
    )
    pages: tuple[PageLinks, ...] = (
        PageLinks("Back", "#main", "Next", "#main", "Page 2 of 5"),
        PageLinks("Newest", "", "Older", "#main"),
    )
    snippets: list[PresentedSnippet] = _samples(_snippets)
    questions: list[ShownQuestion] = _samples(_questions)
    file_conflicts: PresentedFileConflicts = PresentedFileConflicts(
        (
            ConflictingTicket(
                "A1", "conflict-a1", (PresentedFileConflict("Title", "Printer", "Printer on floor 2", ""),)
            ),
        ),
        (ConflictingColumn("Title", "conflict-column", 3),),
        total=3,
    )
    spellings: list[SpellingRow] = _samples(spelling_rows)
    choice: Any = _samples(lambda: SimpleNamespace(resolve_name="c", chosen="theirs"))
    statuses: Any = tuple(SimpleNamespace(name=hue.label, hue=hue.value) for hue in list(Hue)[:3])
    states: Any = tuple(SimpleNamespace(tone=one.tone, get_state_display=one.value) for one in STATES)
    recipes: Any = (SimpleNamespace(pk=1, name="Close"),)
    conflicting: Any = _samples(lambda: SimpleNamespace(uuid=UUID(int=0), seal=""))
    hues: type[Hue] = Hue
    outcomes: type[Outcome] = Outcome
    long_text: str = "Another thing is done, and it takes more words than one line has room for to say so."
    run_steps: tuple[int, ...] = (1, 3, 4)
    recovery_codes: tuple[str, ...] = ("k7f2m-9qxtd", "w3hpa-n6rvc", "b8zye-4gjus")
