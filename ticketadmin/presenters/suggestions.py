"""What the omnibox at the top of every page suggests while a user types."""

from collections.abc import Iterable, Sequence

from ticketadmin.models import Draft, IndexedTicket, Recipe
from ticketadmin.presenters.page import Page, page
from ticketadmin.services.crm.statuses import Status


@page("shared/_suggestions.html")
class Suggestions(Page):
    """The options of the list box: what the typed text could mean, from the most to the least likely."""

    typed: str
    codes: Sequence[str]  # if several were typed
    code: str  # "" if the text does not name exactly one ticket
    statuses: Sequence[Status]  # that the ticket could be set to
    no_status: str  # words behind the code that name no status and that no ticket has
    recipes: Sequence[tuple[str, Recipe]]  # each with the code of the ticket that it is for
    listed: Sequence[IndexedTicket]
    drafts: Iterable[Draft]
    recent: Sequence[str]
