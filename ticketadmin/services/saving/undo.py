"""Taking a change back, and restoring what a save damaged besides.

Both are ordinary saves of earlier values, with the same comparison, proof and record. What was
changed since is a conflict, never overwritten.
"""

from collections.abc import Mapping
from dataclasses import replace

from ticketadmin.models import Change, Origin, Outcome
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.people.access import require_undo
from ticketadmin.services.saving.edit import edit_of_values
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import SaveContext, TicketEdit
from ticketadmin.services.saving.proving import Saved
from ticketadmin.services.saving.readback import applied_fields
from ticketadmin.services.saving.save import save_ticket
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import load_schema


class CannotUndo(Exception):
    """The values before the change are not known, so there is nothing to go back to."""


def replaced_values(change: Change) -> dict[str, Value]:
    """Return the earlier values of the fields that took effect; none if they are not all known.

    A field that was not applied, or that by now holds another user's value, has nothing to take back.
    One that cannot be read may have taken effect, and what it held before is not known.
    """
    before, applied = change.before or {}, applied_fields(change)
    if Outcome.NOT_READABLE in change.results.values() or not set(applied) <= set(before):
        return {}
    return {name: before[name] for name in applied}


def can_undo(change: Change) -> bool:
    """Return whether the change took effect, in part at least, and every value that it replaced is known."""
    return bool(replaced_values(change))


def undo_change(change: Change, context: SaveContext) -> Saved:
    """Store the values that the change replaced, of the fields that took effect.

    `context` says who acts and why; its origin is set here. Raises Forbidden, CannotUndo, or a SaveProblem:
    EditConflict if a field was changed since.
    """
    require_undo(context.user, change)
    earlier = replaced_values(change)
    if not earlier:
        raise CannotUndo
    return _store(change, earlier, change.read_back or {}, replace(context, origin=Origin.UNDO))


def restore_collateral(change: Change, context: SaveContext) -> Saved:
    """Store again the earlier values of fields that this save changed without sending them.

    Takes and raises the same as `undo_change`.
    """
    require_undo(context.user, change)
    if not change.collateral:
        raise CannotUndo
    earlier = {name: pair[0] for name, pair in change.collateral.items()}
    since = {name: pair[1] for name, pair in change.collateral.items()}
    return _store(change, earlier, since, replace(context, origin=Origin.RESTORE))


def _store(
    change: Change, earlier: Mapping[str, Value], since: Mapping[str, Value], context: SaveContext
) -> Saved:
    base = Base(change.ticket_code, values=since, loaded_at=change.finished_at)
    edited = TicketEdit(change.ticket_code, edit_of_values(earlier), base, load_schema(get_choices()))
    return save_ticket(edited, replace(context, undo_of=change))
