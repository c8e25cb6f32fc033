"""A ticket's place in the list that the user came from, and the way to the tickets before and after it.

The address of a ticket carries the query of the list, so that the page itself shows these links. Scripts
shorten the addresses and request the links as a fragment, which keeps the page quick. Both come from the
index; no remote call is made.
"""

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect

from ticketadmin.presenters.neighbours import LIST, MAX_LIST, PlaceInList, carried, place_in_list
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.index.listing import Query
from ticketadmin.services.index.rows import current_index
from ticketadmin.views.access import UserRequest, in_background, is_scripted, needs
from ticketadmin.views.pages import show
from ticketadmin.views.tickets.list import asked_of


@needs("edit_tickets", "GET")
@in_background
def ticket_neighbours(request: UserRequest, code: str) -> HttpResponse:
    """Return the way to the tickets before and after this one in the list of the query, as a fragment.

    Without a script it leads to the ticket. A ticket that is not in that list has no neighbours.
    """
    if not is_scripted(request):
        return redirect("ticket", code)
    place = _place(request, code, request.GET)
    return show(request, place) if place else HttpResponse()


def carried_place(request: UserRequest, code: str) -> PlaceInList | None:
    """Return the ticket's place in the list that the address or the form carries; no query without one."""
    query = carried_query(request)
    return None if query is None else _place(request, code, QueryDict(query), carries=True)


def carried_query(request: UserRequest) -> str | None:
    """Return the query of the list that the address or the form carries, "" for the whole list."""
    query = request.POST.get(LIST, request.GET.get(LIST))
    return query if query is not None and len(query) <= MAX_LIST else None


def _place(request: UserRequest, code: str, asked: QueryDict, *, carries: bool = False) -> PlaceInList | None:
    found, listed = asked_of(request, get_choices(ask=False), asked)
    query, address = Query(current_index(), found.filters, found.order, listed), found.address()
    return place_in_list(query, code, address, suffix=carried(address) if carries else "")
