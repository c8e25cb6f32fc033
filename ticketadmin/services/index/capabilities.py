"""What this CRM's list can do: tried by calls, checked row by row, never assumed.

The documentation does not say which fields can be sorted or filtered by, and an unknown filter may be
ignored. So each ability is tried once a day on real rows, and counts only if the answer proves it. Batched
reads (`filters_by_code`) and the ages that pages promise depend on it.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ticketadmin.models import TicketIndex
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.index.moments import moment_of
from ticketadmin.ticketapi.errors import InvalidTicket, NotAllowed, NotFound, UnexpectedReply
from ticketadmin.ticketapi.tickets import ListedTickets, Ticket

LIST_PAGE_SIZE = 100
CHECK_EVERY = timedelta(days=1)
CHECK_AGAIN = timedelta(minutes=10)  # after a check that saw too few rows to prove anything
ENOUGH_ROWS = 4
Ask = Callable[..., ListedTickets]
_ABOUT = {
    "id": "identity", "cate_name": "category_id", "status_name": "status_id", "account_name": "account_name",
    "created_at": "created_at", "updated_at": "updated_at", "custom_fields": "custom_fields",
}  # fmt: skip


@dataclass(frozen=True)
class Capabilities:
    """The abilities that the list proved. `fields` are the names in its rows; what is unproved is False."""

    fields: frozenset[str] = field(default_factory=frozenset)
    rows: int = 0
    page_size: int = LIST_PAGE_SIZE
    sorts_by_id: bool = False
    sorts_by_updated: bool = False
    filters_by_id: bool = False
    filters_by_updated: bool = False
    filters_by_code: bool = False

    @property
    def finds_updates(self) -> bool:
        """Whether changed tickets can be found without reading the whole list."""
        return self.sorts_by_updated or self.filters_by_updated

    @property
    def pages_by_id(self) -> bool:
        """Whether the list can be read from id to id, so that no row slips past while others come and go."""
        return self.sorts_by_id and self.filters_by_id


def capabilities_of(index: TicketIndex) -> Capabilities:
    """Return the last known abilities of an index's list; no call is made."""
    known: dict[str, Any] = index.capabilities
    return Capabilities(**known | {"fields": frozenset(known["fields"])}) if known else Capabilities()


def can_filter_by_code(index: TicketIndex) -> bool:
    """Return whether one call can read the rows of many codes (`filtering[ticket_code:in]`). No call is made.

    Its answers must be checked nevertheless: they may leave out a code, and rows carry no content.
    """
    return capabilities_of(index).filters_by_code


def is_due(index: TicketIndex, now: datetime) -> bool:
    """Return whether the abilities must be checked again."""
    if index.checked_at is None:
        return True
    few = capabilities_of(index).rows < ENOUGH_ROWS
    return now - index.checked_at > (CHECK_AGAIN if few else CHECK_EVERY)


def check_soon(index: TicketIndex) -> None:
    """Make the worker check again at its next step, even if the CRM refused the list."""
    index.keep(checked_at=None, problem="", problem_at=None)


def check_capabilities(index: TicketIndex, ask: Ask) -> Capabilities:
    """Find out what the list can do by at most seven calls, and keep it. `ask` reads one page of the list.

    Raises TicketApiError if the list cannot be read at all, or the CRM cannot answer now.
    """
    sample = ask(limit=LIST_PAGE_SIZE)
    found = Capabilities(
        fields=_fields_of(sample.tickets),
        rows=sample.received,
        page_size=sample.received
        if 0 < sample.received < LIST_PAGE_SIZE and sample.has_more is not False
        else LIST_PAGE_SIZE,
    )
    if len(sample.tickets) >= ENOUGH_ROWS:
        found = replace(
            found,
            sorts_by_id=_sorts(ask, "id", _id_of),
            sorts_by_updated=_sorts(ask, "updated_at", _updated_of),
            filters_by_id=_filters_by_id(ask, sample.tickets),
            filters_by_updated=_filters_by_updated(ask, sample.tickets),
            filters_by_code=_filters_by_code(ask, sample.tickets),
        )
    keep_capabilities(index, found)
    return found


def keep_capabilities(index: TicketIndex, found: Capabilities) -> None:
    """Store the abilities that a check found, or that a later answer disproved."""
    kept = asdict(found) | {"fields": sorted(found.fields)}
    index.keep(capabilities=kept, checked_at=database_now())


def is_sorted(values: Iterable[Any], *, descending: bool) -> bool:
    """Return whether all values are known and in order."""
    kept = list(values)
    return None not in kept and kept == sorted(kept, reverse=descending)


def _try(ask: Ask, **query: Any) -> tuple[Ticket, ...] | None:
    """Return the rows of a page that a CRM may refuse; None if it does. Errors that may pass are raised."""
    try:
        return ask(limit=LIST_PAGE_SIZE, **query).tickets
    except (InvalidTicket, NotAllowed, NotFound, UnexpectedReply):
        return None


def _sorts(ask: Ask, name: str, value_of: Callable[[Ticket], Any]) -> bool:
    """Sorting is proved by two orders: one alone may be the order that the list has anyway."""
    newest = _try(ask, order=(name, "DESC"))
    if not newest or not is_sorted(map(value_of, newest), descending=True):
        return False
    if name == "id" and value_of(newest[0]) == value_of(newest[-1]):
        return False
    oldest = _try(ask, order=(name, "ASC"))
    if not oldest or not is_sorted(map(value_of, oldest), descending=False):
        return False
    return bool(value_of(oldest[0]) < value_of(newest[0]))


def _filters_by_id(ask: Ask, sample: tuple[Ticket, ...]) -> bool:
    ids = sorted(one for one in map(_id_of, sample) if one is not None)
    if len(ids) < ENOUGH_ROWS:
        return False
    limit = ids[len(ids) // 2]
    rows = _try(ask, filters={"id:gt": str(limit)})
    return bool(rows) and all((_id_of(row) or 0) > limit for row in rows or ())


def _filters_by_updated(ask: Ask, sample: tuple[Ticket, ...]) -> bool:
    known = sorted((at, row.updated_at) for row in sample if (at := _updated_of(row)) is not None)
    if len(known) < ENOUGH_ROWS or known[0][0] == known[-1][0]:
        return False
    limit, text = known[-1]
    rows = _try(ask, filters={"updated_at:gte": str(text)})
    return bool(rows) and all((at := _updated_of(row)) is not None and at >= limit for row in rows or ())


def _filters_by_code(ask: Ask, sample: tuple[Ticket, ...]) -> bool:
    wanted = {sample[0].code, sample[-1].code}
    rows = _try(ask, filters={"ticket_code:in": ",".join(sorted(wanted))})
    return rows is not None and {row.code for row in rows} == wanted


def _fields_of(tickets: Iterable[Ticket]) -> frozenset[str]:
    names: set[str] = set()
    for one in tickets:
        names.update(one.values)
        names.update(name for name, at in _ABOUT.items() if getattr(one, at) is not None)
    return frozenset(names)


def _id_of(ticket: Ticket) -> int | None:
    return ticket.identity


def _updated_of(ticket: Ticket) -> datetime | None:
    return moment_of(ticket.updated_at or "")
