"""What one save is to store, and what it would send after comparing that with the CRM as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ticketadmin.models import Change, Origin, Reading, User
from ticketadmin.services.crm.connection import may_try_reading
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, announce_read, read_ticket
from ticketadmin.services.rules.checking import Asked, Unmet, check_rules, names_to_read, rules_of
from ticketadmin.services.saving.custom_fields import sends_changed_keys
from ticketadmin.services.saving.edit import Edit, payload_of
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveProblem,
    WouldLoseFields,
)
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.merge import Merge, merge
from ticketadmin.services.saving.sent_along import fields_lost, with_sent_along
from ticketadmin.services.saving.signature import Signature, sign_field, signature_for
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
    """Who saves, from where and why. `submission` is the idempotency key: one form as it was sent.

    `change_reason` is the user's own, as `read_change_reason` returned it; `system_account` ran the command.
    `accepts_losing` are the fields that the user was told would be lost, and sends it all the same.
    """

    actor: User
    submission: UUID
    origin: Origin = Origin.FORM
    undo_of: Change | None = None
    bulk: UUID | None = None
    change_reason: str = ""
    system_account: str = ""
    accepts_losing: frozenset[str] = frozenset()

    @property
    def takes_back(self) -> bool:
        """Return whether this stores what a change of this tool replaced or damaged."""
        return self.undo_of is not None and self.origin in {Origin.UNDO, Origin.RESTORE}


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
    signature: Signature | None = None
    unsigned_payload: Mapping[str, Any] | None = None  # where there is a signature
    waived: tuple[Unmet, ...] = ()  # what rules required and was not met, and did not prevent it

    def unsigned(self) -> "Intent":
        """Return the same without the signature."""
        if self.unsigned_payload is None:
            return self
        return replace(self, payload=self.unsigned_payload, signature=None, unsigned_payload=None)


@dataclass(frozen=True)
class Blocked:
    """Nothing can be sent, and why. `left` are the wanted values that the CRM does not hold already."""

    problem: SaveProblem
    left: Mapping[str, Value]


def compare(edited: TicketEdit, context: SaveContext) -> Intent | Blocked:
    """Read the ticket, compare it with the edit and its base, and check the rules. Nothing is sent."""
    if signed := sign_field():
        edited = replace(edited, edit=edited.edit.without([signed]), base=edited.base.without([signed]))
    edit, schema = edited.edit, edited.schema
    unread = {name: edit.value_of(schema.field(name)) for name in edit.wishes}
    if not edit:
        return Blocked(NothingToSave(), unread)
    theirs = _fresh_read(edited)
    if isinstance(theirs, SaveProblem):
        return Blocked(theirs, unread)
    if theirs is None:
        intent = Intent(unread, None, payload_of(unread, None))
        return _allowed(intent, edited, context)
    found = _compared(edited, theirs, unread, context.actor)
    if isinstance(found, Intent):
        found = _allowed(found, edited, context)
    if isinstance(found, Blocked):
        announce_read(theirs)
    return found


def _compared(
    edited: TicketEdit, theirs: ReadTicket, unread: Mapping[str, Value], actor: User
) -> Intent | Blocked:
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
    signature = signature_for(actor, theirs)
    before = theirs.values_for([*left, *([signature.field] if signature else [])])
    intent = Intent(left, before, _payload(left, before, schema), merged, theirs)
    if signature:
        signed = _payload({**left, signature.field: signature.name}, before, schema)
        intent = replace(intent, payload=signed, signature=signature, unsigned_payload=intent.payload)
    return intent


def _payload(
    wanted: Mapping[str, Value], before: Mapping[str, Value], schema: TicketSchema
) -> dict[str, Any]:
    along = None if sends_changed_keys() else before  # custom fields that go along as they are
    return payload_of(with_sent_along(wanted, before, schema), along)


def _allowed(intent: Intent, edited: TicketEdit, context: SaveContext) -> Intent | Blocked:
    """Return the intent, unless rules forbid it or it would lose fields that the user was not told of."""
    lost = fields_lost(intent.wanted, intent.read.values if intent.read else (), edited.schema)
    found = _within_rules(intent, edited, context)
    if isinstance(found, Intent) and not context.accepts_losing.issuperset(lost):
        return Blocked(WouldLoseFields(lost), intent.wanted)
    return found


def _within_rules(intent: Intent, edited: TicketEdit, context: SaveContext) -> Intent | Blocked:
    """Return the intent with what rules waived, or what they do not allow."""
    rules = rules_of(edited.schema)
    known = intent.read.values_for(names_to_read(rules)) if intent.read else {}
    asked = Asked(intent.wanted, known, context.actor, context.change_reason, context.takes_back)
    found = check_rules(rules, asked, edited.schema)
    if found.broken:
        return Blocked(RuleBroken(found.broken), intent.wanted)
    return replace(intent, waived=found.waived)


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
