"""What a write did, judged by what its ticket held right before it and holds now. Pure functions.

An outcome is only as good as what was read, and when. Right after an accepted write, another value is the
CRM's own spelling, and other fields that differ were changed by it. At a later look, or after a write whose
answer was lost, another value may come from anyone, so it proves nothing. A write without an answer counts as
*not applied* only when it can no longer be on its way (`settled_after`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from django.conf import settings
from django.utils import timezone

from ticketadmin.models import Outcome
from ticketadmin.services.crm.reading import ReadBack
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.values.codecs import is_empty, is_identical, same_value
from ticketadmin.services.values.fields import Field, Value
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.errors import Effect, TicketApiError
from ticketadmin.ticketapi.reasons import Reason

MANY = 2  # emptied fields of one save that show a CRM which empties what is left out
Pairs = Mapping[str, tuple[Value, Value]]  # before and after, by field name


class WriteState(Enum):
    """What is known of a write when its ticket is read."""

    JUST_ACCEPTED = auto()  # accepted, and read immediately
    ACCEPTED = auto()  # accepted, and read later
    UNANSWERED = auto()  # ended without a usable answer, or too long ago to arrive
    UNDER_WAY = auto()  # not answered, and may still arrive
    REFUSED = auto()  # certainly not carried out

    @property
    def was_accepted(self) -> bool:
        """Return whether the CRM said that it carried the write out."""
        return self in {WriteState.JUST_ACCEPTED, WriteState.ACCEPTED}


@dataclass(frozen=True)
class Sent:
    """What a verdict is about: the values that were sent, and those read right before, if any were."""

    wanted: Mapping[str, Value]
    before: Mapping[str, Value] = field(default_factory=dict)
    signature: Signature | None = None  # sent besides; no part of the outcome
    along: Collection[str] = ()  # fields that were sent as they had been read

    @property
    def signed(self) -> dict[str, Value]:
        """The signature as a value by field name."""
        return {self.signature.field: self.signature.name} if self.signature else {}

    @property
    def names(self) -> list[str]:
        """The fields that reading the ticket has to show."""
        return [*self.wanted, *self.before, *self.signed]


@dataclass(frozen=True)
class Verdict:
    """What is known of a write. Without `results` it is still open, or was refused."""

    outcome: Outcome
    results: Mapping[str, Outcome] = field(default_factory=dict)
    read_back: Mapping[str, Value] | None = None
    collateral: Pairs = field(default_factory=dict)  # fields that were not sent and yet differ
    wiped: tuple[str, ...] = ()  # those of them that show a CRM which empties what a PUT leaves out
    signature: Outcome | None = None  # of the signature alone
    unchecked: tuple[str, ...] = ()  # fields of the ticket that were too large to be read


def settled_after() -> timedelta:
    """Return the age after which no request of a save can still be under way."""
    return timedelta(seconds=4 * settings.TICKET_API_TIMEOUT + 5)


def state_after(failure: TicketApiError | None, sent_at: datetime) -> WriteState:
    """Return what is known of a write sent at `sent_at`, right after it ended; None: with success."""
    if failure is None:
        return WriteState.JUST_ACCEPTED
    is_refused = failure.effect is Effect.NONE
    return WriteState.REFUSED if is_refused else state_without_success(failure.reason, sent_at)


def state_without_success(reason: Reason | None, sent_at: datetime) -> WriteState:
    """Return what is known of a write sent at `sent_at` that failed for this reason or was cut off (None)."""
    was_answered = reason is not None and reason.was_answered
    is_old = timezone.now() - sent_at >= settled_after()
    return WriteState.UNANSWERED if was_answered or is_old else WriteState.UNDER_WAY


def judge(sent: Sent, found: ReadBack, schema: TicketSchema, state: WriteState) -> Verdict:
    """Judge a write by reading its ticket; `found.values` has to cover `sent.names`.

    A write that the CRM certainly did not carry out needs no read. One that left no trace stays open while it
    may still arrive.
    """
    if state is WriteState.REFUSED:
        return Verdict(Outcome.REJECTED)
    if found.ticket is None:
        return _unread(sent, found, state)
    is_at_once = state is WriteState.JUST_ACCEPTED
    found_of = [field_outcomes(one, sent.before, found.values, schema) for one in (sent.wanted, sent.signed)]
    if not is_at_once:
        found_of = [later_outcomes(one, was_accepted=state.was_accepted) for one in found_of]
    outcomes, signed = found_of
    if state is WriteState.UNDER_WAY and Outcome.VERIFIED not in outcomes.values():
        return Verdict(Outcome.UNKNOWN)
    others = collateral([*sent.wanted, *sent.signed], sent.before, found.values, schema) if is_at_once else {}
    return Verdict(
        overall(outcomes.values()),
        outcomes,
        read_back={name: found.values[name] for name in sent.wanted if name in found.values},
        collateral=others,
        wiped=wiped(sent, others, schema) if others else (),
        signature=overall(signed.values()) if signed else None,
        unchecked=found.ticket.unread if is_at_once else (),
    )


def _unread(sent: Sent, found: ReadBack, state: WriteState) -> Verdict:
    if not state.was_accepted:
        return Verdict(Outcome.UNKNOWN)
    if not found.is_forbidden:
        return Verdict(Outcome.ACCEPTED)
    return Verdict(Outcome.NOT_READABLE, dict.fromkeys(sent.wanted, Outcome.NOT_READABLE), {})


def field_outcomes(
    wanted: Mapping[str, Value], before: Mapping[str, Value], after: Mapping[str, Value], schema: TicketSchema
) -> dict[str, Outcome]:
    """Judge each wanted field by what was read before and right after a write that was accepted."""
    return {name: _field_outcome(schema.field(name), wanted[name], before, after) for name in wanted}


def later_outcomes(found: Mapping[str, Outcome], *, was_accepted: bool) -> dict[str, Outcome]:
    """Return what is left of `field_outcomes` at a later look, or after a write whose answer was lost.

    A value that is neither the wanted one nor the one before may be another user's, so it proves
    nothing. A field that is not shown counts as sent only if it was accepted, or if another
    field proves that the write arrived.
    """
    unproved = {Outcome.STORED_DIFFERENTLY}
    if not was_accepted and Outcome.VERIFIED not in found.values():
        unproved.add(Outcome.NOT_READABLE)
    unsure = Outcome.ACCEPTED if was_accepted else Outcome.UNKNOWN
    return {name: unsure if outcome in unproved else outcome for name, outcome in found.items()}


def _field_outcome(
    field: Field, wanted: Value, before: Mapping[str, Value], after: Mapping[str, Value]
) -> Outcome:
    if field.name not in after:
        return Outcome.NOT_READABLE
    now = after[field.name]
    if is_identical(field, now, wanted):
        return Outcome.VERIFIED
    if field.name in before and same_value(field, now, before[field.name]):
        return Outcome.NOT_APPLIED  # also if nothing but outer white space was to change
    return Outcome.VERIFIED if same_value(field, now, wanted) else Outcome.STORED_DIFFERENTLY


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that a user must see first: the worst of the fields."""
    return max(outcomes, key=lambda one: one.severity, default=Outcome.NOT_READABLE)


