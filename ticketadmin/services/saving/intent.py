"""What one save is to store, and what it would send after comparing that with the CRM as it is now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ticketadmin.models import Change, Origin, TicketRule, User
from ticketadmin.services.crm.reading import announce_read
from ticketadmin.services.rules.checking import ProposedChange, check_rules, names_to_read, rules_of
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.errors import (
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveProblem,
    WouldLoseFields,
)
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.held import Held, read_held
from ticketadmin.services.saving.merge import merge
from ticketadmin.services.saving.payload import Intent, outgoing
from ticketadmin.services.saving.seen_fields import with_seen
from ticketadmin.services.saving.signature import sign_field, signature_for
from ticketadmin.services.values.schema import TicketSchema

OnRecord = list[tuple[int, str]]  # the newest changes of a ticket with their outcomes


@dataclass(frozen=True)
class TicketEdit:
    """An edit of one ticket: what to store, and the base that it was made against.

    `on_record` is what `lock.on_records` returned for the ticket; with None the save looks it up itself.
    """

    code: str
    edit: Edit
    base: Base
    schema: TicketSchema
    on_record: OnRecord | None = None


@dataclass(frozen=True)
class SaveContext:
    """Who saves, from where and why. `submission` is the idempotency key: one form as it was sent.

    `change_reason` is the user's own, as `read_change_reason` returned it; `system_account` ran the command.
    `accepts_losing` are fields that would be lost, as the user was told before sending nevertheless.
    """

    user: User
    submission: UUID
    origin: Origin = Origin.FORM
    undo_of: Change | None = None
    bulk: UUID | None = None
    change_reason: str = ""
    system_account: str = ""
    accepts_losing: frozenset[str] = frozenset()

    @property
    def takes_back(self) -> bool:
        """Return whether this restores what an earlier change made by this tool replaced or damaged."""
        return self.undo_of is not None and self.origin in {Origin.UNDO, Origin.RESTORE}


@dataclass(frozen=True)
class Blocked:
    """Why nothing can be sent. `left` names the wanted fields that the CRM does not hold yet."""

    problem: SaveProblem
    left: Collection[str] = ()


def compare(edited: TicketEdit, context: SaveContext) -> Intent | Blocked:
    """Read the ticket, merge it with the edit and its base, and check the rules. Nothing is sent."""
    if signed := sign_field():
        edited = replace(edited, edit=edited.edit.without([signed]), base=edited.base.without([signed]))
    if not edited.edit:
        return Blocked(NothingToSave())
    rules = rules_of(edited.schema)
    looked_at = [*edited.edit.wishes, *edited.base.values, signed, *names_to_read(rules)]
    held = read_held(edited.base, looked_at, edited.schema.choices)
    if isinstance(held, SaveProblem):
        return Blocked(held, edited.edit.wishes)
    found = _compared(edited, held, rules, context)
    if held.read and isinstance(found, Blocked):
        announce_read(held.read)
    return found


def _compared(
    edited: TicketEdit, held: Held, rules: Sequence[TicketRule], context: SaveContext
) -> Intent | Blocked:
    """Return what would be sent to a ticket that holds this, or what prevents it."""
    base, schema, known = edited.base.values, edited.schema, held.values
    mine = edited.edit.values(schema, known)
    merged = merge(base, mine, known, schema)
    proposed = ProposedChange(merged.left, known, context.user, context.change_reason, context.takes_back)
    found = check_rules(rules, proposed, schema)
    seen = with_seen(schema, edited.code, base)
    out = outgoing(merged.left, held, signature_for(context.user, held.read), seen)
    if held.read and (unseen := [name for name in mine if name in base and name not in known]):
        return Blocked(ReadingLost(unseen), mine)
    if held.read and merged.conflicts:
        return Blocked(EditConflict(merged, held.read), merged.left)
    if not merged.left:
        return Blocked(NothingToSave())
    if found.broken:
        return Blocked(RuleBroken(found.broken), merged.left)
    if not context.accepts_losing.issuperset(out.lost):
        return Blocked(WouldLoseFields(out.lost), merged.left)
    return replace(out, merged=merged, read=held.read, waived=found.waived)
