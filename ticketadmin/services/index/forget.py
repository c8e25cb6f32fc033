"""Deletes rows of the index when a ticket is erased, and rebuilds the index."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import connection, transaction

from ticketadmin.models import IndexedTicket, TicketIndex
from ticketadmin.services.index.capabilities import check_soon
from ticketadmin.services.index.counters import count_statuses, counter_key, recount
from ticketadmin.services.index.erased import keep_out
from ticketadmin.services.index.searching import rebuild_words
from ticketadmin.services.paging import ROWS_AT_ONCE


def forget_tickets(codes: Iterable[str]) -> int:
    """Delete the rows of these tickets, of every CRM address, and return how many there were.

    A later sweep does not bring one back, though the CRM still lists it: a user opens it first.
    """
    codes = list(codes)
    keep_out(codes)
    return sum(_delete(codes[start : start + ROWS_AT_ONCE]) for start in range(0, len(codes), ROWS_AT_ONCE))


@transaction.atomic
def _delete(codes: list[str]) -> int:
    rows = IndexedTicket.objects.filter(code__in=codes)
    found = list(rows.select_for_update(of=("self",)).select_related("index").order_by("code"))
    steps: defaultdict[TicketIndex, list[tuple[bytes, int]]] = defaultdict(list)
    for row in found:
        if row.missing_at is None:
            steps[row.index].append((counter_key(row.status_key), -1))
    for index, counted in steps.items():
        count_statuses(index, counted)
    IndexedTicket.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def rebuild_index(index: TicketIndex) -> None:
    """Start a new sweep, check again what the list can do, and rebuild counters and search words.

    No row is deleted: tickets that the CRM no longer lists are checked after the sweep.
    """
    recount(index)
    rebuild_words(connection)
    index.keep(is_sweeping=False, cursor={}, sweep_finished_at=None, newest_at=None)
    check_soon(index)
