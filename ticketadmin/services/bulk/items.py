"""One ticket of a bulk update: sent, proved, settled, ended. Its row records how far it got.

Sending is the ordinary save, with the item's `submission`: repeating it never sends twice. An item
whose worker was cut off is in doubt: its ticket is read again before anything more is sent.
"""

from collections.abc import Sequence

from django.utils import timezone

from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkUpdate,
    Change,
    ItemOutcome,
    ItemReason,
    ItemState,
    Origin,
    Outcome,
)
from ticketadmin.services.bulk.endings import Endings
from ticketadmin.services.bulk.results import Accepted, Done, Doubt, ItemResult, Retry
from ticketadmin.services.bulk.waits import (
    ITEM_LOOK_INTERVAL,
    MAX_ITEM_ATTEMPTS,
    MAX_LOOKS,
    NOT_TRIED,
    may_try_again,
    wait_after,
)
from ticketadmin.services.bulk.work import Work, keep_broken_rules, keep_items
from ticketadmin.services.saving.damage import damage_by_field, worst_damage
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveFailed,
    SaveInProgress,
    SaveProblem,
    WouldLoseFields,
)
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import SaveContext, TicketEdit
from ticketadmin.services.saving.proving import Saved, prove
from ticketadmin.services.saving.readback import certain_at, changed_nothing, look_again
from ticketadmin.services.saving.save import write_ticket
from ticketadmin.services.saving.sending import Written
from ticketadmin.ticketapi.errors import Effect, KeyRefused, NotAllowed, NotFound, TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason


def send_item(work: Work, item: BulkItem, *, is_proved_later: bool = False) -> ItemResult:
    """Save one ticket as the dry run showed it.

    After a temporary failure that certainly did not change the CRM, the item goes back into the queue.
    `is_proved_later`: where the write is accepted, the caller has the ticket read back (`prove_item`).
    """
    edit = Edit.from_json(item.all_wishes(work.bulk.wishes))
    work.name_request(item)
    try:
        saved = _write(work, item, edit)
    except SaveProblem as problem:
        return _not_saved(work, item, problem)
    if isinstance(saved, Saved):
        return _ended(work, item, saved.change)
    if is_proved_later and saved.intent.before is not None:
        return Accepted(saved)
    return prove_item(work, item, saved)


def _not_saved(work: Work, item: BulkItem, problem: SaveProblem) -> ItemResult:
    match problem:
        case NothingToSave():
            return _end(item, ItemOutcome.ALREADY)
        case EditConflict():
            return _end(item, ItemOutcome.CONFLICT, ItemReason.NOT_AS_LISTED if item.is_from_list else "")
        case ReadingLost():
            return _end(item, ItemOutcome.NOT_DONE, ItemReason.READING_LOST)
        case WouldLoseFields(lost=lost):
            item.unreadable = list(lost)
            return _end(item, ItemOutcome.NOT_DONE, ItemReason.WOULD_LOSE)
        case RuleBroken(unmet=unmet):
            keep_broken_rules(item, unmet)
            return _end(item, ItemOutcome.NOT_DONE, ItemReason.BROKEN_RULE)
        case SaveInProgress(change=other):
            return _in_progress(item, other)
        case CheckFailed(error=error):
            return _not_checked(item, error)
        case SaveFailed():
            return _failed(work, item, problem)
        case _:
            raise problem


def prove_item(work: Work, item: BulkItem, written: Written) -> ItemResult:
    """Read the ticket of an accepted write back and end its item."""
    work.name_request(item)
    return _ended(work, item, prove(written).change)


def end_verified(ended: Sequence[tuple[BulkItem, Change]]) -> None:
    """End many items in one statement whose changes were verified and did nothing else."""
    for item, change in ended:
        item.message = change.message
        _set_end(item, ItemOutcome.VERIFIED, "", change)
    keep_items([item for item, _change in ended])


def _write(work: Work, item: BulkItem, edit: Edit) -> Saved | Written:
    base = Base(item.ticket_code)
    if item.base is not None:
        base = Base(item.ticket_code, item.base, item.read_at)
    context = SaveContext(
        work.user,
        item.submission,
        _origin_of(work.bulk),
        undo_of=item.undo_of,
        bulk=work.bulk.uuid,
        change_reason=work.bulk.change_reason,
        system_account=work.bulk.system_account,
        accepts_losing=frozenset(item.unreadable or ()),  # named by the dry run, which a user confirmed
    )
    edited = TicketEdit(item.ticket_code, edit, base, work.schema, on_record=item.on_record)
    return write_ticket(edited, context)


def _origin_of(bulk: BulkUpdate) -> Origin:
    origins = {BulkKind.UNDO: Origin.UNDO, BulkKind.RESTORE: Origin.RESTORE}
    return origins.get(BulkKind(bulk.kind), Origin.COMMAND if bulk.system_account else Origin.BULK)


def _in_progress(item: BulkItem, other: Change | None) -> ItemResult:
    """Try again later; an item whose own save is under way becomes doubtful and is settled by reading."""
    if other is None or other.submission != item.submission:
        return _again(item, ItemOutcome.NOT_DONE, ItemReason.IN_PROGRESS)
    item.state, item.not_before = ItemState.DOUBT, timezone.now() + ITEM_LOOK_INTERVAL
    keep_items([item])
    return Doubt()


def _not_checked(item: BulkItem, error: TicketApiError) -> ItemResult:
    item.message = error.api_message[:500]
    if isinstance(error, NotFound | NotAllowed):
        return _end(item, ItemOutcome.NOT_DONE, error.reason)
    return _again(item, ItemOutcome.NOT_DONE, error.reason, retry_after=error.retry_after)


