"""What the record of a write shows, and settling an open one later by reading its ticket.

`verdict` judges what was read, `record` writes the verdict down.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import CharField, F
from django.utils import timezone

from ticketadmin.models import Change, Outcome, Prepared, Slot
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import read_back
from ticketadmin.services.saving.record import finish_change
from ticketadmin.services.saving.runner import has_ended
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.saving.verdict import (
    Sent,
    WriteState,
    judge,
    settled_after,
    state_without_success,
)
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.reasons import Reason


def shown_outcome(change: Change) -> Outcome:
    """Return the outcome to show: a save that has had no answer for too long is unknown.

    A PUT ends within two timeouts. An older pending change was cut off by a crash, or is being read
    back; `settle_change` finds out which as soon as that is certain.
    """
    is_late = timezone.now() - change.created_at > timedelta(seconds=2 * settings.TICKET_API_TIMEOUT)
    return Outcome.UNKNOWN if change.outcome == Outcome.PENDING and is_late else Outcome(change.outcome)


def certain_at(change: Change) -> datetime:
    """Return the moment from which reading the ticket shows what a write without a usable answer did."""
    reason = Reason.known(change.reason)
    was_answered = change.outcome == Outcome.ACCEPTED or (reason is not None and reason.was_answered)
    return change.created_at if was_answered else change.created_at + settled_after()


def applied_fields(change: Change) -> list[str]:
    """Return the fields that certainly took effect, as they were sent or as the CRM spells them."""
    return [name for name in change.wanted if Outcome(change.results.get(name, change.outcome)).is_applied]


def changed_nothing(change: Change) -> bool:
    """Return whether the CRM certainly kept every field as it was."""
    found = [change.outcome, *change.results.values()]
    return all(Outcome(one).is_unchanged for one in found)


def was_settled_elsewhere(change: Change) -> bool:
    """Return whether another process settled a change meanwhile; `change` then holds that verdict.

    This happens if a save took so long that it looked like one that was cut off.
    """
    if timezone.now() - change.created_at < settled_after() / 2:
        return False
    change.refresh_from_db()
    return change.outcome != Outcome.PENDING


def settle_change(change: Change) -> Change:
    """Find out by reading what an open change did; leave it open where that cannot be known yet.

    A pending change is left alone while its save may still be running: until its process is known to have
    ended, or a request can no longer be under way.
    """
    _settle_together([change])
    return change


def look_again(change: Change, *, is_abandoned: bool = False) -> Reason | None:
    """Settle a change as `settle_change` does; return why its ticket could not be read, None if it could.

    `is_abandoned`: the caller knows that its save was cut off.
    """
    return _settle_together([change], is_abandoned=is_abandoned)


def settle_ticket(code: str) -> list[Change]:
    """Settle all open changes of a ticket by reading it once; called when the ticket is opened."""
    changes = _UNSETTLED.rows(ticket=code)
    _settle_together(changes)
    return changes


_UNSETTLED = Prepared(lambda: Change.objects.for_ticket(Slot("ticket", CharField())).unsettled())


def settle_all(*, limit: int = 1_000) -> list[Change]:
    """Settle open changes of all tickets; called by a command.

    Those never examined come first, then those examined longest ago.
    """
    waiting = Change.objects.unsettled().order_by(F("finished_at").asc(nulls_first=True), "id")
    by_ticket: dict[str, list[Change]] = {}
    for change in waiting[:limit]:
        by_ticket.setdefault(change.ticket_code, []).append(change)
    for changes in by_ticket.values():
        _settle_together(changes)
    return [change for changes in by_ticket.values() for change in changes]


def _settle_together(changes: Sequence[Change], *, is_abandoned: bool = False) -> Reason | None:
    """Settle changes of one ticket; return why it could not be read, None if it could."""
    due = [one for one in changes if not one.is_settled and (is_abandoned or not _may_be_running(one))]
    if not due:
        return None
    schema = load_schema(get_choices())
    sent = [Sent(one.wanted, one.before or {}, Signature.of(one)) for one in due]
    found = read_back(
        due[0].ticket_code,
        schema.choices,
        [name for one in sent for name in one.names],
        was_read=any(change.before is not None for change in due),
    )
    for change, one in zip(due, sent, strict=True):
        verdict = judge(one, found, schema, _state_of(change))
        if verdict.results or verdict.outcome != change.outcome:
            finish_change(change, verdict)
        else:  # nothing new: `settle_all` takes those examined longest ago first
            change.finished_at = timezone.now()
            change.save(update_fields=["finished_at"])
    return found.failure


def _may_be_running(change: Change) -> bool:
    is_recent = timezone.now() - change.created_at < settled_after()
    return change.outcome == Outcome.PENDING and is_recent and not has_ended(change.runner or "")


def _state_of(change: Change) -> WriteState:
    """Return what is known of the write of a change that is on record without a usable answer."""
    if change.outcome == Outcome.ACCEPTED:
        return WriteState.ACCEPTED
    return state_without_success(Reason.known(change.reason), change.created_at)
