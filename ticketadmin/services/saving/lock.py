"""The lock on a ticket: at most one save of it is under way. The recorded intent is the lock.

The database enforces it (`change_ticket_in_flight`). A comparison is valid only if no other save of this tool
ended between its read and the lock. If the ticket's recorded changes differ once the lock is taken, another
save came first: this one withdraws its record, then reads and compares again.
"""

import time
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError
from django.db.models import BigIntegerField, CharField, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from ticketadmin.models import Change, ChangedField, Insert, Outcome, Prepared, Slot
from ticketadmin.request_ids import current_request_id
from ticketadmin.services.saving.errors import SaveInProgress
from ticketadmin.services.saving.intent import Blocked, OnRecord, SaveContext, TicketEdit
from ticketadmin.services.saving.payload import Intent
from ticketadmin.services.saving.readback import settle_change
from ticketadmin.services.saving.runner import this_runner

MAX_WAIT = timedelta(seconds=8)
MAX_CHANGES_SEEN = 3  # of a ticket: more than one, because concurrent changes may commit out of id order


def on_record(code: str, *, but: int = 0) -> OnRecord:
    """Return the newest changes of a ticket with their outcomes.

    To be called before the ticket is read, and again while no other save of it can begin: if the results
    differ, a save ended in between. No clock is used, because those of two machines differ.
    """
    return _ON_RECORD.rows(ticket=code, but=but)


def on_records(codes: Collection[str]) -> dict[str, OnRecord]:
    """Return the same for many tickets, by one query."""
    place = Window(RowNumber(), partition_by="ticket_code", order_by="-id")
    newest = Change.objects.filter(ticket_code__in=codes).annotate(place=place)
    found: dict[str, OnRecord] = {code: [] for code in codes}
    newest = newest.filter(place__lte=MAX_CHANGES_SEEN)
    for code, pk, outcome in newest.values_list("ticket_code", "pk", "outcome"):
        found[code].append((pk, outcome))
    return found


def _on_record() -> "QuerySet[Change, tuple[int, str]]":
    changes = Change.objects.for_ticket(Slot("ticket", CharField()))
    others = changes.exclude(pk=Slot("but", BigIntegerField()))
    return others.values_list("pk", "outcome")[:MAX_CHANGES_SEEN]


_ON_RECORD = Prepared(_on_record)
_INTENT = Insert(Change, ChangedField, link="change")


def record_intent(
    edited: TicketEdit, context: SaveContext, intent: Intent, seen: OnRecord
) -> Change | Blocked | None:
    """Take the lock by writing down what is about to be sent, and return the record.

    Returns None, and leaves no record, if another save ended since `seen`: the caller compares again. Returns
    Blocked if another save, or an earlier post of the same form, is still under way. Raises IntegrityError
    for any other cause.
    """
    change = _record(edited, context, intent)
    try:
        _INTENT.run(change, [ChangedField(name=name[:80]) for name in intent.wanted])
    except IntegrityError:
        if earlier := earlier_post(context):
            return Blocked(SaveInProgress(earlier), intent.wanted)
        if other := Change.objects.filter(ticket_code=edited.code, outcome=Outcome.PENDING).first():
            ended = wait_for(settle_change(other))
            is_running = ended is not None and ended.outcome == Outcome.PENDING
            return Blocked(SaveInProgress(other), intent.wanted) if is_running else None
        if on_record(edited.code) == seen:  # no other save came in between, so the lock is not the cause
            raise
        return None
    if intent.before is not None and on_record(edited.code, but=change.pk) != seen:
        change.delete()  # withdrawn: nothing was sent
        return None
    return change


def _record(edited: TicketEdit, context: SaveContext, intent: Intent) -> Change:
    return Change(
        submission=context.submission,
        ticket_code=edited.code,
        actor=context.user,
        actor_name=context.user.display_name,
        origin=context.origin,
        undo_of=context.undo_of,
        bulk=context.bulk,
        change_reason=context.change_reason,
        system_account=context.system_account,
        signature=intent.signature.as_json() if intent.signature else None,
        waived_rules=[one.as_json() for one in intent.waived] or None,
        created_at=timezone.now(),
        request_id=current_request_id(),
        runner=this_runner(),
        wanted=dict(intent.wanted),
        before=intent.before,
        payload=dict(intent.payload),
    )


def earlier_post(context: SaveContext) -> Change | None:
    """Return the record of the same form, posted before by the same user."""
    return Change.objects.filter(actor=context.user, submission=context.submission).first()


def wait_for(change: Change) -> Change | None:
    """Return the record of a save under way once it is finished; still pending if that takes too long.

    None if the other save withdrew it to compare again.
    """
    give_up = time.monotonic() + min(MAX_WAIT.total_seconds(), 4 * settings.TICKET_API_TIMEOUT)
    while change.outcome == Outcome.PENDING and time.monotonic() < give_up:
        time.sleep(0.1)
        try:
            change.refresh_from_db()
        except Change.DoesNotExist:
            return None
    return change
