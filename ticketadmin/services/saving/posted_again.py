"""The same form, posted again: what its earlier post did, and what is still to be saved on top of that.

A form is named by its `submission`, so that a second press of the button sends nothing twice. Where the user
went back to the page of a save and posted something else, that is a save of its own.
"""

import json
from dataclasses import dataclass, replace
from uuid import uuid5

from ticketadmin.models import Change, Origin, Outcome
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.saving.errors import EditConflict, SaveInProgress
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import Blocked, SaveContext, TicketEdit
from ticketadmin.services.saving.lock import earlier_post, wait_for


@dataclass(frozen=True)
class PostedOnTop:
    """What is to be saved after an earlier post of the same form, as a save of its own."""

    edited: TicketEdit
    context: SaveContext
    earlier: Change


def after_earlier_post(
    edited: TicketEdit, context: SaveContext, blocked: Blocked
) -> Change | PostedOnTop | Blocked:
    """Return what to do about a save that is blocked, perhaps by an earlier post of its form.

    If the earlier post wanted the same, that is its record; if it wanted something else, what to save on top
    of it; if there was none, or it has not ended, what blocks the save.
    """
    earlier = earlier_post(context)
    if earlier is None:
        return blocked
    is_same = _wants_the_same(earlier, edited, blocked)
    ended = wait_for(earlier)
    if ended is None or ended.outcome == Outcome.PENDING:
        return Blocked(SaveInProgress(earlier))
    if is_same and not _was_replaced(earlier, edited, blocked):
        return earlier
    edited = _after(earlier, edited)
    key = json.dumps(edited.edit.as_json(), sort_keys=True)
    return PostedOnTop(edited, replace(context, submission=uuid5(context.submission, key)), earlier)


def base_after(base: Base, change: Change) -> Base:
    """Return a form's base with the values that an earlier post of the same form stored."""
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
    """Return whether the CRM no longer holds what an earlier post of a form stored."""
    problem = blocked.problem
    conflicts = problem.merged.conflicts if isinstance(problem, EditConflict) else ()
    stored = base_after(edited.base, earlier).values
    return earlier.origin == Origin.FORM and any(
        not edited.schema.same(one.name, one.theirs, stored.get(one.name)) for one in conflicts
    )


def _after(earlier: Change, edited: TicketEdit) -> TicketEdit:
    """Return the edit relative to what an earlier post of its form stored.

    A field that the earlier post changed, and whose box holds the old value again, is set back to that value.
    """
    base = edited.base
    stored = earlier.wanted if earlier.is_saved else {}
    back = {name: Set(base.values[name]) for name in stored if name in base.values}
    return replace(edited, edit=Edit({**back, **edited.edit.wishes}), base=base_after(base, earlier))
