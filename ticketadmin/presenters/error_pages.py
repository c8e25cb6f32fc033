"""Pages for what went wrong outside a form: what each one's template may name."""

from dataclasses import dataclass

from django.utils.functional import Promise

from ticketadmin.presenters.page import Page, page


@page("400.html")
class UnreadablePage(Page):
    """A request that cannot be read, and why."""

    text: str
    status: int


@page("403.html")
class ForbiddenPage(Page):
    """A page or an action that the user's role does not include."""


@page("404.html")
class NotFoundPage(Page):
    """No such page."""


@page("405.html")
class WrongMethodPage(Page):
    """An address that exists, but not for this method."""


@page("429.html")
class TooManyPage(Page):
    """A visitor who has to wait before the next try; `problem` names what there were too many of."""

    problem: str


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
    """The form to post once more: where to, with which values, and what of it the user typed."""

    action: str
    values: tuple[tuple[str, str], ...]
    typed: tuple[TypedText, ...]


@page("503.html")
class DatabaseAwayPage(Page):
    """This tool's database cannot be reached; `again` is the ticket's form that was posted, if one was."""

    again: PostedAgain | None
