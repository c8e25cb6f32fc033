"""What one save is to store, and what it would send after comparing that with the CRM as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ticketadmin.models import Change, Origin, Reading, User
from ticketadmin.services.crm.connection import may_try_reading
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, announce_read, read_ticket
from ticketadmin.services.saving.custom_fields import sends_changed_keys
from ticketadmin.services.saving.edit import Edit, payload_of
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    SaveProblem,
)
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.merge import Merge, merge
from ticketadmin.services.saving.sent_along import with_sent_along
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.errors import TicketApiError

PLACES = 2  # under the rate limit: the read's and the PUT's, so that the PUT need not wait for its own


@dataclass(frozen=True)
class TicketEdit:
    """An edit of one ticket: what to store, and the base that it was made against."""

    code: str
    edit: Edit
    base: Base
    schema: TicketSchema


@dataclass(frozen=True)
class SaveContext:
    """Who saves, and from where. `submission` is the idempotency key: one form as it was sent."""

    actor: User
    submission: UUID
    origin: Origin = Origin.FORM
    undo_of: Change | None = None
    bulk: UUID | None = None


@dataclass(frozen=True)
class Intent:
    """What is to be sent. `before` is what the CRM held right before, None where it could not be read.

    `read` is the read that showed it. The index learns of it with the read-back, in one statement.
    """

    wanted: Mapping[str, Value]
    before: Mapping[str, Value] | None
    payload: Mapping[str, Any]
    merged: Merge = field(default_factory=Merge)
    read: ReadTicket | None = None


@dataclass(frozen=True)
class Blocked:
    """Nothing can be sent, and why. `left` are the wanted values that the CRM does not hold already."""

    problem: SaveProblem
    left: Mapping[str, Value]


def compare(edited: TicketEdit) -> Intent | Blocked:
    """Read the ticket and compare it with the edit and its base, field by field. Nothing is sent."""
    edit, schema = edited.edit, edited.schema
    unread = {name: edit.value_of(schema.field(name)) for name in edit.wishes}
    if not edit:
        return Blocked(NothingToSave(), unread)
    theirs = _fresh_read(edited)
    if isinstance(theirs, SaveProblem):
        return Blocked(theirs, unread)
    if theirs is None:
        return Intent(unread, None, payload_of(unread, None))
    found = _compared(edited, theirs, unread)
    if isinstance(found, Blocked):
        announce_read(theirs)
    return found


def _compared(edited: TicketEdit, theirs: ReadTicket, unread: Mapping[str, Value]) -> Intent | Blocked:
    edit, base, schema = edited.edit, edited.base, edited.schema
    known = theirs.values_for([*edit.wishes, *base.values])
    if lost := [name for name in edit.wishes if name in base.values and name not in known]:
        return Blocked(ReadingLost(lost), unread)
    mine = {name: edit.value_of(schema.field(name), known.get(name)) for name in edit.wishes}
    merged = merge(base.values, mine, known, schema)
    left = {name: value for name, value in mine.items() if name not in merged.already_there}
    if merged.conflicts:
        return Blocked(EditConflict(merged, theirs), left)
    if not left:
        return Blocked(NothingToSave(), left)
    before = theirs.values_for(left)
    along = None if sends_changed_keys() else before  # custom fields that go along as they are
    return Intent(left, before, payload_of(with_sent_along(left, before, schema), along), merged, theirs)


def _fresh_read(edited: TicketEdit) -> ReadTicket | SaveProblem | None:
    """Return the ticket as it is now, None in update-only mode, or why it cannot be compared."""
    was_read = edited.base.was_read
    known = Reading.WORKS if was_read and may_try_reading() else None  # it did when the form was loaded
    try:
        return read_ticket(edited.code, edited.schema.choices, known=known, announce=False, places=PLACES)
    except CannotRead:
        return ReadingLost() if was_read else None
    except TicketApiError as error:
        return CheckFailed(error)
