"""A ticket's neighbours: the others of its customer, and its place in the list that the user came from."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils import timezone

from ticketadmin.models import IndexedTicket, TicketIndex
from ticketadmin.presenters.listing import due_of
from ticketadmin.presenters.page import Page, page
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.listing import (
    Due,
    Query,
    Total,
    customer_of,
    neighbours,
    of_same_customer,
    position_of,
    total_of,
)
from ticketadmin.services.index.texts import kept_text
from ticketadmin.services.values.fields import STATUS

LIST = "list"  # the parameter in which a ticket's address carries the query of the list
MAX_LIST = 1_500  # characters of such a query; servers refuse addresses of 4,000


@page("tickets/_neighbours.html")
class PlaceInList(Page):
    """Where a ticket is in a list: the codes around it, its number from 1, and the query of the list.

    It is a part of the ticket's page, and a fragment for a script.
    """

    query: str
    before: str
    after: str
    position: Total
    total: Total
    suffix: str = ""  # of the addresses of its neighbours


@dataclass(frozen=True)
class Neighbour:
    """One other ticket of the customer."""

    ticket: IndexedTicket
    status: Status | None
    is_overdue: bool


@dataclass(frozen=True)
class CustomerTickets:
    """The newest other tickets of a customer; `has_more` if there are more than are shown."""

    customer: str
    tickets: tuple[Neighbour, ...]
    has_more: bool


def customer_tickets(
    index: TicketIndex, code: str, statuses: Statuses, *, customer: str | None
) -> CustomerTickets | None:
    """Return the other tickets of this ticket's customer; None if no customer is known.

    `customer` is the name that the ticket was just read with; without one the index may know it.
    """
    customer = customer_of(index, code) if customer is None else kept_text(customer)
    if not customer:
        return None
    found, has_more = of_same_customer(index, customer, but_not=code)
    return CustomerTickets(customer, tuple(_neighbour(one, statuses) for one in found), has_more)


def carried(query: str) -> str:
    """Return the query string by which a ticket's page knows the list; "" if the list's query is too long."""
    return f"?{urlencode({LIST: query})}" if len(query) <= MAX_LIST else ""


def place_in_list(query: Query, code: str, address: str, *, suffix: str) -> PlaceInList | None:
    """Return the place of a ticket in a list whose query is `address`; None if it is not in the list."""
    row: IndexedTicket | None = query.ordered().filter(code=code).first()
    if row is None:
        return None
    before, after = (one.code if one else "" for one in neighbours(query, row))
    return PlaceInList(address, before, after, position_of(query, row), total_of(query), suffix)


def _neighbour(ticket: IndexedTicket, statuses: Statuses) -> Neighbour:
    name = ticket.values.get(STATUS)
    status = statuses.named(name) if name else None
    return Neighbour(ticket, status, due_of(ticket, status, timezone.localdate()) == Due.OVERDUE)
