"""Proving what a write did: reading the ticket back, comparing, and settling what was left open.

An outcome is only as good as what was read, and when. A write whose answer was lost counts as *not
applied* only when it can no longer be on its way: until `settled_after()` has passed it stays
*unknown*. A later look finds only what was wanted or what was before; another value may be anybody's,
so the change stays *unknown* or *accepted* for good. `results` are empty while a change is open.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from ticketadmin.logs import event
from ticketadmin.metrics import SAVES
from ticketadmin.models import Change, Outcome, Reading
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.saving.merge import collateral, field_outcomes, later_outcomes, overall
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.reasons import Reason

logger = logging.getLogger("ticketadmin.saves")


def settled_after() -> timedelta:
    """Return the age after which no request of a save can still be under way."""
    return timedelta(seconds=4 * settings.TICKET_API_TIMEOUT + 5)


def certain_at(change: Change) -> datetime:
    """Return from when on reading the ticket tells what a write without a usable answer did."""
    reason = Reason.known(change.reason)
    was_answered = change.outcome == Outcome.ACCEPTED or (reason is not None and reason.was_answered)
    return timezone.now() if was_answered else change.created_at + settled_after()


def shown_outcome(change: Change) -> Outcome:
    """Return the outcome as people should hear it: a save without an answer for too long is unknown.

    A PUT ends within two time-outs. An older pending change was cut off by a crash, or is being read
    back; `settle` finds out which as soon as that is certain.
    """
    is_late = timezone.now() - change.created_at > timedelta(seconds=2 * settings.TICKET_API_TIMEOUT)
    return Outcome.UNKNOWN if change.outcome == Outcome.PENDING and is_late else Outcome(change.outcome)


@dataclass(frozen=True)
class _Look:
    """What reading a ticket back gave; without a ticket, whether this key may not read it, or why not."""

    ticket: ReadTicket | None = None
    is_forbidden: bool = False
    failure: Reason | None = None


def prove(change: Change, schema: TicketSchema) -> ReadTicket | None:
    """Read back right after an accepted write and set outcome, results, read-back and collateral.

    Only here does another value count as what the CRM made of ours, and a field that was not sent as
    changed by the save: later it may be somebody else's work.
    """
    look = _look([change], schema.choices)
    if look.ticket is None:
        _accept_unread(change, look)
        return None
    before = change.before or {}
    now = look.ticket.values_for([*change.wanted, *before])
    _set_results(change, field_outcomes(change.wanted, before, now, schema), now)
    change.collateral = {
        name: list(pair) for name, pair in collateral(change.wanted, before, now, schema).items()
    }
    return look.ticket


def judge(change: Change, schema: TicketSchema) -> ReadTicket | None:
    """Read back after a write without a usable answer and set what can be known."""
    look = _look([change], schema.choices)
    _conclude(change, look, schema)
    return look.ticket


def _look(changes: Sequence[Change], choices: Choices) -> _Look:
    """Read the ticket that these changes are of."""
    known = Reading.WORKS if any(change.before is not None for change in changes) else None
    try:
        return _Look(read_ticket(changes[0].ticket_code, choices, known=known))
    except CannotRead:
        return _Look(is_forbidden=True)
    except TicketApiError as error:
        return _Look(failure=error.reason)


def _accept_unread(change: Change, look: _Look) -> None:
    change.outcome = Outcome.ACCEPTED
    if look.is_forbidden:
        _set_results(change, dict.fromkeys(change.wanted, Outcome.NOT_READABLE), {})


def _conclude(change: Change, look: _Look, schema: TicketSchema) -> None:
    """Set what a look tells that does not follow an accepted write at once.

    Where nothing of a write without an answer is seen and it may yet arrive, the change stays open.
    """
    was_accepted = change.outcome == Outcome.ACCEPTED
    if look.ticket is None:
        if was_accepted:
            _accept_unread(change, look)
        else:
            change.outcome = Outcome.UNKNOWN
        return
    before = change.before or {}
    now = look.ticket.values_for([*change.wanted, *before])
    found = later_outcomes(change.wanted, before, now, schema, was_accepted=was_accepted)
    reason = Reason.known(change.reason)
    was_answered = was_accepted or (reason is not None and reason.was_answered)
    may_still_arrive = not was_answered and not _is_old(change)
    if may_still_arrive and Outcome.VERIFIED not in found.values():
        change.outcome = Outcome.UNKNOWN
        return
    _set_results(change, found, now)


def _is_old(change: Change) -> bool:
    return timezone.now() - change.created_at >= settled_after()


def _set_results(change: Change, found: Mapping[str, Outcome], now: Mapping[str, Value]) -> None:
    change.results = {name: outcome.value for name, outcome in found.items()}
    change.outcome = overall(found.values())
    change.read_back = {name: now[name] for name in change.wanted if name in now}


def applied_fields(change: Change) -> list[str]:
    """Return the fields that certainly took effect, as they were sent or as the CRM spells them."""
    return [name for name in change.wanted if Outcome(change.results.get(name, change.outcome)).is_applied]


def changed_nothing(change: Change) -> bool:
    """Tell whether the CRM certainly kept every field as it was."""
    found = [change.outcome, *change.results.values()]
    return all(Outcome(one).is_unchanged for one in found)


def finish(change: Change) -> None:
    """Store the outcome. Of the values read before, a settled change keeps only those it concerns."""
    SAVES.labels(change.outcome, change.origin).inc()
    event(
        logger,
        "save",
        ticket=change.ticket_code,
        person=change.actor_id,
        origin=change.origin,
        outcome=change.outcome,
        reason=change.reason,
        status=change.http_status,
        ms=change.duration_ms,
        change=change.uuid,
    )
    change.finished_at = timezone.now()
    if change.is_settled and change.before is not None:
        concerned = {*change.wanted, *change.collateral}
        change.before = {name: value for name, value in change.before.items() if name in concerned}
    change.save(
        update_fields=[
            "outcome", "reason", "message", "http_status", "results", "read_back", "collateral", "before",
            "finished_at", "duration_ms",
        ]
    )  # fmt: skip


def settle(change: Change, *, is_abandoned: bool = False) -> Change:
    """Find out by reading what an open change did; leave it open where that cannot be known yet.

    A pending change is left alone while its save may still be running, unless the caller knows that
    whoever ran it `is_abandoned`: a worker whose lease ran out.
    """
    look_again(change, is_abandoned=is_abandoned)
    return change


def look_again(change: Change, *, is_abandoned: bool = False) -> Reason | None:
    """Settle a change as `settle` does; return why its ticket could not be read, None where it could."""
    return _settle_together([change], is_abandoned=is_abandoned)


def settle_ticket(code: str) -> list[Change]:
    """Settle every open change of one ticket by one look at it; called when the ticket is opened."""
    changes = list(Change.objects.for_ticket(code).unsettled())
    _settle_together(changes)
    return changes


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
    look = _look(due, schema.choices)
    for change in due:
        was = change.outcome
        _conclude(change, look, schema)
        if change.is_settled or change.outcome != was:
            finish(change)
        else:  # its turn comes again after those that were not looked at since
            change.finished_at = timezone.now()
            change.save(update_fields=["finished_at"])
    return look.failure


def _may_be_running(change: Change) -> bool:
    return change.outcome == Outcome.PENDING and not _is_old(change)
