"""The page of one ticket and its fragments, and what saving its form would send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ticketadmin.forms.tickets import TicketForm
from ticketadmin.models import Change, User
from ticketadmin.presenters.changes import PresentedChange, ValueRow, present_edit
from ticketadmin.presenters.conflicts import PresentedConflict
from ticketadmin.presenters.content import DisplayedContent, display_content
from ticketadmin.presenters.neighbours import CustomerTickets, PlaceInList
from ticketadmin.presenters.outcomes import Notice, Text
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.recipes import PresentedRecipe
from ticketadmin.presenters.rules import describe_unmet
from ticketadmin.presenters.sent_along import signature_before
from ticketadmin.presenters.snippets import SnippetChoice
from ticketadmin.sanitizing import removed_by_cleaning
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.crm.statuses import Status
from ticketadmin.services.drafts.drafts import Restored
from ticketadmin.services.drafts.presence import TicketPresence
from ticketadmin.services.rules.checking import ProposedChange, check_rules, rules_of
from ticketadmin.services.saving.edit import Set
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.sent_along import with_sent_along
from ticketadmin.services.values.fields import Value


@page("tickets/_preview.html")
class Preview(Page):
    """What saving a form would send, what rules require of it, and what cleaning would drop.

    It is a part of the ticket's page, and a fragment for a script.
    """

    has_errors: bool  # values of the form need correcting first
    rows: tuple[ValueRow, ...]
    sent_along: Sequence[Text]  # labels of the fields that go along unchanged
    rules: Sequence[str]  # what they require and is not met, a sentence each
    signature: Text
    removed: Sequence[str]
    content: DisplayedContent | None  # as it would be stored


@dataclass(frozen=True)
class KeptDraft:
    """A draft of the ticket that its form does not show."""

    typed_at: datetime
    replaced: Sequence[Text]  # labels of the fields of which a save of the form drops what the draft holds


@dataclass(frozen=True, kw_only=True)
class Beside(Page):
    """What a ticket page shows besides its form, depending on the result of the request."""

    read: ReadTicket | None = None
    saved: Change | None = None
    preview: Preview | None = None
    kept_theirs: Mapping[str, tuple[Value, Value]] | None = None  # changed by others meanwhile
    notice: Notice | None = None
    draft: Restored | None = None  # the draft in the form
    snippets: SnippetChoice | None = None  # to choose from, without scripts
    named_losses: tuple[str, ...] = ()  # the fields that a save would lose, where the notice names them
    kept_draft: KeptDraft | None = None  # one that is not in the form
    takes_back: bool = False  # the conflicts are those of an undo or a restore: no user typed "mine"


@page("tickets/ticket.html")
class TicketPage(Beside):
    """The page of a ticket."""

    form: TicketForm
    base_token: str  # the form's base, signed
    read_is_off: bool  # because the user asked for it
    status: Status | None
    quick_statuses: Sequence[Status]
    content: DisplayedContent | None
    images_token: str  # asks for the images of the content
    conflicts: list[PresentedConflict]
    omitted: Notice | None  # warns of a CRM that empties the fields that a PUT leaves out
    losing: Sequence[str]  # the fields that a save to such a CRM would lose
    was_discarded: bool  # a draft, by the request before
    visit: str  # names this visit to those who have the ticket open
    saved_item: PresentedChange | None  # what the save before this page did
    kept_rows: Sequence[ValueRow]  # changed by others meanwhile
    changes: list[PresentedChange]
    place: PlaceInList | None
    recipes: list[PresentedRecipe]
    chosen_recipe: str
    others: CustomerTickets | None

    @property
    def code(self) -> str:
        """The ticket's code."""
        return self.form.base.code

    @property
    def base(self) -> Base:
        """The ticket as it was loaded into the form."""
        return self.form.base


@page("tickets/unavailable.html")
class UnavailablePage(Page):
    """The page of a ticket that cannot be opened now."""

    code: str
    notice: Notice
    changes: list[PresentedChange]
    may_update_blind: bool


@page("tickets/_content_preview.html")
class ContentPreview(Page):
    """What typed content would become, for a script."""

    shown: DisplayedContent
    removed: Sequence[str]


@page("tickets/_presence.html")
class PresencePart(Page):
    """Who else has the ticket open, for a script."""

    presence: TicketPresence
    code: str


def preview_of(form: TicketForm, user: User) -> Preview:
    """Return what saving the form would do."""
    content = form.edit.wishes.get("ticket_content")
    typed = form.data.get("ticket_content", "") if isinstance(content, Set) else ""
    return Preview(
        has_errors=bool(form.errors),
        rows=present_edit(form.edit, form.base.values, form.schema),
        sent_along=_sent_along(form),
        rules=_rules(form, user),
        signature=signature_before(user, form.schema, was_read=form.base.was_read) if form.edit else "",
        removed=removed_by_cleaning(str(typed)) if typed else (),
        content=display_content(str(content.value)) if isinstance(content, Set) else None,
    )


def _rules(form: TicketForm, user: User) -> list[str]:
    """Return what rules require of the change and is not met, by the ticket as the form was loaded."""
    base, schema = form.base.values, form.schema
    proposed = ProposedChange(form.edit.values(schema, base), base, user, form.change_reason)
    found = check_rules(rules_of(schema), proposed, schema)
    return [describe_unmet(one, schema) for one in found.broken]


def _sent_along(form: TicketForm) -> list[Text]:
    if not (form.edit and form.base.was_read):
        return []
    along = with_sent_along({}, form.base.values, form.schema)
    return [form.schema.field(name).label for name in along if name not in form.edit.wishes]
