"""How much of the CRM the index knows and how old that is: what every figure beside a list has to say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from ticketadmin.models import TicketIndex
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.index.capabilities import Capabilities, capabilities_of
from ticketadmin.services.index.counters import Counted, status_counts
from ticketadmin.services.index.sweeping import LEASE

NOTE_USE_EVERY = timedelta(seconds=20)
LIST_REFUSED = frozenset({"forbidden", "method_not_allowed", "not_found"})


@dataclass(frozen=True)
class IndexState:
    """The state of an index as pages show it: its row, how many tickets are known, what the list can do."""

    row: TicketIndex
    known: int
    able: Capabilities

    @property
    def is_refused(self) -> bool:
        """Whether the key may not list tickets, so that only what was opened or saved here is known."""
        return self.row.problem in LIST_REFUSED

    @property
    def is_first_sweep(self) -> bool:
        """Whether the list was never read to its end."""
        return self.row.sweep_finished_at is None

    @property
    def read_at(self) -> datetime | None:
        """When the newest tickets were last read from the list."""
        return self.row.newest_at or self.row.sweep_finished_at

    @property
    def worked_at(self) -> datetime | None:
        """When a worker last held the lease."""
        return self.row.lease_until - LEASE if self.row.lease_until else self.row.newest_at

    @property
    def share(self) -> int | None:
        """The done part of a sweep in per cent; None if there is none, or nothing to compare with."""
        if not self.row.is_sweeping or not self.row.sweep_rows:
            return None
        total = max(self.row.sweep_rows, self.known, 1)
        return min(int(100 * self.row.cursor.get("rows", 0) / total), 99)


def index_state(index: TicketIndex, counted: Iterable[Counted] | None = None) -> IndexState:
    """Return what is known of an index, without a remote call; in no query where its counts are given."""
    known = sum(one.tickets for one in (status_counts(index) if counted is None else counted))
    return IndexState(index, known, capabilities_of(index))


def note_use(index: TicketIndex, now: datetime | None = None) -> None:
    """Note that a user looks at a list, so that the newest tickets are read more often. Rarely writes.

    `now` is `database_now()`, if the caller has already read it.
    """
    now = now or database_now()
    if index.wanted_at is None or now - index.wanted_at > NOTE_USE_EVERY:
        stale = Q(wanted_at=None) | Q(wanted_at__lt=now - NOTE_USE_EVERY)
        TicketIndex.objects.filter(stale, pk=index.pk).update(wanted_at=now)
