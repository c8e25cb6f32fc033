"""Navigation between pages: tabs, links to the previous and next page, and filters in addresses."""

from dataclasses import dataclass

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from ticketadmin.models import User
from ticketadmin.presenters.outcomes import Text
from ticketadmin.presenters.page import FormPage


@dataclass(frozen=True)
class TabLink:
    """One tab: a view of the page, with its address."""

    label: Text
    url: str
    is_current: bool


def user_tabs(query: QueryDict, user: User) -> list[TabLink]:
    """Return the tabs for all users and for the user alone; the rest of the query is kept."""
    tabs = []
    for label, person in ((_("Everyone's"), ""), (_("Mine"), str(user.pk))):
        params = filters_in(query)
        params.pop("person", None)  # the name of the parameter in kept addresses
        if person:
            params["person"] = person
        tabs.append(TabLink(label, f"?{params.urlencode()}", query.get("person", "") == person))
    return tabs


@dataclass(frozen=True)
class PageLinks:
    """The links to the previous and the next page with their labels; "" if there is none."""

    back: Text
    back_url: str
    next: Text
    next_url: str
    where: str = ""  # the place among the pages, if it is known


def filters_in(query: QueryDict) -> QueryDict:
    """Return a query without the place in the list."""
    filters = query.copy()
    filters.pop("before", None)
    return filters


def page_links(route: str, query: QueryDict, older: int | None) -> PageLinks:
    """Return the links to the first page and to the next older one, with the filters of the query."""
    here, filters = reverse(route), filters_in(query)
    first = f"{here}?{filters.urlencode()}" if filters else here
    filters["before"] = str(older)
    return PageLinks(
        _("Newest"),
        first if query.get("before") else "",
        _("Older"),
        f"{here}?{filters.urlencode()}" if older else "",
    )


@dataclass(frozen=True)
class FilteredPage(FormPage):
    """A page of a list with filters in its address; `query` has them without the place in the list."""

    query: QueryDict
    pages: PageLinks

    @property
    def is_filtered(self) -> bool:
        """Return whether anything narrows the list."""
        return any(self.query.values())
