"""Opening and saving one ticket: the product's main job, and the only way to write to the CRM.

A save runs in the steps of DESIGN: compare with what the CRM holds now, record the intent, PUT,
classify the answer, read back, record the outcome. The ticket page, bulk updates, undo and commands
all call `save_ticket`, so that nothing is ever sent without a record.

Saves of one ticket take turns, whoever makes them: a recorded intent is the turn. What is compared was
read when no other save of this tool could still change it.

    SaveProblem
    ├── NothingToSave     nothing differs from the CRM; nothing was sent
    ├── EditConflict      somebody changed the same field; nothing was sent until the person chooses
    ├── ReadingLost       what the form was loaded with can no longer be read; nothing was sent
    ├── SaveInProgress    another save of this ticket has not finished: see `change`; nothing was sent
    ├── CheckFailed       the CRM could not be asked what it holds; nothing was sent
    └── SaveFailed        sent and refused, or sent and its effect is unknown: see `change.outcome`
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ticketadmin.logs import request_id
from ticketadmin.models import Change, ChangedField, Origin, Outcome, User
from ticketadmin.services.access import require
from ticketadmin.services.bases import Base, base_of
from ticketadmin.services.choices import Choices, get_choices
from ticketadmin.services.comparison import FieldConflict, Merge, merge
from ticketadmin.services.connection import Reading, get_api, may_try_reading
from ticketadmin.services.edits import Edit, Set
from ticketadmin.services.fields import CUSTOM_PREFIX, Field, Value, catalogue, same_value
from ticketadmin.services.proof import finish, judge, prove, settle
from ticketadmin.services.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.ticketapi.errors import Effect, TicketApiError

# Outcomes after which the person's text is safe in the CRM, so that the draft may go.
SAVED = frozenset({Outcome.VERIFIED, Outcome.STORED_DIFFERENTLY, Outcome.NOT_READABLE, Outcome.ACCEPTED})
REPEAT_WAIT = timedelta(seconds=8)
NEWEST = 3  # changes of a ticket that are looked at; two numbers given at once may be written in either order
MOST_TURNS = 5  # times that a save compares afresh because others were faster


class SaveProblem(Exception):
    """A save that did not succeed. The person's text is still in the form."""


class NothingToSave(SaveProblem):
    """The ticket already is as wanted."""


class EditConflict(SaveProblem):
    """Fields that somebody else changed meanwhile. `theirs` is the ticket as it is now."""

    def __init__(self, merged: Merge, theirs: ReadTicket) -> None:
        super().__init__(", ".join(conflict.name for conflict in merged.conflicts))
        self.merged = merged
        self.theirs = theirs


class ReadingLost(SaveProblem):
    """The comparison with the CRM is no longer possible, for the fields in `lost`; if empty, for any."""

    def __init__(self, lost: Sequence[str] = ()) -> None:
        super().__init__(", ".join(lost))
        self.lost = tuple(lost)


class SaveInProgress(SaveProblem):
    """Another save of this ticket is on its way, or this one is, already: `change` is its record."""

    def __init__(self, change: Change | None = None) -> None:
        super().__init__(change.actor_name if change else "")
        self.change = change


class CheckFailed(SaveProblem):
    """The fresh read failed; `error` says how."""

    def __init__(self, error: TicketApiError) -> None:
        super().__init__(str(error))
        self.error = error


class SaveFailed(SaveProblem):
    """The CRM refused the write, or its effect is unknown; `change` is on record."""

    def __init__(self, change: Change, error: TicketApiError) -> None:
        super().__init__(str(error))
        self.change = change
        self.error = error


class _Overtaken(Exception):
    """Another save of the ticket came between the fresh read and the turn of this one."""


@dataclass(frozen=True)
class OpenedTicket:
    """A ticket ready to be edited. `read` is None in update-only mode."""

    code: str
    read: ReadTicket | None
    base: Base
    fields: Mapping[str, Field]
    choices: Choices


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
    return OpenedTicket(code, read, base_of(read, code), catalogue(read.values if read else ()), choices)