def _failed(work: Work, item: BulkItem, problem: SaveFailed) -> ItemResult:
    error = problem.error
    is_certain = error.effect is Effect.NONE or changed_nothing(problem.change)
    may_pass = isinstance(error, Unavailable | KeyRefused) and not error.reason.may_be_one_ticket
    if is_certain and may_pass:
        item.message = error.api_message[:500]
        return _again(item, ItemOutcome.REJECTED, error.reason, problem.change, retry_after=error.retry_after)
    return _ended(work, item, problem.change)


def settle_item(work: Work, item: BulkItem) -> ItemResult:
    """Determine by reading what the item's change did; nothing is sent.

    Only failures of this read are reported, not the one that left the change open.
    """
    change = item.change
    if change is None:
        return _end(item, ItemOutcome.UNKNOWN)
    if failure := look_again(change):
        return _again(item, ItemOutcome(change.outcome), failure)
    if _may_yet_be_settled(change) and timezone.now() < certain_at(change):
        item.wait_again(certain_at(change))
        keep_items([item])
        return Retry("")
    _end_with(work, item, change)
    return Done()


def resolve_doubt(work: Work, item: BulkItem) -> ItemResult:
    """Settle an item that may have been sent; it stays in doubt while that cannot be known yet.

    It is sent again only if its worker was cut off and its write is known not to have been applied.
    """
    change = Change.objects.filter(actor=work.user, submission=item.submission).first()
    if change is None:  # not sent; a worker that only stalled may yet do so, under this submission
        item.state, item.not_before = ItemState.WAITING, None
        keep_items([item])
        return Retry("")
    failure = look_again(change, is_abandoned=True)
    if _may_yet_be_settled(change):
        return _look_later(item, change, failure)
    if changed_nothing(change) and change.reason == "":
        item.wait_again()
        keep_items([item])
        return Retry("")
    return _ended(work, item, change)


def _may_yet_be_settled(change: Change) -> bool:
    return not change.is_settled and change.before is not None


def _look_later(item: BulkItem, change: Change, failure: str | None) -> ItemResult:
    """Keep an item in doubt. Once reading could settle it, only a few failed reads are tolerated."""
    item.not_before = timezone.now() + ITEM_LOOK_INTERVAL
    if timezone.now() >= certain_at(change) and failure not in NOT_TRIED:
        item.attempts += 1
        if item.attempts >= MAX_LOOKS:
            return _end(item, ItemOutcome(change.outcome), failure or change.reason, change)
        item.not_before = timezone.now() + wait_after(item.attempts)
    keep_items([item])
    return Doubt(failure or "")


def leave_open(item: BulkItem) -> None:
    """End an item whose worker was cut off without looking further: unknown, if it was sent at all."""
    change = Change.objects.filter(bulk=item.bulk.uuid, submission=item.submission).first()
    if change is not None:
        _end(item, ItemOutcome.UNKNOWN, "", change)


def fail_item(item: BulkItem) -> ItemResult:
    """Requeue an item after an internal error, or end it; its outcome depends on whether it was sent."""
    change = Change.objects.filter(bulk=item.bulk.uuid, submission=item.submission).first()
    if change is not None:
        item.state, item.not_before = ItemState.DOUBT, timezone.now() + ITEM_LOOK_INTERVAL
        item.attempts += 1
        if item.attempts < MAX_ITEM_ATTEMPTS:
            keep_items([item])
            return Doubt()
        return _end(item, ItemOutcome.UNKNOWN, ItemReason.INTERNAL_ERROR, change)
    return _again(item, ItemOutcome.NOT_DONE, ItemReason.INTERNAL_ERROR)


def _again(
    item: BulkItem,
    outcome: ItemOutcome,
    reason: str,
    change: Change | None = None,
    *,
    retry_after: float | None = None,
) -> ItemResult:
    if not may_try_again(item, reason, retry_after):
        return _end(item, outcome, reason, change)
    item.reason = "" if reason == Reason.BUSY_HERE else reason  # which says nothing about the ticket
    keep_items([item])
    return Retry(reason)


def _ended(work: Work, item: BulkItem, change: Change) -> ItemResult:
    """End an item with the outcome of its change; while another read may settle more, it stays in doubt."""
    if not _may_yet_be_settled(change):
        return _end_with(work, item, change)
    item.state, item.change, item.attempts = ItemState.DOUBT, change, 0
    item.message, item.reason = change.message, change.reason
    item.not_before = max(certain_at(change), timezone.now() + ITEM_LOOK_INTERVAL)
    keep_items([item])
    return Doubt(change.reason)


def _end_with(work: Work, item: BulkItem, change: Change) -> Done:
    item.message = change.message
    item.damage = worst_damage(damage_by_field(change.collateral, work.schema).values()) or ""
    is_under_way = change.outcome == Outcome.PENDING
    return _end(
        item, ItemOutcome.UNKNOWN if is_under_way else ItemOutcome(change.outcome), change.reason, change
    )


def _end(item: BulkItem, outcome: ItemOutcome, reason: str = "", change: Change | None = None) -> Done:
    _set_end(item, outcome, reason, change)
    if endings := Endings.in_use():
        endings.add(item)
    else:
        keep_items([item])
    return Done(reason if outcome.is_failed else "")


def _set_end(item: BulkItem, outcome: ItemOutcome, reason: str, change: Change | None) -> None:
    item.state, item.outcome, item.reason = ItemState.DONE, outcome, reason
    item.change = change or item.change
    item.finished_at = timezone.now()
