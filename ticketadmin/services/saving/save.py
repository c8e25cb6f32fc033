"""Opening and saving one ticket: the product's main job, and the only way to write to the CRM.

A save runs in these steps: compare with what the CRM holds now (`intent`), take the lock by recording the
intent (`lock`), PUT, read back and judge (`readback`), finish the record. The ticket page, bulk updates,
undo and commands all call `save_ticket`, so that nothing is ever sent without a record.

Each step returns a value; what can prevent the save is raised once, at the end (`errors`).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid5

from django.conf import settings
from django.utils import timezone

from ticketadmin.models import Change, Draft, Origin, Outcome, Reading, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.saving.errors import EditConflict, SaveFailed, SaveInProgress, SaveProblem
from ticketadmin.services.saving.form_base import Base, base_of
from ticketadmin.services.saving.intent import Blocked, Intent, SaveContext, TicketEdit, compare
from ticketadmin.services.saving.lock import earlier_post, on_record, record_intent, wait_for
from ticketadmin.services.saving.readback import (
    ReadBack,
    Received,
    Sent,
    Verdict,
    conclude,
    finish,
    read_back,
    verdict_right_after,
    was_settled_elsewhere,
)
from ticketadmin.services.saving.signature import REFUSED
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import Effect, InvalidTicket, TicketApiError

MAX_COMPARISONS = 5  # of one save, because others were faster
MAX_POSTS = 5  # of one form with other content each time


@dataclass(frozen=True)
class OpenedTicket:
    """A ticket ready to be edited. `read` is None in update-only mode."""

    code: str
    read: ReadTicket | None
    base: Base
    schema: TicketSchema


@dataclass(frozen=True)
class Saved:
    """A finished save: its record, the ticket as read back, and what only others changed meanwhile."""

    change: Change
    read_back: ReadTicket | None = None
    kept_theirs: Mapping[str, tuple[Value, Value]] | None = None
    already_there: tuple[str, ...] = ()


def open_ticket(
    code: str, *, actor: User, update_only: bool = False, refresh_choices: bool = False
) -> OpenedTicket:
    """Read a ticket and return what its form needs; `update_only` opens the form without reading.

    Raises Forbidden, NotFound (where reading is known to work) or another TicketApiError.
    """
    require(actor, "edit_tickets")
    choices = get_choices(refresh=refresh_choices)
    try:
        read = None if update_only else read_ticket(code, choices)
    except CannotRead:
        read = None
    return opened_from(code, read, choices)


def open_ahead(code: str, *, actor: User) -> OpenedTicket | None:
    """Read a ticket that its user may open next, without leaving any trace in the database.

    None where opening it would do more than read: it has an open change to settle or a draft of the user,
    or it is not known that reading works. Raises Forbidden or TicketApiError.
    """
    require(actor, "edit_tickets")
    choices = get_choices(ask=False)
    is_at_rest = not Change.objects.for_ticket(code).unsettled().exists()
    has_draft = Draft.objects.of(actor.pk).filter(ticket_code=code).exists()
    if choices.reading is not Reading.WORKS or not choices.statuses.is_known or has_draft or not is_at_rest:
        return None
    try:
        read = read_ticket(code, choices, announce=False)
    except CannotRead:
        return None
    return opened_from(code, read, choices)


def opened_from(code: str, read: ReadTicket | None, choices: Choices) -> OpenedTicket:
    """Return what the form needs for a ticket that was read already, or cannot be."""
    return OpenedTicket(code, read, base_of(read, code), load_schema(choices, read.values if read else ()))


@dataclass(frozen=True)
class Written:
    """A save that the CRM accepted, until its ticket is read back. It holds the ticket's lock."""

    change: Change
    edited: TicketEdit
    intent: Intent
    received: Received

    def prove(self) -> Saved:
        """Read the ticket back, judge, and finish the record; a verdict that it has by then is kept."""
        code, choices, intent = self.edited.code, self.edited.schema.choices, self.intent
        found = read_back(code, choices, was_read=intent.before is not None, before=intent.read)
        if not was_settled_elsewhere(self.change):
            finish(self.change, self.verdict_of(found), self.received)
        return Saved(self.change, found.ticket, intent.merged.kept_theirs, intent.merged.already_there)

    def verdict_of(self, found: ReadBack) -> Verdict:
        """Return what a read-back proves that followed the write at once."""
        sent = Sent(self.intent.wanted, self.intent.before or {}, self.intent.signature)
        return verdict_right_after(sent, found, self.edited.schema)


