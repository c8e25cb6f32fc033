"""The CRM's list of tickets: what was read last, read again when asked, filtered here once more.

A page shows the last known list at once and follows with a fresh one, so that a slow or dead CRM
never holds it up. A filter may be ignored upstream and rows may repeat while the list moves: rows are
matched again here and kept once each.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from ticketadmin.logs import request_id
from ticketadmin.models import RemoteSnapshot
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.crm.statuses import Statuses
from ticketadmin.services.values.browser import is_date
from ticketadmin.services.values.choices import Choices
from ticketadmin.text import contains, folded
from ticketadmin.ticketapi.errors import InvalidTicket, NotAllowed, NotFound, TicketApiError
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.tickets import Ticket

CHUNK = 100
MOST = 1_000
FRESH_FOR = timedelta(seconds=20)
REFUSAL_BELIEVED_FOR = timedelta(minutes=10)
FORGOTTEN_AFTER = timedelta(days=2)
OVERDUE, TODAY, WEEK = "overdue", "today", "week"


@dataclass(frozen=True)
class ListFilters:
    """What of the list is asked for; empty means any. `due` is overdue, today or week."""

    status: str = ""
    category: str = ""
    customer: str = ""
    due: str = ""
    text: str = ""
    mine: bool = False
    codes: tuple[str, ...] = ()

    @property
    def upstream(self) -> dict[str, str]:
        """The part that the CRM is asked to filter by, in its own spelling."""
        asked = {"status_name:eq": self.status, "cate_name:eq": self.category}
        asked |= {"account_name:contains": self.customer, "ticket_title:contains": self.text}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class ListedTicket:
    """One row: the standard fields that the list shows, and the customer's name."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    customer: str = ""
    updated_at: str = ""

    def due_state(self, statuses: Statuses, today: date) -> str:
        """Return overdue, today, week or ""; a ticket that is done is never due."""
        text = self.values.get("expected_at", "")
        status = self.values.get("status_name")
        if not is_date(text) or (status and statuses.named(status).is_done):
            return ""
        days = (date.fromisoformat(text) - today).days
        if days < 0:
            return OVERDUE
        return TODAY if days == 0 else WEEK if days <= 7 else ""


@dataclass(frozen=True)
class Listing:
    """The list as far as it is known. `problem` is the reason why the last attempt to read it failed."""

    tickets: tuple[ListedTicket, ...] = ()
    read_at: datetime | None = None
    has_more: bool = False
    received: int = 0
    problem: str = ""

    @property
    def is_refused(self) -> bool:
        """Tell whether the key may not list tickets."""
        reason = Reason.known(self.problem)
        return reason is not None and reason.is_refusal

    @property
    def is_old(self) -> bool:
        """Tell whether the age is worth saying in words."""
        return self.read_at is not None and timezone.now() - self.read_at > timedelta(minutes=1)

    @property
    def is_fresh(self) -> bool:
        """Tell whether reading it again now would be a waste."""
        return self.read_at is not None and timezone.now() - self.read_at < FRESH_FOR and not self.problem


def known_listing(filters: ListFilters) -> Listing:
    """Return the list as it was read last for these filters; no remote call."""
    row = RemoteSnapshot.objects.filter(name=_name_of(filters)).first()
    return _from_row(row) if row else Listing()


def fetch_listing(filters: ListFilters, *, wanted: int = CHUNK) -> Listing:
    """Read the list now, one call for each hundred rows wanted, and keep it. Never raises.

    When the CRM does not answer, the last known list is returned with the problem.
    """
    known = known_listing(filters)
    if known.is_refused and known.read_at and timezone.now() - known.read_at < REFUSAL_BELIEVED_FOR:
        return known
    try:
        found = _read(filters.upstream, min(wanted, MOST))
    except TicketApiError as error:
        is_refusal = isinstance(error, NotAllowed | NotFound)
        found = replace(known, problem=error.reason, read_at=timezone.now() if is_refusal else known.read_at)
        if not is_refusal:
            return found
    _keep(filters, found)
    return found


