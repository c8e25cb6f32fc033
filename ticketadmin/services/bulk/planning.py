"""The dry run of many tickets by one call of the CRM's list.

A list may be outdated, or spell values differently than the ticket itself. So a row only plans a ticket to
be sent, and only if the row shows every field concerned, is no older than what the index knows of the
ticket, and, of the rows in one answer, the one with the longest values agrees with a single read of its
ticket. A ticket that seems to hold the wanted values already, to have changed since, or to be impossible to
send is read singly first. Even an outdated row loses no value: the run reads the ticket before it writes,
and reports a conflict.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from ticketadmin.models import BulkItem, IndexedTicket, ItemState, Plan
from ticketadmin.services.bulk.dry_run import compare_item, plan_item
from ticketadmin.services.bulk.lists import ListReads
from ticketadmin.services.bulk.recipes import recipe_of_run
from ticketadmin.services.bulk.results import Done, ItemResult, Singly
from ticketadmin.services.bulk.work import Work, keep_items
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.index.moments import moment_of
from ticketadmin.services.index.rows import index_to_write
from ticketadmin.services.rules.checking import names_to_read
from ticketadmin.ticketapi.errors import TicketApiError

MAX_FIRST = 5  # tickets that are planned singly to find one that can be sent first
_PLANNED = ("base", "read_at", "is_unread", "plan", "reason", "unreadable", "sent_along", "broken_rules")


def plan_together(work: Work, items: Sequence[BulkItem], lists: ListReads) -> list[ItemResult]:
    """Plan the items whose rows show enough and write them down; the others are to be read singly.

    At the beginning of a run, tickets are read singly until one is found that can be sent first.
    """
    if recipe_of_run(work.bulk):  # it needs the content and the customer as the ticket itself has them
        return [Singly() for _item in items]
    firsts = _plan_first_singly(work, items)
    rest = items[len(firsts) :]
    return [*firsts, *(_plan_by_rows(work, rest, lists) if rest else ())]


def _plan_first_singly(work: Work, items: Sequence[BulkItem]) -> list[ItemResult]:
    """Plan tickets at the beginning of a run singly, until one can be sent and was read whole.

    A row does not show whether a ticket is too large to be read whole, and such a ticket must not be the
    run's first, because its read-back proves nothing.
    """
    results: list[ItemResult] = []
    is_found = items[0].position > 0
    while not is_found and len(results) < min(MAX_FIRST, len(items)):
        item = items[len(results)]
        results.append(plan_item(work, item))
        is_found = item.plan is Plan.SEND and not item.is_unread
    return results


def _plan_by_rows(work: Work, items: Sequence[BulkItem], lists: ListReads) -> list[ItemResult]:
    ruled = names_to_read(work.rules)
    wished = {item.pk: {*item.all_wishes(work.bulk.wishes), *ruled} for item in items}
    needs_all = work.schema.choices.omitted_are_emptied  # then every field would be sent along
    names = None if needs_all else {name for names in wished.values() for name in names}
    codes = [item.ticket_code for item in items]
    rows = lists.read(codes, work.schema.choices, names=names)
    known = _dates_in_index(codes)
    before = {item.pk: _plan_of(item) for item in items}
    planned = [
        item
        for item in items
        if (row := rows.get(item.ticket_code)) is not None
        and wished[item.pk] <= row.values.keys()
        and _is_current(row, known.get(item.ticket_code))
        and _is_planned(work, item, row)
    ]
    if planned and not _is_confirmed(work, max(planned, key=_length)):
        lists.stop()
        for item in planned:
            _restore(item, before[item.pk])
        planned = []
    now = timezone.now()
    for item in planned:
        item.state, item.finished_at, item.is_from_list = ItemState.DONE, now, True
    keep_items(planned)
    done = {item.pk for item in planned}
    return [Done() if item.pk in done else Singly() for item in items]


def _is_planned(work: Work, item: BulkItem, read: ReadTicket) -> bool:
    """Set an item's plan by a row; return whether it is simply to be sent, else leave the item as it was.

    A row that lacks fields that would have to be sent along does not show what a single read would.
    """
    kept = _plan_of(item)
    compare_item(work, item, read)
    if item.plan is Plan.SEND and not item.unreadable:
        return True
    _restore(item, kept)
    return False


def _plan_of(item: BulkItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _PLANNED}


def _restore(item: BulkItem, plan: Mapping[str, Any]) -> None:
    """Undo what a row set: its base would be mistaken for the values that an earlier run left behind."""
    for name, value in plan.items():
        setattr(item, name, value)


def _is_confirmed(work: Work, item: BulkItem) -> bool:
    """Return whether a ticket itself shows the same values as its row, in the same spelling."""
    try:
        read = read_ticket(item.ticket_code, work.schema.choices)
    except (CannotRead, TicketApiError):
        return False
    base = item.base or {}
    return {name: read.values.get(name) for name in base} == base


def _length(item: BulkItem) -> int:
    return len(str(item.base))


def _dates_in_index(codes: Sequence[str]) -> Mapping[str, datetime | None]:
    """Return when tickets were last changed, as far as the index knows."""
    rows = IndexedTicket.objects.filter(index_id=index_to_write().pk, code__in=codes)
    return dict(rows.values_list("code", "updated_at"))


def _is_current(row: ReadTicket, known: datetime | None) -> bool:
    if known is None:
        return True
    shown = moment_of(row.updated_at or "")
    return shown is not None and shown >= known
