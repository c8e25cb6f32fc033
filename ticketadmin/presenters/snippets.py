"""Snippets as users read them: in the list, and the tabs between recipes and snippets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.models import Tone
from ticketadmin.presenters.changes import Notice, Tab
from ticketadmin.presenters.outcomes import NOTHING_CHANGED
from ticketadmin.services.snippets.importing import Fate, PlannedRow, counted
from ticketadmin.services.snippets.keep import START, ListedSnippet
from ticketadmin.services.snippets.snippet import Insertion

SHOWN_TEXT = 120  # characters of a text in a line
_CUT_TAG = re.compile(r"<[^>]*$")
_BREAK = re.compile(r"</?(?:p|br|div|li|tr|h[1-6])\b", re.IGNORECASE)


@dataclass(frozen=True)
class PresentedSnippet:
    """One snippet in a list or a menu. `owner` is "" for the user's own."""

    number: int
    name: str
    excerpt: str
    owner: str
    is_shared: bool


@dataclass(frozen=True)
class SnippetChoice:
    """What a page without scripts offers: the snippets for one box of the ticket's form."""

    into: str
    label: str
    options: list[PresentedSnippet]


def present_snippets(listed: Iterable[ListedSnippet]) -> list[PresentedSnippet]:
    """Return snippets as a user reads them."""
    return [
        PresentedSnippet(
            one.snippet.pk,
            one.snippet.name,
            excerpt(one.start),
            "" if one.is_own else one.snippet.owner.display_name,
            one.snippet.is_shared,
        )
        for one in listed
    ]


def excerpt(start: str) -> str:
    """Return the first words of a content as text; it may have been cut anywhere. Escape it as any text."""
    if "<" in start:
        start = unescape(strip_tags(_BREAK.sub(r" \g<0>", _CUT_TAG.sub("", start))))
    return Truncator(" ".join(start.split())).chars(SHOWN_TEXT)


def recipe_tabs(current: str) -> list[Tab]:
    """Return the tabs of the pages of recipes and snippets; `current` is the name of a route."""
    tabs = {"recipes": _("Recipes"), "snippets": _("Snippets")}
    return [Tab(label, reverse(route), route == current) for route, label in tabs.items()]


def describe_inserted(name: str, found: Insertion, label: str) -> Notice:
    """Return the banner over a form into whose box `label` a snippet was inserted; name "": it is gone."""
    if not name:
        title = _("Nothing was inserted: this snippet does not exist any more.")
        return Notice("danger", title, NOTHING_CHANGED, _("Choose another one."))
    if found.problems:
        title = _("The snippet “%(name)s” was not inserted.") % {"name": name}
        step = _("Write it yourself, or choose another one.")
        return Notice("danger", title, " ".join([*found.problems, str(NOTHING_CHANGED)]), step)
    title = _("The snippet “%(name)s” was inserted at the end of “%(field)s”.")
    title %= {"name": name, "field": label}
    return Notice("info", title, _("Nothing was sent yet."), _("Look at what would be sent, then save."))


@dataclass(frozen=True)
class PresentedRow:
    """One row of a file: what becomes of it, in words, and its text; `was` is what it replaces."""

    number: int
    name: str
    fate: str
    tone: Tone
    notes: tuple[str, ...]
    text: str
    was: str


@dataclass(frozen=True)
class PresentedPlan:
    """What a file would do. `writes` tells whether there is anything to write."""

    rows: list[PresentedRow]
    counts: list[tuple[str, Tone, int]]
    writes: int


_FATES: Mapping[Fate, tuple[str | Promise, Tone]] = {
    Fate.NEW: (gettext_lazy("new"), Tone.SUCCESS),
    Fate.CHANGED: (gettext_lazy("changed"), Tone.INFO),
    Fate.UNCHANGED: (gettext_lazy("unchanged"), Tone.NEUTRAL),
    Fate.REFUSED: (gettext_lazy("refused"), Tone.DANGER),
}


def present_plan(planned: Sequence[PlannedRow]) -> PresentedPlan:
    """Return a plan as a user reads it: what needs correcting first, then the order of the file."""
    order = sorted(
        planned, key=lambda one: (one.fate is not Fate.REFUSED, one.fate is Fate.UNCHANGED, one.number)
    )
    counts = [
        (str(_FATES[fate][0]), _FATES[fate][1], number) for fate, number in counted(planned).items() if number
    ]
    return PresentedPlan([_row(one) for one in order], counts, sum(one.fate.writes for one in planned))


def _row(one: PlannedRow) -> PresentedRow:
    word, tone = _FATES[one.fate]
    there = one.snippet
    was = there.content if there and one.text and there.content != one.text.content else ""
    text = one.text.content if one.text else ""
    return PresentedRow(
        one.number, one.name, str(word), tone, _notes(one), excerpt(text[:START]), excerpt(was[:START])
    )


def _notes(one: PlannedRow) -> tuple[str, ...]:
    if one.reason:
        return (one.reason,)
    was_shared = bool(one.snippet and one.snippet.is_shared)
    if one.text is None or one.text.is_shared == was_shared:
        return ()
    return (
        (_("It becomes shared with everybody."),) if one.text.is_shared else (_("It is no longer shared."),)
    )
