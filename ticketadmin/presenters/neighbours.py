"""The other tickets of a ticket's customer, as the page beside the form shows them."""

from dataclasses import dataclass

from django.utils import timezone

from ticketadmin.models import IndexedTicket, TicketIndex
from ticketadmin.presenters.listing import due_of
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.listing import Due, of_same_customer
from ticketadmin.services.index.rows import CUSTOMER, STATUS, TITLE
from ticketadmin.services.index.texts import kept_text


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


def customer_tickets(
    index: TicketIndex, code: str, statuses: Statuses, *, customer: str | None = None
) -> CustomerTickets | None:
    """Return the other tickets of this ticket's customer; None where no customer is known.

    `customer` is the name that the ticket was just read with; without one the index may know it.
    """
    customer = _indexed_customer(index, code) if customer is None else kept_text(customer)
    if not customer:
        return None
    found, has_more = of_same_customer(index, customer, but_not=code)
    return CustomerTickets(customer, tuple(_neighbour(one, statuses) for one in found), has_more)


def _indexed_customer(index: TicketIndex, code: str) -> str:
    values = IndexedTicket.objects.filter(index=index, code=code).values_list("values", flat=True).first()
    return str((values or {}).get(CUSTOMER, ""))


def _neighbour(ticket: IndexedTicket, statuses: Statuses) -> Neighbour:
    name = ticket.values.get(STATUS)
    status = statuses.named(name) if name else None
    due = due_of(ticket, status, timezone.localdate())
    return Neighbour(ticket.code, ticket.values.get(TITLE, ""), status, due)
