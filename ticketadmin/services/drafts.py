"""Drafts: what a person typed into a ticket's form and has not saved, kept apart from ticket and history.

Only touched fields are kept, each with the value it started from, so that a ticket which changed
meanwhile is compared and not overwritten. Two tabs of one person add to one draft, field by field.
Drafts are private: every function works on the actor's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ticketadmin.models import Change, Draft, User
from ticketadmin.services.access import require
from ticketadmin.services.bases import Base
from ticketadmin.services.choices import Choices
from ticketadmin.services.comparison import FieldConflict
from ticketadmin.services.edits import InvalidEdit, read_edit
from ticketadmin.services.fields import Field, Value, same_value
from ticketadmin.services.inputs import Inputs, is_untouched
from ticketadmin.services.tickets import SAVED, OpenedTicket

CLEAR = "clear"  # the form's list of fields to clear
EXTRAS = frozenset({CLEAR, "new_custom_key", "new_custom_value"})
MAX_FIELDS = 150


@dataclass(frozen=True)
class Restored:
    """A draft put into a ticket as it is now: texts for the boxes, and the base to compare them with."""

    inputs: Mapping[str, Inputs]
    base: Base
    typed_at: datetime


def keep_draft(
    actor: User,
    base: Base,
    inputs: Mapping[str, Inputs],
    fields: Mapping[str, Field],
    *,
    tab: str = "",
    submission: UUID | None = None,
) -> Draft | None:
    """Keep what differs from the base, and return the draft, or None where nothing differs any more.

    A form that was saved already is not kept again: its last autosave may arrive late. Raises Forbidden.
    """
    require(actor, "edit_tickets")
    if submission and Change.objects.filter(actor=actor, submission=submission, outcome__in=SAVED).exists():
        return None
    touched = _touched(base, inputs, fields)
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(actor=actor, ticket_code=base.code).first()
        if draft is None or draft.discarded_at:
            draft = Draft(pk=draft.pk if draft else None, actor=actor, ticket_code=base.code)
        _merge_tab(draft, touched, base, tab)
        if not draft.inputs:
            if draft.pk:
                draft.delete()
            return None
        draft.title = str(base.values.get("ticket_title") or draft.title)[:255]
        draft.updated_at = timezone.now()
        draft.save()
    return draft


def find_draft(actor: User, code: str) -> Draft | None:
    """Return the actor's draft for a ticket, None without one or after it was discarded."""
    return Draft.objects.of(actor.pk).filter(ticket_code=code).first()


def discard_draft(actor: User, code: str) -> None:
    """Put the draft aside; until something new is typed it can be brought back."""
    Draft.objects.filter(actor=actor, ticket_code=code).update(discarded_at=timezone.now())


def bring_back_draft(actor: User, code: str) -> None:
    """Undo `discard_draft`."""
    Draft.objects.filter(actor=actor, ticket_code=code).update(discarded_at=None)


def restore_draft(draft: Draft, opened: OpenedTicket) -> Restored:
    """Put a draft into the ticket as it was just read.

    A field that the CRM changed since it was typed becomes a conflict; where the typed text is not
    even valid, its old base stays, so that the save compares it once it is corrected.
    """
    inputs: dict[str, Inputs] = dict(draft.inputs)
    if opened.read is None:
        return Restored(inputs, opened.base, draft.updated_at)
    theirs = opened.read.values_for(inputs)
    values, conflicts = dict(opened.base.values), []
    for name, original in draft.originals.items():
        field = opened.fields.get(name)
        if field is None or name not in theirs or same_value(field, original, theirs[name]):
            continue
        known, mine = _value_typed(field, inputs, original, opened.choices)
        if not known:
            values[name] = original
        elif same_value(field, mine, theirs[name]):
            del inputs[name]
        else:
            conflicts.append(FieldConflict(name, original, theirs[name], mine))
    base = Base(opened.code, values, opened.base.loaded_at, tuple(conflicts))
    return Restored(inputs, base, draft.updated_at)


def _touched(
    base: Base, inputs: Mapping[str, Inputs], fields: Mapping[str, Field]
) -> dict[str, tuple[Inputs, bool]]:
    """Return the posted texts by name, each with whether the person touched it."""
    found: dict[str, tuple[Inputs, bool]] = {}
    in_conflict = {conflict.name for conflict in base.conflicts}
    for name, texts in list(inputs.items())[:MAX_FIELDS]:
        if name in EXTRAS or (name in fields and name not in base.values):
            found[name] = (texts, any(text.strip() for text in texts))
        elif name in fields:
            is_same = is_untouched(fields[name], texts, base.values[name])
            found[name] = (texts, name in in_conflict or not is_same)
    return found


def _merge_tab(draft: Draft, touched: Mapping[str, tuple[Inputs, bool]], base: Base, tab: str) -> None:
    originals = {conflict.name: conflict.original for conflict in base.conflicts}
    for name, (texts, is_touched) in touched.items():
        if is_touched:
            if name not in draft.inputs and name in base.values:
                draft.originals[name] = originals.get(name, base.values[name])
            draft.inputs[name], draft.tabs[name] = texts, tab
        elif draft.tabs.get(name, tab) == tab:  # what another tab typed is not this tab's to drop
            for kept in (draft.inputs, draft.originals, draft.tabs):
                kept.pop(name, None)


def _value_typed(
    field: Field, inputs: Mapping[str, Inputs], original: Value, choices: Choices
) -> tuple[bool, Value]:
    try:
        edit = read_edit(
            {field.name: inputs[field.name]},
            cleared=[name for name in inputs.get(CLEAR, []) if name == field.name],
            base={field.name: original},
            fields={field.name: field},
            choices=choices,
        )
    except InvalidEdit:
        return False, None
    return True, edit.value_of(field, original) if edit else original