@dataclass(frozen=True)
class _Ended:
    """The save was recorded and did not succeed."""

    problem: SaveProblem


def save_ticket(edited: TicketEdit, context: SaveContext) -> Saved:
    """Send exactly what the user changed, prove what happened, and return the record.

    A repeated call with the same `submission` that wants the same returns the first result and sends
    nothing, because its record cannot be made twice. One that wants something else (the page of a save was
    gone back to) is a save of its own, compared with what the first one stored.
    Raises Forbidden or a SaveProblem.
    """
    found = write_ticket(edited, context)
    return found.prove() if isinstance(found, Written) else found


def write_ticket(edited: TicketEdit, context: SaveContext) -> Saved | Written:
    """Do as `save_ticket`, but leave an accepted write to be proved by the caller, at once.

    Saved where nothing is left to be proved: an earlier result, or an answer that was lost and looked for.
    Raises Forbidden or a SaveProblem.
    """
    require(context.actor, "edit_tickets")
    for _post in range(MAX_POSTS):
        found = _save_once(edited, context)
        if isinstance(found, Saved | Written):
            return found
        earlier = earlier_post(context) if isinstance(found, Blocked) else None
        if earlier is None or isinstance(found, _Ended):
            raise found.problem
        is_same = _wants_the_same(earlier, edited, found)  # what prevents the save may be that post
        earlier = wait_for(earlier)
        if earlier.outcome == Outcome.PENDING:
            raise SaveInProgress(earlier)
        if is_same and not _was_replaced(earlier, edited, found):
            return Saved(earlier)
        edited = _after(earlier, edited)
        key = json.dumps(edited.edit.as_json(), sort_keys=True)
        context = replace(context, submission=uuid5(context.submission, key))
    raise SaveInProgress(earlier)


def _save_once(edited: TicketEdit, context: SaveContext) -> Saved | Written | Blocked | _Ended:
    """Compare, take the lock and send; where another save was faster, compare afresh, not for ever."""
    left: Mapping[str, Value] = {}
    for _comparison in range(MAX_COMPARISONS):
        seen = on_record(edited.code)
        intent = compare(edited, context)
        if isinstance(intent, Blocked):
            return intent
        left = intent.wanted
        change = record_intent(edited, context, intent, seen)
        if isinstance(change, Blocked):
            return change
        if change is not None:
            return _send(change, edited, intent, context)
    return Blocked(SaveInProgress(Change.objects.for_ticket(edited.code).first()), left)


def _send(
    change: Change, edited: TicketEdit, intent: Intent, context: SaveContext
) -> Saved | Written | _Ended:
    """Send the recorded intent; after a wait that the CRM asked for, compare afresh before sending again.

    The lock is held all the while, and no PUT starts later than two timeouts after the record was made,
    so that `settled_after` holds.
    """
    give_up = change.created_at + timedelta(seconds=2 * settings.TICKET_API_TIMEOUT)
    started = time.monotonic()
    refusal: TicketApiError | None = None
    while True:
        try:
            reply = get_api().update_ticket(
                change.ticket_code,
                intent.payload,
                request_id=change.request_id,
                has_place=intent.before is not None,
                after=refusal,
            )
        except TicketApiError as error:
            refusal = error
            if _may_be_the_signature(error, intent):
                intent = _rewritten(change, intent, intent.unsigned())
                continue
        else:
            received = Received(reply.http_status, reply.message, duration_ms=_ms(started))
            return Written(change, edited, intent, received)
        wait = refusal.again_in
        if wait is None or timezone.now() + timedelta(seconds=wait) > give_up:
            return _failed(change, edited, refusal, _ms(started))
        time.sleep(wait)
        fresh = compare(edited, context)
        if isinstance(fresh, Blocked):
            return _failed(change, edited, refusal, _ms(started), instead=fresh.problem)
        intent = _rewritten(change, intent, fresh if intent.signature else fresh.unsigned())


