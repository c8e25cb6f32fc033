"""Bulk updates that follow another one: a retry, a check of unknown results, and what `reversals` makes."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ticketadmin.models import BulkItem, BulkKind, BulkState, BulkUpdate, ItemOutcome, Plan, User
from ticketadmin.services.bulk.lease import wake
from ticketadmin.services.bulk.recipes import NOTE
from ticketadmin.services.bulk.runs import NotNow, create_bulk
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.people.access import require


def retry_bulk(bulk: BulkUpdate, *, user: User, outcomes: Collection[str]) -> BulkUpdate:
    """Create a bulk update of only the tickets with these outcomes, and start its dry run.

    Without `outcomes`: those that may be tried again without confirmation.
    Raises Forbidden, NotNow or NothingToDo.
    """
    require(user, "run_bulk_updates")
    if not bulk.has_ended:
        raise NotNow
    again = bulk.items.filter(outcome__in=outcomes or [one for one in ItemOutcome if one.is_retryable])
    kind = BulkKind(bulk.kind)
    rows = (
        BulkItem(
            ticket_code=item.ticket_code,
            wishes=item.wishes,
            undo_of=item.undo_of,
            base=item.base if kind.brings_its_base else None,
            file_base=item.file_base,
            file_choices=item.file_choices,
        )
        for item in again.select_related("undo_of").iterator(chunk_size=ROWS_AT_ONCE)
    )
    kind_made = kind if kind.brings_its_base else BulkKind.RETRY
    kept = {"wishes": bulk.wishes, "change_reason": bulk.change_reason}
    if NOTE in bulk.notes:
        kept["notes"] = {NOTE: bulk.notes[NOTE]}
    return start_after(bulk, kind_made, rows, user=user, **kept)


def settle_bulk(bulk: BulkUpdate, *, user: User) -> BulkUpdate:
    """Create a run that settles unknown results by reading; it sends nothing and needs no confirmation.

    Raises Forbidden, NotNow or NothingToDo.
    """
    require(user, "run_bulk_updates")
    if not bulk.has_ended:
        raise NotNow
    rows = (
        BulkItem(ticket_code=item.ticket_code, change=item.change, plan=Plan.SEND)
        for item in open_items(bulk).select_related("change")
    )
    started: dict[str, Any] = {"state": BulkState.RUNNING, "started_at": timezone.now()}
    return start_after(bulk, BulkKind.SETTLE, rows, user=user, **started)


def start_after(
    bulk: BulkUpdate, kind: BulkKind, rows: Iterable[BulkItem], *, user: User, **values: Any
) -> BulkUpdate:
    """Create a bulk update that follows another one, start it and return it.

    It starts with its dry run, unless `values` say otherwise. Raises NothingToDo.
    """
    made = create_bulk(user, kind, rows, **{"parent": bulk, "state": BulkState.CHECKING, **values})
    wake(made)
    return made


def open_items(bulk: BulkUpdate) -> QuerySet[BulkItem]:
    """Return the items whose result reading their ticket again may still settle."""
    return bulk.items.filter(outcome__in=[one for one in ItemOutcome if one.is_open], change__results={})
