"""What users do with bulk updates: choose, check, confirm, pause, cancel. `followers` makes further runs.

    draft ── check ──▶ checking ──▶ ready ── confirm ──▶ running ──▶ finished
                                                          ▲   │
                                                   resume │   │ pause, or trouble        cancel ──▶ cancelled
                                                          paused

Every function checks the right itself and changes the state by one conditional update, so that two
users pressing two buttons cannot both win. The work itself is `engine`'s.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ticketadmin.models import (
    AuditAction,
    BulkItem,
    BulkKind,
    BulkNotes,
    BulkState,
    BulkUpdate,
    ItemOutcome,
    ItemReason,
    ItemState,
    Plan,
    User,
)
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.bulk.closing import cancel_rest
from ticketadmin.services.bulk.file_base import (
    choices_for,
    clear_emptied,
    conflicting_items,
    file_conflicts,
)
from ticketadmin.services.bulk.lease import wake
from ticketadmin.services.bulk.recipes import NOTE, BulkRecipe, forget_recipe, recipe_of_run
from ticketadmin.services.bulk.rollout import accepted_by_resuming
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.index.spelling import spelled_as_known
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.values.schema import load_schema

MAX_TICKETS = 10_000
MAX_IN_FLIGHT = 16
UNSENT_KEPT_FOR = timedelta(days=14)


class BulkProblem(Exception):
    """The action is not possible in the present state of the bulk update. Nothing was changed."""


class NotNow(BulkProblem):
    """Its state does not allow this: another user was faster, or the page is outdated."""


class SealBroken(BulkProblem):
    """The dry run is no longer the one that the page showed."""


class NothingToDo(BulkProblem):
    """There is no ticket for this action."""


class TooManyTickets(BulkProblem):
    """More tickets than one bulk update takes."""


@dataclass(frozen=True)
class Chosen:
    """One ticket to be updated, with the changes for only this ticket, if any.

    `had` are the values that an uploaded export was written with, None for tickets from elsewhere.
    """

    code: str
    edit: Edit | None = None
    had: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ChosenTickets:
    """The chosen tickets. `notes` says how they were chosen, and which were left out."""

    tickets: tuple[Chosen, ...]
    notes: BulkNotes = field(default_factory=BulkNotes)


def as_known(tickets: Iterable[Chosen]) -> tuple[Chosen, ...]:
    """Return the tickets under the codes that the index knows, where users wrote another letter case."""
    given = tuple(tickets)
    spelled = spelled_as_known(one.code for one in given)
    return tuple(replace(one, code=spelled.get(one.code, one.code)) for one in given)


def draft_bulk(chosen: ChosenTickets, *, user: User, system_account: str = "") -> BulkUpdate:
    """Store the chosen tickets as a bulk update whose changes are still to be chosen.

    `system_account` is that of the operating system, for a run from the command line.

    Raises Forbidden, NothingToDo or TooManyTickets.
    """
    require(user, "run_bulk_updates")
    if not chosen.tickets:
        raise NothingToDo
    if len(chosen.tickets) > MAX_TICKETS:
        raise TooManyTickets
    rows = map(_item_of, chosen.tickets)
    kept: dict[str, Any] = {"notes": dict(chosen.notes), "system_account": system_account}
    return create_bulk(user, BulkKind.UPDATE, rows, **kept)


def replace_tickets(bulk: BulkUpdate, chosen: ChosenTickets) -> None:
    """Replace the tickets and notes of a bulk update in preparation; the caller has locked its row.

    Raises NothingToDo.
    """
    bulk.items.all().delete()
    _add_items(bulk, map(_item_of, chosen.tickets))
    bulk.notes = dict(chosen.notes)
    bulk.save(update_fields=["notes"])


def _item_of(one: Chosen) -> BulkItem:
    return BulkItem(
        ticket_code=one.code,
        wishes=one.edit.as_json() if one.edit else None,
        file_base=None if one.had is None else dict(one.had),
    )


def check_bulk(
    bulk: BulkUpdate,
    *,
    user: User,
    edit: Edit,
    change_reason: str = "",
    recipe: BulkRecipe | None = None,
    emptied: Collection[str] = (),
) -> None:
    """Take the common changes and their reason, and start the dry run.

    `emptied` are the fields to clear for each row of an uploaded export whose cell was emptied.

    Raises Forbidden, NotNow or NothingToDo.
    """
    require(user, "run_bulk_updates")
    has_recipe = recipe is not None and bool(recipe.changes)
    with transaction.atomic():
        forget_recipe(bulk)
        clear_emptied(bulk, emptied)
        if not edit and not has_recipe and not bulk.items.filter(wishes__isnull=False).exists():
            raise NothingToDo
        values = {"wishes": edit.as_json(), "change_reason": change_reason}
        notes = {**bulk.notes, NOTE: recipe.as_json() if recipe else None}
        _move(bulk, (BulkState.DRAFT,), BulkState.CHECKING, notes=notes, **values)
        _leave_unchanged(bulk)
    wake(bulk)


def check_again(bulk: BulkUpdate, *, user: User) -> None:
    """Replace the dry run by a new one: the tickets may have changed. Raises Forbidden or NotNow."""
    require(user, "run_bulk_updates")
    with transaction.atomic():
        _move(bulk, (BulkState.READY,), BulkState.CHECKING, seal="")
        _forget_plans(bulk)
        _leave_unchanged(bulk)
    wake(bulk)


def change_wishes(bulk: BulkUpdate, *, user: User) -> None:
    """Go back to choosing the changes, once no ticket is being checked for the old ones.

    Raises Forbidden or NotNow.
    """
    require(user, "run_bulk_updates")
    if bulk.kind != BulkKind.UPDATE:
        raise NotNow
    with transaction.atomic():
        _move(bulk, (BulkState.READY,), BulkState.DRAFT, seal="")
        _forget_plans(bulk)


def _forget_plans(bulk: BulkUpdate, items: QuerySet[BulkItem] | None = None) -> None:
    """Put items back among those waiting for the dry run; without `items`, all of them."""
    fresh = {"state": ItemState.WAITING, "plan": Plan.NONE, "reason": "", "message": "", "attempts": 0}
    fresh |= {"broken_rules": None, "unreadable": None, "sent_along": None, "recipe_stops": None}
    fresh |= {"is_from_list": False}
    if not BulkKind(bulk.kind).brings_its_base:
        fresh |= {"base": None, "read_at": None}
    (bulk.items if items is None else items).update(**fresh)


def _leave_unchanged(bulk: BulkUpdate) -> None:
    """Skip tickets that neither their row of an exported file nor a common change would change."""
    if not bulk.wishes and not recipe_of_run(bulk):
        unchanged = bulk.items.filter(file_base__isnull=False, wishes__isnull=True)
        plan = {"plan": Plan.ALREADY, "reason": ItemReason.UNCHANGED_IN_FILE}
        unchanged.update(state=ItemState.DONE, finished_at=timezone.now(), **plan)


def choose_values(
    bulk: BulkUpdate,
    *,
    user: User,
    seal: str,
    by_column: Mapping[str, str],
    by_ticket: Mapping[int, str],
) -> None:
    """Store which value wins in conflicts of an uploaded export, and repeat the dry run of these tickets.

    `by_ticket` names items by primary key and wins over `by_column`, which names fields; others stay.
    Raises Forbidden, NotNow, NothingToDo, or SealBroken if the dry run with this seal is gone.
    """
    require(user, "run_bulk_updates")
    schema = load_schema()
    with transaction.atomic():
        if BulkUpdate.objects.select_for_update().get(pk=bulk.pk).seal != seal:
            raise SealBroken
        _move(bulk, (BulkState.READY,), BulkState.CHECKING, seal="")
        decided = []
        for item in conflicting_items(bulk).iterator(chunk_size=ROWS_AT_ONCE):
            of_ticket = by_ticket.get(item.pk, "")
            found = file_conflicts(item, bulk.wishes, schema)
            wanted = [(one, of_ticket or by_column.get(one.name, "")) for one in found]
            if choices := choices_for(wanted):
                item.file_choices = {**(item.file_choices or {}), **choices}
                decided.append(item)
        if not decided:
            raise NothingToDo
        BulkItem.objects.bulk_update(decided, ["file_choices"], batch_size=ROWS_AT_ONCE)
        _forget_plans(bulk, bulk.items.filter(pk__in=[item.pk for item in decided]))
    wake(bulk)


def confirm_bulk(
    bulk: BulkUpdate, *, user: User, seal: str, in_flight: int = 4, per_second: float | None = None
) -> None:
    """Send exactly what the dry run with this seal showed.

    Raises Forbidden, NotNow, NothingToDo, or SealBroken if another dry run has replaced that one.
    """
    require(user, "run_bulk_updates")
    with transaction.atomic():
        _record_if_others(AuditAction.RUN_CONFIRMED, bulk, user)
        _move(
            bulk,
            (BulkState.READY,),
            BulkState.RUNNING,
            owner=user,
            owner_name=user.display_name,
            started_at=timezone.now(),
            in_flight=min(max(1, in_flight), MAX_IN_FLIGHT),
            per_second=per_second,
        )
        if not seal or seal != bulk.seal or seal_of(bulk) != seal:
            raise SealBroken
        if not bulk.items.filter(plan__in=[Plan.SEND, Plan.BLIND]).exists():
            raise NothingToDo
        _begin(bulk)
    wake(bulk)


def _begin(bulk: BulkUpdate) -> None:
    now = timezone.now()
    items = bulk.items
    items.filter(plan=Plan.ALREADY).update(outcome=ItemOutcome.ALREADY, finished_at=now)
    cannot = items.filter(plan=Plan.CANNOT)
    conflicts = [ItemReason.CHANGED_SINCE, ItemReason.CHANGED_SINCE_EXPORT]
    cannot.filter(reason__in=conflicts).update(outcome=ItemOutcome.CONFLICT, finished_at=now)
    cannot.exclude(reason__in=conflicts).update(outcome=ItemOutcome.NOT_DONE, finished_at=now)
    items.filter(plan__in=[Plan.SEND, Plan.BLIND]).update(
        state=ItemState.WAITING, attempts=0, not_before=None, finished_at=None
    )


def pause_bulk(bulk: BulkUpdate, *, user: User) -> None:
    """Start no further ticket; what is in flight ends. Raises Forbidden or NotNow."""
    require(user, "run_bulk_updates")
    with transaction.atomic():
        _move(bulk, (BulkState.RUNNING,), BulkState.PAUSED, pause_reason="")
        _record_if_others(AuditAction.RUN_PAUSED, bulk, user)


def resume_bulk(bulk: BulkUpdate, *, user: User) -> None:
    """Resume a paused run in the name of the user who confirmed it.

    Raises Forbidden, or NotNow: also if the run paused for damage, which `resume_despite_damage` accepts.
    """
    require(user, "run_bulk_updates")
    if bulk.is_paused_for_damage:
        raise NotNow
    _resume(bulk, user)


def resume_despite_damage(bulk: BulkUpdate, *, user: User) -> None:
    """Resume despite the damage seen so far, which does not pause this run again.

    Raises Forbidden or NotNow.
    """
    require(user, "run_bulk_updates")
    _resume(bulk, user, accepted=accepted_by_resuming(bulk, load_schema()))


def _resume(bulk: BulkUpdate, user: User, **values: Any) -> None:
    state = BulkState.RUNNING if bulk.was_confirmed else BulkState.CHECKING
    with transaction.atomic():
        _move(bulk, (BulkState.PAUSED,), state, pause_reason="", **values)
        _record_if_others(AuditAction.RUN_RESUMED, bulk, user)
    bulk.items.filter(state=ItemState.WAITING).update(attempts=0, not_before=None)
    wake(bulk)


def cancel_bulk(bulk: BulkUpdate, *, user: User) -> None:
    """Stop permanently: what is in flight ends, the rest is not sent. Raises Forbidden or NotNow."""
    require(user, "run_bulk_updates")
    with transaction.atomic():
        _move(bulk, (BulkState.RUNNING, BulkState.PAUSED), BulkState.CANCELLING, pause_reason="")
        _record_if_others(AuditAction.RUN_CANCELLED, bulk, user)
    if bulk.is_leased(timezone.now()):
        wake(bulk)
    else:
        cancel_rest(bulk)


def discard_bulk(bulk: BulkUpdate, *, user: User) -> None:
    """Delete a bulk update that was never confirmed. Raises Forbidden or NotNow."""
    require(user, "run_bulk_updates")
    states = [BulkState.DRAFT, BulkState.CHECKING, BulkState.READY, BulkState.PAUSED]
    unsent = BulkUpdate.objects.filter(pk=bulk.pk, started_at=None, state__in=states)
    with transaction.atomic():
        found = unsent.select_for_update().first()  # locked before its items, as a worker locks them
        if found is None:
            raise NotNow
        _record_if_others(AuditAction.RUN_DISCARDED, found, user)
        found.delete()


def create_bulk(user: User, kind: BulkKind, rows: Iterable[BulkItem], **values: Any) -> BulkUpdate:
    """Return a new bulk update of these items, with further values of its row. Raises NothingToDo."""
    unsent = BulkUpdate.objects.filter(owner=user, started_at=None)
    unsent.filter(created_at__lt=timezone.now() - UNSENT_KEPT_FOR).delete()  # prepared and never confirmed
    values |= {"kind": kind, "owner": user, "owner_name": user.display_name}
    with transaction.atomic():
        bulk = BulkUpdate.objects.create(created_at=timezone.now(), **values)
        _add_items(bulk, rows)
    return bulk


def _add_items(bulk: BulkUpdate, rows: Iterable[BulkItem]) -> None:
    numbered = enumerate(rows, 1)
    position = 0
    while batch := list(islice(numbered, ROWS_AT_ONCE)):
        for position, row in batch:
            row.bulk, row.position = bulk, position
        BulkItem.objects.bulk_create([row for _position, row in batch])
    if not position:
        raise NothingToDo


def _record_if_others(action: AuditAction, bulk: BulkUpdate, user: User) -> None:
    """Record an action on a colleague's bulk update in the audit log; for their own, the run records it."""
    if bulk.owner_id != user.pk:
        target = Target("bulkupdate", str(bulk.uuid), bulk.owner_name)
        record(action, target, user=user)


def _move(bulk: BulkUpdate, sources: tuple[BulkState, ...], target: BulkState, **values: Any) -> None:
    """Move from one of these states to another. Raises NotNow if it is in none of them."""
    moved = BulkUpdate.objects.filter(pk=bulk.pk, state__in=sources).update(state=target, **values)
    bulk.refresh_from_db()
    if not moved:
        raise NotNow
