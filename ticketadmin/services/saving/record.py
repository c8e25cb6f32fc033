"""The record of a save: what was received and found, as values, and how they are written down.

A record (`Change`) is written when the intent takes the lock (`lock`), and here, when it is known what the
write did; between the two only if something else is to be sent (`sending`). `results` are empty while a
change is open.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.dispatch import Signal
from django.utils import timezone

from ticketadmin.logs import event
from ticketadmin.metrics import SAVES
from ticketadmin.models import Change, Outcome, RowsUpdate
from ticketadmin.services.saving.verdict import Verdict
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.tickets import UpdateReply

change_finished = Signal()  # sent with `change`, unless its save was verified together with others
logger = logging.getLogger("ticketadmin.saves")


@dataclass(frozen=True)
class Received:
    """The answer to a PUT: none at all (`reason` says why), an error, or a success."""

    http_status: int | None = None
    message: str = ""
    reason: Reason | None = None
    duration_ms: int | None = None

    @classmethod
    def of(cls, answer: UpdateReply | TicketApiError, duration_ms: int | None = None) -> "Received":
        """Return what is kept of an answer, or of its failure."""
        if isinstance(answer, UpdateReply):
            return cls(answer.http_status, answer.message, duration_ms=duration_ms)
        return cls(answer.http_status, answer.api_message, answer.reason, duration_ms)


_FINISHED = RowsUpdate(
    Change.objects.all,
    (
        "outcome", "reason", "message", "http_status", "results", "read_back", "collateral", "before",
        "unchecked", "signature", "finished_at", "duration_ms",
    ),
)  # fmt: skip


def finish_change(change: Change, verdict: Verdict, received: Received | None = None) -> None:
    """Write the verdict down, with what was received where this ends the save itself.

    A settled change keeps only those of the values read before that it concerns.
    """
    _take(change, verdict, received)
    _keep_concerned(change)
    _FINISHED.run([change])
    change_finished.send(Change, change=change)
    _report(change)


def finish_verified(ended: Sequence[tuple[Change, Verdict, Received]]) -> None:
    """Write many verdicts down in one statement: those of saves that were verified and did nothing else.

    Raises ValueError for any other verdict, which `finish_change` has to handle.
    """
    for change, verdict, received in ended:
        if verdict.outcome is not Outcome.VERIFIED or verdict.collateral or verdict.unchecked:
            message = f"not simply verified: {verdict.outcome}"
            raise ValueError(message)
        _take(change, verdict, received)
        _keep_concerned(change)
    _FINISHED.run([change for change, *_rest in ended])
    for change, *_rest in ended:
        _report(change)


def _take(change: Change, verdict: Verdict, received: Received | None) -> None:
    change.outcome = verdict.outcome
    change.results = {name: outcome.value for name, outcome in verdict.results.items()}
    change.read_back = dict(verdict.read_back) if verdict.read_back is not None else change.read_back
    change.collateral = {name: list(pair) for name, pair in verdict.collateral.items()} or change.collateral
    if received is not None:
        change.http_status, change.message = received.http_status, received.message[:500]
        change.reason, change.duration_ms = received.reason or "", received.duration_ms
    change.unchecked = list(verdict.unchecked) or change.unchecked
    if change.signature and verdict.signature:
        change.signature = {**change.signature, "result": verdict.signature.value}
    change.finished_at = timezone.now()


def _keep_concerned(change: Change) -> None:
    if change.is_settled and change.before is not None:
        concerned = {*change.wanted, *change.collateral}
        change.before = {name: value for name, value in change.before.items() if name in concerned}


def _report(change: Change) -> None:
    SAVES.labels(change.outcome, change.origin).inc()
    event(
        logger,
        "save",
        ticket=change.ticket_code,
        user=change.actor_id,
        origin=change.origin,
        outcome=change.outcome,
        reason=change.reason,
        status=change.http_status,
        ms=change.duration_ms,
        change=change.uuid,
    )
