"""The other tickets of a ticket's customer, as the page beside the form shows them."""

from dataclasses import dataclass

from django.utils import timezone

from ticketadmin.models import IndexedTicket, TicketIndex
from ticketadmin.presenters.listing import due_of
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.listing import Due, of_same_customer
from ticketadmin.services.index.rows import CUSTOMER, STATUS, TITLE


@dataclass(frozen=True)
class Neighbour:
    """One other ticket of the customer."""

    code: str
    title: str
    status: Status | None
    due: str

    @property
    def is_overdue(self) -> bool:
        """Return whether its day has passed."""
        return self.due == Due.OVERDUE


@dataclass(frozen=True)
class CustomerTickets:
    """The newest others of a customer; `has_more` where there are more than are shown."""

    customer: str
    tickets: tuple[Neighbour, ...]
    has_more: bool


def customer_tickets(index: TicketIndex, code: str, statuses: Statuses) -> CustomerTickets | None:
    """Return the other tickets of this ticket's customer; None where the index knows no customer."""
    own = IndexedTicket.objects.filter(index=index, code=code).first()
    if own is None or not own.values.get(CUSTOMER):
        return None
    found, has_more = of_same_customer(own)
    return CustomerTickets(own.values[CUSTOMER], tuple(_neighbour(one, statuses) for one in found), has_more)


def _neighbour(ticket: IndexedTicket, statuses: Statuses) -> Neighbour:
    name = ticket.values.get(STATUS)
    status = statuses.named(name) if name else None
    due = due_of(ticket, status, timezone.localdate())
    return Neighbour(ticket.code, ticket.values.get(TITLE, ""), status, due)
