"""Proving what a write did: reading the ticket back, comparing, and settling what was left open.

An outcome is only as good as what was read. A write whose answer was lost counts as *not applied*
only when it can no longer be on its way: until `settled_after()` has passed it stays *unknown*.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ticketadmin.logs import event
from ticketadmin.metrics import SAVES
from ticketadmin.models import Change, Outcome
from ticketadmin.services.choices import Choices, get_choices
from ticketadmin.services.comparison import collateral, field_outcomes, overall
from ticketadmin.services.connection import Reading
from ticketadmin.services.fields import Field, catalogue
from ticketadmin.services.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.ticketapi.errors import TicketApiError

logger = logging.getLogger("ticketadmin.saves")
# Reasons after which the CRM has certainly finished with the request: it answered in person.
ANSWERED = frozenset(
    {
        "server_error",
        "unavailable",
        "error_in_success",
        "not_json",
        "not_object",
        "oversized",
        "redirect",
        "other_ticket",
        "invalid",
    }
)


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


def prove(change: Change, fields: Mapping[str, Field], choices: Choices) -> ReadTicket | None:
    """Read back after an accepted write and set outcome, results, read-back and collateral on the change."""
    try:
        after = _read_after(change, choices)
    except CannotRead:
        change.results = dict.fromkeys(change.wanted, Outcome.NOT_READABLE.value)
        change.outcome = Outcome.NOT_READABLE
        return None
    except TicketApiError:
        change.outcome = Outcome.ACCEPTED
        return None
    _compare(change, after, fields)
    return after


def judge(change: Change, fields: Mapping[str, Field], choices: Choices) -> ReadTicket | None:
    """Read back after a write without a usable answer and set what can be known.

    Where the ticket still is as before and the write may yet arrive, the outcome stays unknown.
    """
    change.outcome = Outcome.UNKNOWN
    try:
        after = _read_after(change, choices)
    except (CannotRead, TicketApiError):
        return None
    _compare(change, after, fields)
    was_applied = bool({Outcome.VERIFIED, Outcome.STORED_DIFFERENTLY}.intersection(change.results.values()))
    may_still_arrive = change.reason not in ANSWERED and timezone.now() - change.created_at < settled_after()
    if not was_applied and (may_still_arrive or change.outcome == Outcome.NOT_READABLE):
        change.outcome = Outcome.UNKNOWN
    return after


def _read_after(change: Change, choices: Choices) -> ReadTicket:
    return read_ticket(change.ticket_code, choices, known=None if change.before is None else Reading.WORKS)


def _compare(change: Change, after: ReadTicket, fields: Mapping[str, Field]) -> None:
    before = change.before or {}
    now = after.values_for([*change.wanted, *before])
    outcomes = field_outcomes(change.wanted, before, now, fields)
    change.results = {name: outcome.value for name, outcome in outcomes.items()}
    change.outcome = overall(outcomes.values())
    change.read_back = {name: now[name] for name in change.wanted if name in now}
    change.collateral = {
        name: list(pair) for name, pair in collateral(change.wanted, before, now, fields).items()
    }


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
    if change.is_settled:
        return change
    may_be_running = not is_abandoned and timezone.now() - change.created_at < settled_after()
    if change.outcome == Outcome.PENDING and may_be_running:
        return change
    fields = catalogue([*change.wanted, *(change.before or {})])
    accepted = change.outcome == Outcome.ACCEPTED
    if accepted:
        prove(change, fields, get_choices())
    else:
        judge(change, fields, get_choices())
    finish(change)
    return change


def settle_ticket(code: str) -> list[Change]:
    """Settle every open change of one ticket; called when the ticket is opened."""
    return [settle(change) for change in Change.objects.for_ticket(code).unsettled()]


def settle_all(*, limit: int = 1_000) -> list[Change]:
    """Settle open changes of all tickets, oldest first; called by a command."""
    return [settle(change) for change in Change.objects.unsettled().order_by("id")[:limit]]