def _read(upstream: Mapping[str, str], wanted: int) -> Listing:
    rows: dict[str, ListedTicket] = {}
    offset, has_more = 0, True
    while has_more and offset < wanted:
        try:
            page = get_api().list_tickets(
                limit=CHUNK, offset=offset, filters=upstream, request_id=request_id.get()
            )
        except InvalidTicket:
            if not upstream:
                raise
            return _read({}, wanted)  # a filter that this CRM does not know: match the rows here alone
        fresh = {ticket.code: _row_of(ticket) for ticket in page.tickets if ticket.code not in rows}
        rows |= fresh
        offset += page.received
        has_more = page.received > 0 and bool(fresh) and page.has_more is not False
    return Listing(tuple(rows.values()), timezone.now(), has_more, offset)


def matching(
    listing: Listing,
    filters: ListFilters,
    statuses: Statuses,
    *,
    mine: Collection[str] = (),
    today: date | None = None,
) -> tuple[ListedTicket, ...]:
    """Return the rows that fit the filters. A value that the list does not show fits every filter."""
    day = today or timezone.localdate()
    if filters.codes:
        rows = {ticket.code: ticket for ticket in listing.tickets}
        return tuple(rows.get(code, ListedTicket(code)) for code in filters.codes)
    return tuple(ticket for ticket in listing.tickets if _fits(ticket, filters, statuses, mine, day))


def _fits(
    ticket: ListedTicket, filters: ListFilters, statuses: Statuses, mine: Collection[str], today: date
) -> bool:
    values = ticket.values
    if filters.mine and ticket.code not in mine:
        return False
    if filters.status and folded(values.get("status_name", filters.status)) != folded(filters.status):
        return False
    if filters.category and folded(values.get("cate_name", filters.category)) != folded(filters.category):
        return False
    customer = f"{ticket.customer} {values.get('account_email', '')}"
    if filters.customer and customer.strip() and not contains(customer, filters.customer):
        return False
    if filters.due and "expected_at" in values:
        wanted = {WEEK: {TODAY, WEEK}}.get(filters.due, {filters.due})
        if ticket.due_state(statuses, today) not in wanted:
            return False
    searched = f"{ticket.code} {values.get('ticket_title', '')} {customer}"
    return not filters.text or contains(searched, filters.text)


def named(listing: Listing, choices: Choices) -> Listing:
    """Return the listing with names for the ids that it was kept with."""
    return replace(
        listing,
        tickets=tuple(replace(one, values=_named(one.values, choices)) for one in listing.tickets),
    )


def _named(values: Mapping[str, str], choices: Choices) -> dict[str, str]:
    named_values = {name: value for name, value in values.items() if not name.endswith("_id")}
    for name, key in (("cate_name", "cate_id"), ("status_name", "status_id")):
        identity = values.get(key)
        resolved = choices.of_field(name).name_of(int(identity)) if identity else None
        if name not in named_values and resolved is not None:
            named_values[name] = resolved
    return named_values


def _row_of(ticket: Ticket) -> ListedTicket:
    values = {name: str(value) for name, value in ticket.values.items() if name != "ticket_content"}
    ids = {"cate_id": ticket.category_id, "status_id": ticket.status_id}
    values |= {name: str(identity) for name, identity in ids.items() if identity is not None}
    return ListedTicket(ticket.code, values, ticket.account_name or "", ticket.updated_at or "")


def _name_of(filters: ListFilters) -> str:
    spelled = repr(sorted(filters.upstream.items())).encode()
    return "list:" + hashlib.sha256(spelled).hexdigest()[:20]


def _from_row(row: RemoteSnapshot) -> Listing:
    value = row.value
    return Listing(
        tickets=tuple(ListedTicket(*fields) for fields in value["rows"]),
        read_at=datetime.fromisoformat(value["read_at"]) if value["read_at"] else None,
        has_more=value["has_more"],
        received=value["received"],
        problem=value["problem"],
    )


def _keep(filters: ListFilters, listing: Listing) -> None:
    rows = [[one.code, dict(one.values), one.customer, one.updated_at] for one in listing.tickets]
    value: dict[str, Any] = {
        "rows": rows,
        "read_at": listing.read_at.isoformat() if listing.read_at else None,
        "has_more": listing.has_more,
        "received": listing.received,
        "problem": listing.problem,
    }
    now = timezone.now()
    RemoteSnapshot.objects.update_or_create(
        name=_name_of(filters), defaults={"value": value, "fetched_at": now}
    )
    old = RemoteSnapshot.objects.filter(name__startswith="list:", fetched_at__lt=now - FORGOTTEN_AFTER)
    old.delete()