def _may_be_the_signature(error: TicketApiError, intent: Intent) -> bool:
    """Return whether the CRM refused a signed save, which is then sent without: it must not fail for that."""
    return intent.signature is not None and isinstance(error, InvalidTicket) and error.effect is Effect.NONE


def _rewritten(change: Change, intent: Intent, fresh: Intent) -> Intent:
    """Keep on record what is about to be sent, where that is no longer what the record says."""
    if (fresh.wanted, fresh.before, fresh.payload) != (intent.wanted, intent.before, intent.payload):
        change.wanted, change.before = dict(fresh.wanted), fresh.before
        change.payload = dict(fresh.payload)
        if change.signature and fresh.signature is None:
            change.signature = {**change.signature, "result": REFUSED}
        change.save(update_fields=["wanted", "before", "payload", "signature"])
    return fresh


def _failed(
    change: Change,
    edited: TicketEdit,
    error: TicketApiError,
    duration_ms: int,
    *,
    instead: SaveProblem | None = None,
) -> Saved | _Ended:
    """Find out what a write without a success did; `instead` is what the user has to hear of it first."""
    received = Received(error.http_status, error.api_message, error.reason, duration_ms)
    if error.effect is Effect.NONE:
        finish(change, Verdict(Outcome.REJECTED), received)
        return _Ended(instead or SaveFailed(change, error))
    found = read_back(edited.code, edited.schema.choices, was_read=change.before is not None)
    finish(change, conclude(change, found, edited.schema, error.reason), received)
    if change.is_saved:
        return Saved(change, found.ticket)
    return _Ended(instead or SaveFailed(change, error))


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


# --- the same form, posted again ---------------------------------------------------------------------


def base_after(base: Base, change: Change) -> Base:
    """Return a form's base as it is since an earlier post of the same form was saved."""
    if not change.is_saved:
        return base
    read = change.read_back or {}
    stored = {name: read.get(name, value) for name, value in change.wanted.items()}
    return replace(base, values={**base.values, **stored})


def _wants_the_same(earlier: Change, edited: TicketEdit, blocked: Blocked) -> bool:
    """Return whether an earlier post wanted what this edit wants; `left` is not in the CRM yet."""
    edit, schema = edited.edit, edited.schema
    return set(blocked.left) <= set(earlier.wanted) <= set(edit.wishes) and all(
        schema.identical(name, edit.value_of(schema.field(name), value), value)
        for name, value in earlier.wanted.items()
    )


def _was_replaced(earlier: Change, edited: TicketEdit, blocked: Blocked) -> bool:
    """Return whether the CRM holds something else by now than an earlier post of a form stored."""
    problem = blocked.problem
    conflicts = problem.merged.conflicts if isinstance(problem, EditConflict) else ()
    stored = base_after(edited.base, earlier).values
    return earlier.origin == Origin.FORM and any(
        not edited.schema.same(one.name, one.theirs, stored.get(one.name)) for one in conflicts
    )


def _after(earlier: Change, edited: TicketEdit) -> TicketEdit:
    """Return the edit as it is since an earlier post of its form.

    Boxes that hold their old value again, which the earlier post changed, are put back.
    """
    base = edited.base
    stored = earlier.wanted if earlier.is_saved else {}
    back = {name: Set(base.values[name]) for name in stored if name in base.values}
    return replace(edited, edit=Edit({**back, **edited.edit.wishes}), base=base_after(base, earlier))
