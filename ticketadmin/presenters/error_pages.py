"""Pages for what went wrong outside a form: what each one's template may name."""

from dataclasses import dataclass

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


@page("csrf_failure.html")
class StaleFormPage(Page):
    """A form without a valid token; `is_kept`: the input is a draft of the ticket with this code."""

    code: str
    is_kept: bool


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
    """A form to post once more: its address, its values, and those of them that the user typed."""

    action: str
    values: tuple[tuple[str, str], ...]
    typed: tuple[TypedText, ...]


@page("503.html")
class DatabaseAwayPage(Page):
    """This tool's database cannot be reached; `again` is the ticket's form that was posted, if one was."""

    again: PostedAgain | None
