"""Snippets as users read them: in the list, and the tabs between recipes and snippets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.models import Snippet, Tone
from ticketadmin.presenters.changes import ValueRow
from ticketadmin.presenters.content import DisplayedContent, display_content
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice
from ticketadmin.presenters.page import FormPage, Page, page
from ticketadmin.presenters.paging import TabLink
from ticketadmin.presenters.recipes import MAX_LINE_TEXT
from ticketadmin.services.snippets.importing import PlannedRow, RowStatus, counted
from ticketadmin.services.snippets.keep import START, ListedSnippet
from ticketadmin.services.snippets.snippet import Insertion
from ticketadmin.services.snippets.table import MAX_SNIPPET_ROWS

_CUT_TAG = re.compile(r"<[^>]*$")
_BREAK = re.compile(r"</?(?:p|br|div|li|tr|h[1-6])\b", re.IGNORECASE)


@dataclass(frozen=True)
class PresentedSnippet:
    """One snippet in a list or a menu. `owner` is "" for the user's own."""

    snippet: Snippet
    excerpt: str
    owner: str


@dataclass(frozen=True)
class SnippetChoice:
    """What a page without scripts offers: snippets for one box. `following` is how many come before the next
    ones; 0: there are no more.
    """

    into: str
    label: str
    options: list[PresentedSnippet]
    following: int = 0


@page("snippets/snippets.html")
class SnippetsPage(Page):
    """The snippets of the user and those that colleagues share, filtered by the words of a search if any.

    `shown` is how many are listed; `has_more`: there are more, which are not shown.
    """

    own: list[PresentedSnippet]
    shared: list[PresentedSnippet]
    tabs: list[TabLink]
    words: str
    shown: int
    has_more: bool


@page("snippets/snippet.html")
class SnippetPage(FormPage):
    """The form of a snippet; `snippet` is None for a new one."""

    snippet: Snippet | None

    @property
    def address(self) -> str:
        """Where the form posts to."""
        return reverse("snippet", args=[self.snippet.pk]) if self.snippet else reverse("snippet_new")


@page("snippets/shared.html")
class SharedSnippetPage(Page):
    """A colleague's snippet, cleaned once more."""

    snippet: Snippet

    @property
    def content(self) -> DisplayedContent:
        """Its text."""
        return display_content(self.snippet.content)


@page("snippets/delete.html")
class DeleteSnippetPage(SharedSnippetPage):
    """The question whether a snippet is to be deleted."""


@page("snippets/_options.html")
class SnippetOptions(Page):
    """The options of the menu, a fragment; `code` is the ticket's, "" if there is none.

    `has_more`: there are more than these.
    """

    snippets: list[PresentedSnippet]
    code: str
    has_more: bool


@page("snippets/reason.html")
class ReasonPage(Page):
    """The page for the reason of a change that has no form of its own, with a snippet in it.

    `action` is where it posts to, `carried` what goes along from the form before, `back` the way out.
    """

    title: str
    verb: str
    action: str
    back: str
    form: ReasonForm
    code: str = ""
    rows: Sequence[ValueRow] = ()
    carried: Sequence[tuple[str, str]] = ()
    snippets: SnippetChoice | None = None
    notice: Notice | None = None


@page("snippets/import.html")
class ImportPage(FormPage):
    """The page for uploading a file of snippets, which may have `most` rows."""

    @property
    def most(self) -> str:
        """How many rows it may have, in groups of digits."""
        return number_format(MAX_SNIPPET_ROWS, force_grouping=True)


def present_snippets(listed: Iterable[ListedSnippet]) -> list[PresentedSnippet]:
    """Return snippets as a user reads them."""
    return [
        PresentedSnippet(
            one.snippet, excerpt(one.start), "" if one.is_own else one.snippet.owner.display_name
        )
        for one in listed
    ]


def excerpt(start: str) -> str:
    """Return the beginning of a content as plain text, which has still to be escaped."""
    if "<" in start:
        start = unescape(strip_tags(_BREAK.sub(r" \g<0>", _CUT_TAG.sub("", start))))
    return Truncator(" ".join(start.split())).chars(MAX_LINE_TEXT)


def recipe_tabs(current: str) -> list[TabLink]:
    """Return the tabs of the pages of recipes and snippets; `current` is the name of a route."""
    tabs = {"recipes": _("Recipes"), "snippets": _("Snippets")}
    return [TabLink(label, reverse(route), route == current) for route, label in tabs.items()]


def describe_inserted(name: str, found: Insertion, label: str, next_step: str) -> Notice:
    """Return the banner over a form into whose box `label` a snippet was inserted; name "": it is gone.

    `next_step` says what to do after it was inserted.
    """
    if not name:
        title = _("Nothing was inserted: this snippet no longer exists.")
        return Notice(Tone.DANGER, title, NOTHING_CHANGED, _("Choose another one."))
    if found.problems:
        title = _("The snippet “%(name)s” was not inserted.") % {"name": name}
        step = _("Write it yourself, or choose another one.")
        return Notice(Tone.DANGER, title, " ".join([*found.problems, str(NOTHING_CHANGED)]), step)
    title = _("The snippet “%(name)s” was inserted at the end of “%(field)s”.")
    title %= {"name": name, "field": label}
    return Notice(Tone.INFO, title, _("Nothing was sent yet."), next_step)


@dataclass(frozen=True)
class PresentedRow:
    """One row of a file: its label, its text, and in `was` the text that it replaces."""

    number: int
    name: str
    status: str
    tone: Tone
    notes: tuple[str, ...]
    text: str
    was: str


@page("snippets/plan.html")
class PlanPage(Page):
    """What importing a file would do; `writes` counts the rows to write, `sealed` is the plan in the form."""

    rows: list[PresentedRow]
    counts: list[tuple[str, Tone, int]]
    writes: int
    sealed: str
    is_outdated: bool


_STATUSES: Mapping[RowStatus, tuple[str | Promise, Tone]] = {
    RowStatus.NEW: (gettext_lazy("new"), Tone.SUCCESS),
    RowStatus.CHANGED: (gettext_lazy("changed"), Tone.INFO),
    RowStatus.UNCHANGED: (gettext_lazy("unchanged"), Tone.NEUTRAL),
    RowStatus.REFUSED: (gettext_lazy("refused"), Tone.DANGER),
}


def plan_page(planned: Sequence[PlannedRow], sealed: str, *, is_outdated: bool) -> PlanPage:
    """Return a plan as a user reads it: what needs correcting first, then the order of the file."""
    order = sorted(
        planned,
        key=lambda one: (one.status is not RowStatus.REFUSED, one.status is RowStatus.UNCHANGED, one.number),
    )
    counts = [
        (str(_STATUSES[status][0]), _STATUSES[status][1], number)
        for status, number in counted(planned).items()
        if number
    ]
    writes = sum(one.status.writes for one in planned)
    return PlanPage([_row(one) for one in order], counts, writes, sealed, is_outdated)


def _row(one: PlannedRow) -> PresentedRow:
    word, tone = _STATUSES[one.status]
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
    return (_("It becomes shared with everyone."),) if one.text.is_shared else (_("It is no longer shared."),)
