"""The pages and fragments of changes that have no form: a quick status, and what it or an undo would lose."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.functional import Promise

from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.presenters.changes import PresentedChange
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.snippets import SnippetChoice
from ticketadmin.services.crm.statuses import Status
from ticketadmin.services.values.fields import Value


@dataclass(frozen=True)
class Attempt:
    """The result of setting a status, or of another change without a form; all empty: not tried yet."""

    wanted: str = ""  # the status
    notice: Notice | None = None  # why it was not set
    now: Value = None  # the status that a colleague set meanwhile
    already: str = ""  # the status, where the ticket had it
    seen: str | None = None  # the status as the user saw it
    needs_reason: bool = False
    losing: Sequence[str] = ()  # fields that a second try accepts to lose
    is_losing: bool = False  # it was not sent because of them
    item: PresentedChange | None = None  # the change that was made
    status: Status | None = None  # what the ticket has after it
    base: str = ""  # of the form on the same page, with what was stored


@page("tickets/_quick_result.html")
class QuickResult(Page):
    """The result in place of the button, for a script."""

    code: str
    submission: UUID
    reason_form: ReasonForm
    tried: Attempt


@page("tickets/status.html")
class StatusPage(QuickResult):
    """The statuses to choose from, or the one to confirm as `target`."""

    statuses: Sequence[Status]
    target: Status | None
    rules: Sequence[str]  # what they require for it, a sentence each
    signature: str | Promise
    omitted: Notice | None
    searched: str = ""  # the words as a search, if they are not a status
    snippets: SnippetChoice | None = None  # to choose from for the reason, without scripts


@page("tickets/losing.html")
class LosingPage(Page):
    """What a change without a form would lose, with a form that posts it to `action` anyway."""

    code: str
    notice: Notice
    action: str
    losing: Sequence[str]
    submission: UUID
    reason_form: ReasonForm


@page("tickets/_losing.html")
class LosingPart(LosingPage):
    """The same in place of the button, for a script."""
