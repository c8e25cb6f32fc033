"""Pages for what went wrong outside a form: what each one's template may name."""

from dataclasses import dataclass
from enum import Enum, auto

from django.utils.functional import Promise

from ticketadmin.presenters.page import Page, page


@page("problem.html")
class ProblemPage(Page):
    """A request that was not carried out, and why.

    `is_locked_out`: the visitor has to wait before signing in. `leads_on`: the user may open other pages.
    """

    status: int
    title: str
    text: str
    is_locked_out: bool = False
    leads_on: bool = True


@page("500.html")
class FaultPage(Page):
    """A fault of this tool."""


@dataclass(frozen=True)
class TypedText:
    """What a user typed into one box; the label of a custom field is its key."""

    label: str | Promise
    text: str


@dataclass(frozen=True)
class PostedAgain:
    """A form to post once more: its address, its values, and those of them that the user typed.

    `token` is the security token that it was posted with, for a page that cannot have a new one.
    """

    action: str
    values: tuple[tuple[str, str], ...]
    typed: tuple[TypedText, ...]
    token: str


class DraftKept(Enum):
    """Whose draft the input of a form that was not taken became."""

    OWN = auto()
    OF_ANOTHER = auto()  # of the user who opened the form; somebody else is signed in now


@page("unsent_form.html")
class UnsentFormPage(Page):
    """A form that came without a valid token or, if `has_ended`, without a session.

    Its input is a draft of the ticket with this `code`, or `again` has it, or it cannot be repeated.
    `is_signed_in`: a user is, and would send it in their own name.
    """

    code: str = ""
    kept: DraftKept | None = None
    again: PostedAgain | None = None
    has_ended: bool = False
    is_signed_in: bool = False

    @property
    def is_own_draft(self) -> bool:
        """Return whether the user finds the input in the ticket."""
        return self.kept is DraftKept.OWN


@page("503.html")
class DatabaseAwayPage(Page):
    """This tool's database cannot be reached; `again` is the ticket's form that was posted, if one was."""

    again: PostedAgain | None
