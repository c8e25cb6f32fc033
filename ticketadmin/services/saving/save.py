"""Opening and saving one ticket: the product's main job, and the only way in which users write to the CRM.

A save runs in these steps, each in its module: compare with what the CRM holds now (`intent`), take the lock
by recording the intent (`lock`), PUT (`sending`), read back, judge and finish the record (`proving`). The
ticket page, quick status, undo and commands call `save_ticket`; bulk updates call `write_ticket`, which
leaves the last step to them. So nothing is ever sent without a record.

Each step returns a value; what can prevent the save is raised once, at the end (`errors`).
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, replace

from ticketadmin.models import Change, Draft, Reading, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.errors import SaveInProgress
from ticketadmin.services.saving.form_base import Base, base_of
from ticketadmin.services.saving.intent import Blocked, SaveContext, TicketEdit, compare
from ticketadmin.services.saving.lock import on_record, record_intent
from ticketadmin.services.saving.posted_again import after_earlier_post
from ticketadmin.services.saving.proving import Saved, prove
from ticketadmin.services.saving.seen_fields import with_seen
from ticketadmin.services.saving.sending import Written, send
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.schema import TicketSchema, load_schema

MAX_COMPARISONS = 5  # of one save, because others were faster or the CRM asked to wait
MAX_POSTS = 5  # of one form with other content each time


@dataclass(frozen=True)
class OpenedTicket:
    """A ticket ready to be edited. `read` is None in update-only mode."""

    code: str
    read: ReadTicket | None
    base: Base
    schema: TicketSchema


def open_ticket(
    code: str, *, user: User, update_only: bool = False, refresh_choices: bool = False
) -> OpenedTicket:
    """Read a ticket and return what its form needs; `update_only` opens the form without reading.

    Raises Forbidden, NotFound (where reading is known to work) or another TicketApiError.
    """
    require(user, "edit_tickets")
    choices = get_choices(refresh=refresh_choices)
    try:
        read = None if update_only else read_ticket(code, choices)
    except CannotRead:
        read = None
    return opened_from(code, read, choices)


def open_ahead(code: str, *, user: User) -> OpenedTicket | None:
    """Read a ticket that its user may open next, without leaving any trace in the database.

    None if opening it would do more than read: it has an open change to settle or a draft of the user,
    or it is not known that reading works. Raises Forbidden or TicketApiError.
    """
    require(user, "edit_tickets")
    choices = get_choices(ask=False)
    is_at_rest = not Change.objects.for_ticket(code).unsettled().exists()
    has_draft = Draft.objects.of(user.pk).filter(ticket_code=code).exists()
    if choices.reading is not Reading.WORKS or not choices.statuses.is_known or has_draft or not is_at_rest:
        return None
    try:
        read = read_ticket(code, choices, announce=False)
    except CannotRead:
        return None
    return opened_from(code, read, choices)


def opened_from(code: str, read: ReadTicket | None, choices: Choices) -> OpenedTicket:
    """Return what the form needs for a ticket that has been read, or that cannot be read (`read` None)."""
    schema = with_seen(load_schema(choices, read.values if read else ()), code)
    return OpenedTicket(code, read, base_of(read, code), schema)


def save_ticket(edited: TicketEdit, context: SaveContext) -> Saved:
    """Send exactly what the user changed, prove what happened, and return the record.

    A repeated call with the same `submission` that wants the same returns the first result and sends
    nothing, because its record cannot be made twice. One that wants something else (the user went back to the
    form) is a separate save, compared with what the first one stored.
    Raises Forbidden or a SaveProblem.
    """
    found = _written(edited, context)
    return prove(found) if isinstance(found, Written) else found


def write_ticket(edited: TicketEdit, context: SaveContext) -> Saved | Written:
    """Save like `save_ticket`, but leave the read-back of an accepted write to the caller, who makes it soon.

    Returns Saved if nothing is left to prove: an earlier result, or a write whose lost answer was settled
    here. Raises Forbidden or a SaveProblem.
    """
    found = _written(edited, context)
    return prove(found) if isinstance(found, Written) and found.failure else found


def _written(edited: TicketEdit, context: SaveContext) -> Saved | Written:
    require(context.user, "edit_tickets")
    earlier: Change | None = None
    for _post in range(MAX_POSTS):
        written = _write_once(edited, context)
        if isinstance(written, Written):
            return written
        found = after_earlier_post(edited, context, written)
        if isinstance(found, Change):
            return Saved(found)
        if isinstance(found, Blocked):
            raise found.problem
        edited, context, earlier = found.edited, found.context, found.earlier
    raise SaveInProgress(earlier)


def _write_once(edited: TicketEdit, context: SaveContext) -> Written | Blocked:
    """Compare, take the lock and send, in a bounded number of rounds.

    Another round follows if another save was faster, and, with the lock held, if the CRM asked to wait:
    nothing is sent that was not compared just before.
    """
    written: Written | None = None
    left: Collection[str] = ()
    seen = edited.on_record
    for _round in range(MAX_COMPARISONS):
        if seen is None and not written:
            seen = on_record(edited.code)
        intent = compare(edited, context)
        if isinstance(intent, Blocked):
            return replace(written, prevented=intent.problem) if written else intent
        left = intent.wanted
        change = written.change if written else record_intent(edited, context, intent, seen or [])
        if isinstance(change, Blocked):
            return change
        if change is None:
            seen = None
            continue
        written = send(change, edited, intent, written)
        wait = written.again_in
        if wait is None:
            return written
        time.sleep(wait)
    return written or Blocked(SaveInProgress(Change.objects.for_ticket(edited.code).first()), left)
