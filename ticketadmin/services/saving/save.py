"""Opening and saving one ticket: the product's main job, and the only way to write to the CRM.

A save runs in these steps: compare with what the CRM holds now, record the intent, PUT,
classify the answer, read back, record the outcome. The ticket page, bulk updates, undo and commands
all call `save_ticket`, so that nothing is ever sent without a record.

Saves of one ticket take turns, whoever makes them: a recorded intent is the turn. What is compared was
read when no other save of this tool could still change it (see `lock`).
What can stand in the way: `errors`.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from ticketadmin.models import Change, Origin, Outcome, Reading, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import get_api, may_try_reading
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    SaveFailed,
    SaveInProgress,
    SaveProblem,
)
from ticketadmin.services.saving.form_base import Base, base_of
from ticketadmin.services.saving.lock import earlier_post, in_turn, on_record, record_intent, result_of
from ticketadmin.services.saving.merge import FieldConflict, Merge, merge
from ticketadmin.services.saving.readback import finish, judge, prove
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import Effect, TicketApiError


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


def opened_from(code: str, read: ReadTicket | None, choices: Choices) -> OpenedTicket:
    """Return what the form needs for a ticket that was read already, or cannot be."""
    return OpenedTicket(code, read, base_of(read, code), load_schema(choices, read.values if read else ()))


def save_ticket(
    code: str,
    *,
    actor: User,
    edit: Edit,
    base: Base,
    schema: TicketSchema,
    submission: UUID,
    origin: Origin = Origin.FORM,
    undo_of: Change | None = None,
    bulk: UUID | None = None,
) -> Saved:
    """Send exactly what the person changed, prove what happened, and return the record.

    `submission` names one form as it was sent: a repeated call that wants the same returns the first
    result and sends nothing, because its record cannot be made twice. One that wants something else (the
    page of a save was gone back to) is a save of its own, compared with what the first one stored. `bulk`
    names the bulk update that this save is part of. Raises Forbidden or a SaveProblem.
    """
    require(actor, "edit_tickets")
    change = Change(
        submission=submission, ticket_code=code, actor=actor, origin=origin, undo_of=undo_of, bulk=bulk
    )
    try:
        return in_turn(code, lambda: _save(change, actor, edit, base, schema))
    except SaveFailed:
        raise
    except SaveProblem as problem:  # what stands in the way may be the other post of this form
        earlier = earlier_post(actor, submission)
        if earlier is None:
            raise
        conflicts = problem.merged.conflicts if isinstance(problem, EditConflict) else ()
    is_same = _wants_the_same(earlier, edit, change.wanted, schema)
    earlier = result_of(earlier)
    if is_same and not _was_replaced(earlier, conflicts, base, schema):
        return Saved(earlier)
    return save_ticket(
        code,
        actor=actor,
        edit=_with_what_was_put_back(edit, base, earlier),
        base=base_after(base, earlier),
        schema=schema,
        submission=uuid5(submission, json.dumps(edit.as_json(), sort_keys=True)),
        origin=origin,
        undo_of=undo_of,
        bulk=bulk,
    )


def base_after(base: Base, change: Change) -> Base:
    """Return a form's base as it is since an earlier post of the same form was saved."""
    if not change.is_saved:
        return base
    read_back = change.read_back or {}
    stored = {name: read_back.get(name, value) for name, value in change.wanted.items()}
    return replace(base, values={**base.values, **stored})


def _save(change: Change, actor: User, edit: Edit, base: Base, schema: TicketSchema) -> Saved:
    change.wanted = {name: edit.value_of(schema.field(name)) for name in edit.wishes}
    if not edit:
        raise NothingToSave
    seen = on_record(change.ticket_code)
    theirs = _fresh_read(change.ticket_code, schema.choices, base)
    merged = Merge()
    if theirs:
        known = theirs.values_for([*edit.wishes, *base.values])
        if lost := [name for name in edit.wishes if name in base.values and name not in known]:
            raise ReadingLost(lost)
        mine = {name: edit.value_of(schema.field(name), known.get(name)) for name in edit.wishes}
        merged = merge(base.values, mine, known, schema)
        edit = edit.without(merged.already_there)
        change.wanted = {name: mine[name] for name in edit.wishes}
        if merged.conflicts:
            raise EditConflict(merged, theirs)
        if not edit:
            raise NothingToSave
    change, is_new = record_intent(change, actor, edit, theirs, schema, seen)
    if not is_new:
        raise SaveInProgress(change)
    read_back = _send(change, schema)
    return Saved(change, read_back, merged.kept_theirs, merged.already_there)


def _wants_the_same(earlier: Change, edit: Edit, left: Mapping[str, Value], schema: TicketSchema) -> bool:
    """Tell whether an earlier post wanted what this edit wants, of which `left` is not in the CRM already."""
    return set(left) <= set(earlier.wanted) <= set(edit.wishes) and all(
        schema.same(name, edit.value_of(schema.field(name), value), value)
        for name, value in earlier.wanted.items()
    )


def _was_replaced(
    earlier: Change, conflicts: Iterable[FieldConflict], base: Base, schema: TicketSchema
) -> bool:
    """Tell whether the CRM holds something else by now than an earlier post of a form stored."""
    stored = base_after(base, earlier).values
    return earlier.origin == Origin.FORM and any(
        not schema.same(one.name, one.theirs, stored.get(one.name)) for one in conflicts
    )


def _with_what_was_put_back(edit: Edit, base: Base, earlier: Change) -> Edit:
    """Return the edit with boxes that hold their old value again, which the earlier post changed."""
    stored = earlier.wanted if earlier.is_saved else {}
    back = {name: Set(base.values[name]) for name in stored if name in base.values}
    return Edit({**back, **edit.wishes})


def _fresh_read(code: str, choices: Choices, base: Base) -> ReadTicket | None:
    known = Reading.WORKS if base.was_read and may_try_reading() else None  # it did when the form was loaded
    try:
        return read_ticket(code, choices, known=known)
    except CannotRead as error:
        if base.was_read:
            raise ReadingLost from error
        return None
    except TicketApiError as error:
        raise CheckFailed(error) from error


def _send(change: Change, schema: TicketSchema) -> ReadTicket | None:
    started = time.monotonic()
    try:
        reply = get_api().update_ticket(change.ticket_code, change.payload, request_id=change.request_id)
    except TicketApiError as error:
        change.duration_ms = round((time.monotonic() - started) * 1000)
        return _after_failure(change, error, schema)
    change.message = reply.message[:500]
    change.http_status = reply.http_status
    read_back = prove(change, schema)
    change.duration_ms = round((time.monotonic() - started) * 1000)
    finish(change)
    return read_back


def _after_failure(change: Change, error: TicketApiError, schema: TicketSchema) -> ReadTicket | None:
    change.message, change.reason, change.http_status = (
        error.api_message[:500],
        error.reason,
        error.http_status,
    )
    if error.effect is Effect.NONE:
        change.outcome = Outcome.REJECTED
        finish(change)
        raise SaveFailed(change, error) from error
    read_back = judge(change, schema)
    finish(change)
    if not change.is_saved:
        raise SaveFailed(change, error) from error
    return read_back
