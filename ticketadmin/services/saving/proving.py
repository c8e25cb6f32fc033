"""Proving a write: the ticket is read back, the verdict is written down, and what is known is the result."""

from collections.abc import Mapping
from dataclasses import dataclass

from ticketadmin.models import Change, Outcome
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.readback import (
    ReadBack,
    Sent,
    conclude,
    read_back,
    verdict_right_after,
    was_settled_elsewhere,
)
from ticketadmin.services.saving.record import Verdict, finish
from ticketadmin.services.saving.sending import Written
from ticketadmin.services.values.fields import Value


@dataclass(frozen=True)
class Saved:
    """A finished save: its record, the ticket as read back, and what only others changed meanwhile."""

    change: Change
    read_back: ReadTicket | None = None
    kept_theirs: Mapping[str, tuple[Value, Value]] | None = None
    already_there: tuple[str, ...] = ()


def prove(written: Written) -> Saved:
    """Read the ticket back, judge, and finish the record; a verdict that it has by then is kept.

    What the CRM certainly did not carry out is not read. Raises the problem of a write that failed, unless it
    proves to be stored.
    """
    change, intent, choices = written.change, written.intent, written.edited.schema.choices
    found = ReadBack()
    if not written.is_refused:
        found = read_back(change.ticket_code, choices, was_read=intent.before is not None, before=intent.read)
    verdict = verdict_of(written, found)
    if not was_settled_elsewhere(change):
        finish(change, verdict, written.received)
    if written.problem and not change.is_saved:
        raise written.problem
    return Saved(change, found.ticket, intent.merged.kept_theirs, intent.merged.already_there)


def verdict_of(written: Written, found: ReadBack) -> Verdict:
    """Return what a read-back proves that followed the write at once."""
    if written.is_refused:
        return Verdict(Outcome.REJECTED)
    if written.failure:
        return conclude(written.change, found, written.edited.schema, written.failure.reason)
    sent = Sent(written.intent.wanted, written.intent.before or {}, written.intent.signature)
    return verdict_right_after(sent, found, written.edited.schema)
