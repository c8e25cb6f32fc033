"""Proving what a write did: reading the ticket back, comparing, and settling what was left open.

An outcome is only as good as what was read, and when. A write whose answer was lost counts as *not
applied* only when it can no longer be on its way: until `settled_after()` has passed it stays
*unknown*. A later look finds only what was wanted or what was before; another value may be anybody's,
so the change stays *unknown* or *accepted* for good. How a verdict is written down is `record`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import CharField, F
from django.utils import timezone

from ticketadmin.models import Change, Outcome, Prepared, Reading, Slot
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.saving.merge import collateral, field_outcomes, later_outcomes, overall
from ticketadmin.services.saving.record import Verdict, finish
from ticketadmin.services.saving.runner import has_ended
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import Effect, TicketApiError
from ticketadmin.ticketapi.reasons import Reason


def settled_after() -> timedelta:
    """Return the age after which no request of a save can still be under way."""
    return timedelta(seconds=4 * settings.TICKET_API_TIMEOUT + 5)


def shown_outcome(change: Change) -> Outcome:
    """Return the outcome as people should hear it: a save without an answer for too long is unknown.

    A PUT ends within two time-outs. An older pending change was cut off by a crash, or is being read
    back; `settle` finds out which as soon as that is certain.
    """
    is_late = timezone.now() - change.created_at > timedelta(seconds=2 * settings.TICKET_API_TIMEOUT)
    return Outcome.UNKNOWN if change.outcome == Outcome.PENDING and is_late else Outcome(change.outcome)


@dataclass(frozen=True)
class ReadBack:
    """What reading a ticket back gave; without a ticket, whether this key may not read it, or why not."""

    ticket: ReadTicket | None = None
    is_forbidden: bool = False
    failure: Reason | None = None


@dataclass(frozen=True)
class Sent:
    """What a verdict is about: the values that were sent, and those read right before, if any were."""

    wanted: Mapping[str, Value]
    before: Mapping[str, Value] = field(default_factory=dict)
    signature: Signature | None = None  # sent besides; no part of the outcome

    @property
    def signed(self) -> dict[str, Value]:
        """The signature as a value by field name."""
        return {self.signature.field: self.signature.name} if self.signature else {}

    def found_in(self, ticket: ReadTicket) -> dict[str, Value]:
        """Return the values of a ticket that was read back, also of custom fields that it no longer has."""
        return ticket.values_for([*self.wanted, *self.before, *self.signed])


def read_back(code: str, choices: Choices, *, was_read: bool, before: ReadTicket | None = None) -> ReadBack:
    """Read a ticket again; `was_read` tells that reading worked when the save began. Never raises.

    `before` is what this save read first, for the index.
    """
    try:
        known = Reading.WORKS if was_read else None
        return ReadBack(read_ticket(code, choices, known=known, before=before))
    except CannotRead:
        return ReadBack(is_forbidden=True)
    except TicketApiError as error:
        return ReadBack(failure=error.reason)


def judge(
    sent: Sent, found: ReadBack, schema: TicketSchema, *, failure: TicketApiError | None, sent_at: datetime
) -> Verdict:
    """Judge a write by a read-back that followed its end at once; `failure` is how it failed, if it did.

    Nothing has to be read of a write that the CRM certainly did not carry out.
    """
    if failure is None:
        return verdict_right_after(sent, found, schema)
    if failure.effect is Effect.NONE:
        return Verdict(Outcome.REJECTED)
    may_still_arrive = not failure.reason.was_answered and timezone.now() - sent_at < settled_after()
    return verdict_later(sent, found, schema, was_accepted=False, may_still_arrive=may_still_arrive)


def verdict_right_after(sent: Sent, found: ReadBack, schema: TicketSchema) -> Verdict:
    """Judge an accepted write by a read-back that followed it at once.

    STORED_DIFFERENTLY and collateral are only valid here: later, another value may be somebody else's.
    """
    if found.ticket is None:
        return _accepted_unread(sent, found)
    now = sent.found_in(found.ticket)
    outcomes, signed = (field_outcomes(one, sent.before, now, schema) for one in (sent.wanted, sent.signed))
    return replace(
        _by_field(sent, outcomes, now),
        collateral=collateral([*sent.wanted, *sent.signed], sent.before, now, schema),
        signature=overall_or_none(signed),
        unchecked=found.ticket.unread,
    )


def verdict_later(
    sent: Sent, found: ReadBack, schema: TicketSchema, *, was_accepted: bool, may_still_arrive: bool
) -> Verdict:
    """Judge a write by a read-back that came later, or after an answer that was lost or an error.

    Where nothing of a write without an answer is seen and it may yet arrive, it stays open.
    """
    if found.ticket is None:
        return _accepted_unread(sent, found) if was_accepted else Verdict(Outcome.UNKNOWN)
    now = sent.found_in(found.ticket)
    outcomes, signed = (
        later_outcomes(one, sent.before, now, schema, was_accepted=was_accepted)
        for one in (sent.wanted, sent.signed)
    )
    if may_still_arrive and Outcome.VERIFIED not in outcomes.values():
        return Verdict(Outcome.UNKNOWN)
    return replace(_by_field(sent, outcomes, now), signature=overall_or_none(signed))


def overall_or_none(outcomes: Mapping[str, Outcome]) -> Outcome | None:
    """Return the outcome of what was sent besides, None where that was nothing."""
    return overall(outcomes.values()) if outcomes else None


def _accepted_unread(sent: Sent, found: ReadBack) -> Verdict:
    if not found.is_forbidden:
        return Verdict(Outcome.ACCEPTED)
    return _by_field(sent, dict.fromkeys(sent.wanted, Outcome.NOT_READABLE), {})


def _by_field(sent: Sent, outcomes: Mapping[str, Outcome], now: Mapping[str, Value]) -> Verdict:
    shown = {name: now[name] for name in sent.wanted if name in now}
    return Verdict(overall(outcomes.values()), outcomes, shown)


def conclude(change: Change, found: ReadBack, schema: TicketSchema) -> Verdict:
    """Return what a read-back tells now of a change that is on record without a usable answer."""
    was_accepted = change.outcome == Outcome.ACCEPTED
    reason = Reason.known(change.reason)
    was_answered = was_accepted or (reason is not None and reason.was_answered)
    return verdict_later(
        Sent(change.wanted, change.before or {}, Signature.of(change)),
        found,
        schema,
        was_accepted=was_accepted,
        may_still_arrive=not was_answered and not _is_old(change),
    )


def certain_at(change: Change) -> datetime:
    """Return from when on reading the ticket tells what a write without a usable answer did."""
    reason = Reason.known(change.reason)
    was_answered = change.outcome == Outcome.ACCEPTED or (reason is not None and reason.was_answered)
    return timezone.now() if was_answered else change.created_at + settled_after()


def _is_old(change: Change) -> bool:
    return timezone.now() - change.created_at >= settled_after()


def applied_fields(change: Change) -> list[str]:
    """Return the fields that certainly took effect, as they were sent or as the CRM spells them."""
    return [name for name in change.wanted if Outcome(change.results.get(name, change.outcome)).is_applied]


def changed_nothing(change: Change) -> bool:
    """Return whether the CRM certainly kept every field as it was."""
    found = [change.outcome, *change.results.values()]
    return all(Outcome(one).is_unchanged for one in found)


def was_settled_elsewhere(change: Change) -> bool:
    """Return whether another process settled a change meanwhile; then it holds that verdict now.

    That may be where a save took so long that it could be taken for one that was cut off.
    """
    if timezone.now() - change.created_at < settled_after() / 2:
        return False
    change.refresh_from_db()
    return change.outcome != Outcome.PENDING


def settle(change: Change, *, is_abandoned: bool = False) -> Change:
    """Find out by reading what an open change did; leave it open where that cannot be known yet.

    A pending change is left alone while its save may still be running: until its process is known to have
    ended, or a request can no longer be under way. `is_abandoned`: the caller knows that it was cut off.
    """
    look_again(change, is_abandoned=is_abandoned)
    return change


def look_again(change: Change, *, is_abandoned: bool = False) -> Reason | None:
    """Settle a change as `settle` does; return why its ticket could not be read, None where it could."""
    return _settle_together([change], is_abandoned=is_abandoned)


def settle_ticket(code: str) -> list[Change]:
    """Settle every open change of one ticket by one look at it; called when the ticket is opened."""
    changes = _UNSETTLED.rows(ticket=code)
    _settle_together(changes)
    return changes


_UNSETTLED = Prepared(lambda: Change.objects.for_ticket(Slot("ticket", CharField())).unsettled())


def settle_all(*, limit: int = 1_000) -> list[Change]:
    """Settle open changes of all tickets; called by a command.

    Those never looked at come first, then those whose last look is the longest ago.
    """
    waiting = Change.objects.unsettled().order_by(F("finished_at").asc(nulls_first=True), "id")
    by_ticket: dict[str, list[Change]] = {}
    for change in waiting[:limit]:
        by_ticket.setdefault(change.ticket_code, []).append(change)
    for changes in by_ticket.values():
        _settle_together(changes)
    return [change for changes in by_ticket.values() for change in changes]


def _settle_together(changes: Sequence[Change], *, is_abandoned: bool = False) -> Reason | None:
    """Settle changes of one ticket; return why it could not be read, None where it could."""
    due = [one for one in changes if not one.is_settled and (is_abandoned or not _may_be_running(one))]
    if not due:
        return None
    schema = load_schema(get_choices())
    was_read = any(change.before is not None for change in due)
    found = read_back(due[0].ticket_code, schema.choices, was_read=was_read)
    for change in due:
        verdict = conclude(change, found, schema)
        if verdict.results or verdict.outcome != change.outcome:
            finish(change, verdict)
        else:  # its turn comes again after those that were not looked at since
            change.finished_at = timezone.now()
            change.save(update_fields=["finished_at"])
    return found.failure


def _may_be_running(change: Change) -> bool:
    return change.outcome == Outcome.PENDING and not _is_old(change) and not has_ended(change.runner or "")