def save_ticket(
    code: str,
    *,
    actor: User,
    edit: Edit,
    base: Base,
    fields: Mapping[str, Field],
    choices: Choices,
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
        return _in_turn(code, lambda: _save(change, actor, edit, base, fields, choices))
    except SaveFailed:
        raise
    except SaveProblem as problem:  # what stands in the way may be the other post of this form
        earlier = _earlier(actor, submission)
        if earlier is None:
            raise
        conflicts = problem.merged.conflicts if isinstance(problem, EditConflict) else ()
    is_same = _wants_the_same(earlier, edit, change.wanted, fields)
    earlier = _result_of(earlier)
    if is_same and not _was_replaced(earlier, conflicts, base, fields):
        return Saved(earlier)
    return save_ticket(
        code,
        actor=actor,
        edit=_with_what_was_put_back(edit, base, earlier),
        base=base_after(base, earlier),
        fields=fields,
        choices=choices,
        submission=uuid5(submission, json.dumps(edit.as_json(), sort_keys=True)),
        origin=origin,
        undo_of=undo_of,
        bulk=bulk,
    )


def base_after(base: Base, change: Change) -> Base:
    """Return a form's base as it is since an earlier post of the same form was saved."""
    if change.outcome not in SAVED:
        return base
    read_back = change.read_back or {}
    stored = {name: read_back.get(name, value) for name, value in change.wanted.items()}
    return replace(base, values={**base.values, **stored})


def _in_turn(code: str, save: Callable[[], Saved]) -> Saved:
    """Save; where another save of the ticket was faster, read and compare afresh. Not for ever."""
    for _turn in range(MOST_TURNS):
        with suppress(_Overtaken):
            return save()
    raise SaveInProgress(Change.objects.for_ticket(code).first())


def _save(
    change: Change, actor: User, edit: Edit, base: Base, fields: Mapping[str, Field], choices: Choices
) -> Saved:
    change.wanted = {name: edit.value_of(fields[name]) for name in edit.wishes}
    if not edit:
        raise NothingToSave
    seen = _on_record(change.ticket_code)
    theirs = _fresh_read(change.ticket_code, choices, base)
    merged = Merge()
    if theirs:
        known = theirs.values_for([*edit.wishes, *base.values])
        if lost := [name for name in edit.wishes if name in base.values and name not in known]:
            raise ReadingLost(lost)
        mine = {name: edit.value_of(fields[name], known.get(name)) for name in edit.wishes}
        merged = merge(base.values, mine, known, fields)
        edit = edit.without(merged.already_there)
        change.wanted = {name: mine[name] for name in edit.wishes}
        if merged.conflicts:
            raise EditConflict(merged, theirs)
        if not edit:
            raise NothingToSave
    change, is_new = _record_intent(change, actor, edit, theirs, fields, seen)
    if not is_new:
        raise SaveInProgress(change)
    read_back = _send(change, fields, choices)
    return Saved(change, read_back, merged.kept_theirs, merged.already_there)


def _wants_the_same(
    earlier: Change, edit: Edit, left: Mapping[str, Value], fields: Mapping[str, Field]
) -> bool:
    """Tell whether an earlier post wanted what this edit wants, of which `left` is not in the CRM already."""
    return set(left) <= set(earlier.wanted) <= set(edit.wishes) and all(
        same_value(fields[name], edit.value_of(fields[name], value), value)
        for name, value in earlier.wanted.items()
    )


def _was_replaced(
    earlier: Change, conflicts: Iterable[FieldConflict], base: Base, fields: Mapping[str, Field]
) -> bool:
    """Tell whether the CRM holds something else by now than an earlier post of a form stored."""
    stored = base_after(base, earlier).values
    return earlier.origin == Origin.FORM and any(
        not same_value(fields[one.name], one.theirs, stored.get(one.name)) for one in conflicts
    )


def _with_what_was_put_back(edit: Edit, base: Base, earlier: Change) -> Edit:
    """Return the edit with boxes that hold their old value again, which the earlier post changed."""
    stored = earlier.wanted if earlier.outcome in SAVED else {}
    back = {name: Set(base.values[name]) for name in stored if name in base.values}
    return Edit({**back, **edit.wishes})


def _earlier(actor: User, submission: UUID) -> Change | None:
    return Change.objects.filter(actor=actor, submission=submission).first()


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


def _record_intent(
    change: Change,
    actor: User,
    edit: Edit,
    theirs: ReadTicket | None,
    fields: Mapping[str, Field],
    seen: list[tuple[int, str]],
) -> tuple[Change, bool]:
    """Write down what is about to be sent, or return the record of an earlier post of the same form.

    Raises _Overtaken, and leaves no record, where `theirs` may be older than another save of the ticket.
    """
    before = theirs.values_for(edit.wishes) if theirs else None
    wanted = {name: edit.value_of(fields[name], (before or {}).get(name)) for name in edit.wishes}
    change.pk = None
    change.actor_name = actor.display_name
    change.created_at = timezone.now()
    change.wanted, change.before = wanted, before
    change.payload = payload_of(wanted, before)
    change.request_id = request_id.get()
    try:
        with transaction.atomic():
            change.save(force_insert=True)
            if theirs and _on_record(change.ticket_code, but=change.pk) != seen:
                raise _Overtaken
            ChangedField.objects.bulk_create(ChangedField(change=change, name=name[:80]) for name in wanted)
    except IntegrityError as error:
        if earlier := _earlier(actor, change.submission):
            return earlier, False
        _wait_for_the_other(change.ticket_code)
        raise _Overtaken from error
    return change, True


def _on_record(code: str, *, but: int = 0) -> list[tuple[int, str]]:
    """Return how the newest changes of a ticket stand.

    Read before the ticket is read, and again while no other save of it can begin: if anything is
    different then, a save ended in between. No clock is asked: those of two machines differ.
    """
    changes = Change.objects.for_ticket(code).exclude(pk=but)
    return list(changes.values_list("pk", "outcome")[:NEWEST])


def _wait_for_the_other(code: str) -> None:
    """Wait until the save that is under way has ended; one that a crash cut off is settled by reading.

    Raises SaveInProgress where it takes too long.
    """
    other = Change.objects.filter(ticket_code=code, outcome=Outcome.PENDING).first()
    if other is not None:
        _result_of(settle(other))


def payload_of(wanted: Mapping[str, Value], before: Mapping[str, Value] | None) -> dict[str, Any]:
    """Return the PUT body for the wanted values, without the identifier.

    Whether the CRM merges or replaces `custom_fields` is unknown. So where the object could be read,
    it is sent whole, with the changed keys in it; unset keys are left out, as they were.
    """
    body = {name: value for name, value in wanted.items() if not name.startswith(CUSTOM_PREFIX)}
    custom = {name: value for name, value in wanted.items() if name.startswith(CUSTOM_PREFIX)}
    if custom:
        known = {
            name: value
            for name, value in (before or {}).items()
            if name.startswith(CUSTOM_PREFIX) and value is not None
        }
        body["custom_fields"] = {
            name.removeprefix(CUSTOM_PREFIX): value for name, value in (known | custom).items()
        }
    return body


def _send(change: Change, fields: Mapping[str, Field], choices: Choices) -> ReadTicket | None:
    started = time.monotonic()
    try:
        reply = get_api().update_ticket(change.ticket_code, change.payload, request_id=change.request_id)
    except TicketApiError as error:
        change.duration_ms = round((time.monotonic() - started) * 1000)
        return _after_failure(change, error, fields, choices)
    change.message = reply.message[:500]
    change.http_status = reply.http_status
    read_back = prove(change, fields, choices)
    change.duration_ms = round((time.monotonic() - started) * 1000)
    finish(change)
    return read_back


def _after_failure(
    change: Change, error: TicketApiError, fields: Mapping[str, Field], choices: Choices
) -> ReadTicket | None:
    change.message, change.reason, change.http_status = (
        error.api_message[:500],
        error.reason,
        error.http_status,
    )
    if error.effect is Effect.NONE:
        change.outcome = Outcome.REJECTED
        finish(change)
        raise SaveFailed(change, error) from error
    read_back = judge(change, fields, choices)
    finish(change)
    if change.outcome not in SAVED:
        raise SaveFailed(change, error) from error
    return read_back


def _result_of(change: Change) -> Change:
    """Return the record of a save under way once it is finished, or raise SaveInProgress."""
    give_up = time.monotonic() + min(REPEAT_WAIT.total_seconds(), 4 * settings.TICKET_API_TIMEOUT)
    while change.outcome == Outcome.PENDING:
        if time.monotonic() > give_up:
            raise SaveInProgress(change)
        time.sleep(0.1)
        change.refresh_from_db()
    return change
