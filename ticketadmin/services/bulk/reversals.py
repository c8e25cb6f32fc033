"""Bulk updates that restore earlier values: undoing a run, and repairing what a run damaged.

Both start with a dry run that shows what would be sent, and have the values that the run left behind as
their base: a ticket that has changed since is listed and not written. Each ticket is an ordinary save, so
it is proved like any other.
"""

from collections.abc import Mapping
from typing import Any

from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    Change,
    Damage,
    ItemReason,
    ItemState,
    Outcome,
    Plan,
    User,
)
from ticketadmin.services.bulk.followers import start_after
from ticketadmin.services.bulk.rollout import damage_seen, damaged_items
from ticketadmin.services.bulk.runs import NotNow
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.people.access import require, require_undo
from ticketadmin.services.saving.readback import applied_fields, changed_nothing
from ticketadmin.services.saving.undo import replaced_values
from ticketadmin.services.values.schema import TicketSchema, load_schema


def undo_bulk(bulk: BulkUpdate, *, user: User, change_reason: str = "") -> BulkUpdate:
    """Create a bulk update that restores what the run replaced, and start its dry run.

    If a ticket was stored in part, that part is undone. Tickets whose earlier values are not
    known, or that have changed since, are listed and not written.
    Raises Forbidden, NotNow or NothingToDo.
    """
    require(user, "run_bulk_updates")
    if not bulk.has_ended or bulk.kind == BulkKind.SETTLE:
        raise NotNow
    sent = bulk.items.exclude(change=None).select_related("change").order_by("position")
    rows = (
        row
        for item in sent.iterator(chunk_size=ROWS_AT_ONCE)
        if item.change and (row := _undo_item(item.change, user)) is not None
    )
    return start_after(bulk, BulkKind.UNDO, rows, user=user, change_reason=change_reason)


def _undo_item(change: Change, user: User) -> BulkItem | None:
    """Return the reverse of a change, with what it stored as the base; None if it had no effect."""
    require_undo(user, change)
    earlier, after = replaced_values(change), change.read_back or {}
    if not earlier:
        if changed_nothing(change):
            return None
        was_sent = applied_fields(change) or change.outcome == Outcome.NOT_READABLE
        reason = ItemReason.NOT_UNDOABLE if was_sent else ItemReason.NOT_CERTAIN
        return BulkItem(ticket_code=change.ticket_code, state=ItemState.DONE, plan=Plan.CANNOT, reason=reason)
    since = {name: after[name] for name in earlier if name in after}
    earlier |= {name: pair[0] for name, pair in change.collateral.items()}
    since |= {name: pair[1] for name, pair in change.collateral.items()}
    return _storing(change, earlier, since)


def restore_bulk(bulk: BulkUpdate, *, user: User, change_reason: str = "") -> BulkUpdate:
    """Create a bulk update that restores fields that the run changed without sending, and start its dry run.

    The run itself stays paused or ended. A field whose change was accepted is left out.
    Raises Forbidden, NotNow or NothingToDo.
    """
    require(user, "run_bulk_updates")
    if not (bulk.has_ended or bulk.state == BulkState.PAUSED):
        raise NotNow
    schema, accepted = load_schema(), frozenset(bulk.accepted)
    rows = (
        row
        for item in damaged_items(bulk).iterator(chunk_size=ROWS_AT_ONCE)
        if (row := _restore_item(item, schema, accepted, user)) is not None
    )
    return start_after(bulk, BulkKind.RESTORE, rows, user=user, change_reason=change_reason)


def _restore_item(
    item: BulkItem, schema: TicketSchema, accepted: frozenset[str], user: User
) -> BulkItem | None:
    change = item.change
    if change is None:
        return None
    require_undo(user, change)
    names = [
        name
        for name, damage in damage_seen(item, schema).items()
        if damage is Damage.EMPTIED or (damage.pauses and f"{damage.value}:{name}" not in accepted)
    ]
    earlier = {name: change.collateral[name][0] for name in names}
    since = {name: change.collateral[name][1] for name in names}
    return _storing(change, earlier, since) if names else None


def _storing(change: Change, earlier: Mapping[str, Any], since: Mapping[str, Any]) -> BulkItem:
    """Return an item that restores earlier values, unless the ticket no longer holds those of `since`."""
    return BulkItem(
        ticket_code=change.ticket_code,
        wishes={name: {"set": value} for name, value in earlier.items()},
        base=since,
        read_at=change.finished_at,
        undo_of=change,
    )