def collateral(
    sent: Iterable[str], before: Mapping[str, Value], after: Mapping[str, Value], schema: TicketSchema
) -> dict[str, tuple[Value, Value]]:
    """Return the fields that were not sent and yet differ right after the write: name → (before, after)."""
    untouched = set(before).intersection(after).difference(sent)
    return {
        name: (before[name], after[name])
        for name in before
        if name in untouched and not same_value(schema.field(name), before[name], after[name])
    }


def wiped(sent: Sent, others: Pairs, schema: TicketSchema) -> tuple[str, ...]:
    """Return the fields that a save emptied by leaving them out, () if that does not show a habit of the CRM.

    `others` is its collateral. One emptied field among several may be an automation, which closing a ticket
    sets off; several at once, or the only one that could be emptied, mean that this CRM empties what a PUT
    leaves out.
    """
    in_body = {*sent.wanted, *sent.along, *sent.signed}

    def is_left_out(name: str, value: Value, *, empty: bool) -> bool:
        return name not in in_body and is_empty(schema.field(name), value) is empty

    emptied = [name for name, (_before, after) in others.items() if is_left_out(name, after, empty=True)]
    there = [name for name, value in sent.before.items() if is_left_out(name, value, empty=False)]
    return tuple(emptied) if len(emptied) >= MANY or len(there) == len(emptied) else ()
