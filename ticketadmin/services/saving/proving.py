"""Proving a write: reading the ticket back, recording the verdict, and returning what is then known."""

from collections.abc import Mapping
from dataclasses import dataclass

from ticketadmin.models import Change
from ticketadmin.services.crm.omitted import remember_emptied
from ticketadmin.services.crm.reading import ReadBack, ReadTicket, read_back
from ticketadmin.services.saving.readback import was_settled_elsewhere
from ticketadmin.services.saving.record import finish_change
from ticketadmin.services.saving.sending import Written
from ticketadmin.services.saving.verdict import WriteState, judge
from ticketadmin.services.values.fields import Value


@dataclass(frozen=True)
class Saved:
    """A finished save: its record, the ticket as read back, and what only others changed meanwhile."""

    change: Change
    read_back: ReadTicket | None = None
    kept_theirs: Mapping[str, tuple[Value, Value]] | None = None
    already_there: tuple[str, ...] = ()


def prove(written: Written) -> Saved:
    """Read the ticket back, judge, and finish the record; a verdict recorded by another process is kept.

    Raises the problem of a write that failed, unless it proves to be stored.
    """
    change, intent, schema, sent = written.change, written.intent, written.edited.schema, written.sent
    found = ReadBack()
    if written.state is not WriteState.REFUSED:
        was_read = intent.before is not None
        found = read_back(
            change.ticket_code, schema.choices, sent.names, was_read=was_read, before=intent.read
        )
    if not was_settled_elsewhere(change):
        verdict = judge(sent, found, schema, written.state)
        finish_change(change, verdict, written.received)
        if verdict.wiped:
            remember_emptied(change.ticket_code, verdict.wiped)
    if written.problem and not change.is_saved:
        raise written.problem
    return Saved(change, found.ticket, intent.merged.kept_theirs, intent.merged.already_there)
