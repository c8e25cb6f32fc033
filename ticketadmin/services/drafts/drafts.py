"""Drafts: what a user typed into a ticket's form and has not saved, kept apart from ticket and history.

Only touched fields are kept, each with the value it started from, so that a ticket which changed
meanwhile is compared and not overwritten. Two tabs of one user add to one draft, field by field; a
tab drops only what it typed or was shown. Drafts are private: every function works on the user's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import BigIntegerField, CharField, QuerySet
from django.utils import timezone

from ticketadmin.models import Change, Draft, Prepared, Slot, User
from ticketadmin.services.people.access import require
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.edit import InvalidEdit, read_edit
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.merge import FieldConflict
from ticketadmin.services.saving.posted_again import base_after
from ticketadmin.services.saving.save import OpenedTicket
from ticketadmin.services.values.fields import CUSTOM_PREFIX, Value
from ticketadmin.services.values.inputs import Inputs, is_untouched
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import normal_text

CLEAR_INPUT = "clear"  # the form's list of fields to clear
NEW_KEY, NEW_VALUE = "new_custom_key", "new_custom_value"  # a custom field that is added by its key
EXTRAS = frozenset({CLEAR_INPUT, NEW_KEY, NEW_VALUE, CHANGE_REASON})
MAX_DRAFTS = 500  # of one user


@dataclass(frozen=True)
class Restored:
    """A draft put into a ticket as it is now: texts for the boxes, and the base to compare them with."""

    inputs: Mapping[str, Inputs]
    base: Base
    typed_at: datetime


@dataclass(frozen=True)
class Tab:
    """The browser tab of a form. `restored` names the boxes that held a draft when it was opened."""

    name: str = ""
    restored: Collection[str] = ()

    def may_drop(self, draft: Draft, name: str) -> bool:
        """Return whether this tab typed a text of the draft, or was shown it."""
        return draft.tabs.get(name, self.name) == self.name or name in self.restored


@dataclass(frozen=True)
class DraftElsewhere:
    """A draft of a ticket that a form of the same ticket does not show."""

    typed_at: datetime
    replaced: Sequence[str]  # the fields of which a save of that form drops what the draft holds


class TooManyDrafts(Exception):
    """The user has MAX_DRAFTS drafts of other tickets, none of them discarded; this one is not kept."""


def keep_draft(
    user: User,
    base: Base,
    inputs: Mapping[str, Inputs],
    schema: TicketSchema,
    *,
    tab: Tab,
    submission: UUID | None,
) -> Draft | None:
    """Keep what differs from the base, and return the draft, or None if nothing differs any more.

    Text that an earlier post of the form saved is not stored again: its last autosave may arrive late. Raises
    Forbidden and TooManyDrafts.
    """
    require(user, "edit_tickets")
    saved = Change.objects.saved().filter(actor=user, submission=submission).first() if submission else None
    if saved:
        base, inputs = base_after(base, saved), _without_saved_extras(inputs, saved)
    touched = _touched(base, inputs, schema)
    with transaction.atomic():
        draft = _locked(user, base.code, is_needed=any(is_touched for _texts, is_touched in touched.values()))
        if draft is None:
            return None
        if draft.discarded_at:
            draft.inputs, draft.originals, draft.tabs, draft.discarded_at = {}, {}, {}, None
        _merge_tab(draft, touched, base, tab)
        draft.title = str(base.values.get("ticket_title") or draft.title)[:255]
        draft.updated_at = timezone.now()
        return _stored(draft)


def drop_saved(change: Change, inputs: Mapping[str, Inputs], *, tab: Tab) -> None:
    """Drop from the draft what a form saved: the texts that it posted, and what its tab held before that.

    Text from other tabs stays, and text typed in this one while the save was under way.
    """
    with transaction.atomic():
        draft = _LOCKED_DRAFT.first(actor=change.actor_id, ticket=change.ticket_code)
        if draft is None:
            return
        is_older = draft.updated_at <= change.created_at
        for name, texts in list(draft.inputs.items()):
            is_sent = name in inputs and _same_texts(texts, inputs[name])
            if is_sent or draft.discarded_at or (is_older and tab.may_drop(draft, name)):
                _drop(draft, name)
        _stored(draft)


def drop_given_up(user: User, code: str, names: Collection[str]) -> None:
    """Drop from the draft the fields of a conflict that the CRM's value settled: it would come back."""
    with transaction.atomic():
        draft = _LOCKED_DRAFT.first(actor=user.pk, ticket=code)
        if draft is None:
            return
        for name in names:
            _drop(draft, name)
        if cleared := draft.inputs.get(CLEAR_INPUT):
            draft.inputs[CLEAR_INPUT] = [name for name in cleared if name not in names]
            if not draft.inputs[CLEAR_INPUT]:
                _drop(draft, CLEAR_INPUT)
        _stored(draft)


def discard_draft(user: User, code: str) -> None:
    """Discard the draft; `bring_back_draft` can restore it until something new is typed."""
    Draft.objects.filter(actor=user, ticket_code=code).update(discarded_at=timezone.now())


def bring_back_draft(user: User, code: str) -> None:
    """Undo `discard_draft`."""
    Draft.objects.filter(actor=user, ticket_code=code).update(discarded_at=None)


def restore_draft(user: User, opened: OpenedTicket, *, beside: Collection[str] = ()) -> Restored | None:
    """Put the user's draft into the ticket as it was just read, without the fields in `beside`.

    None if there is no draft, if it was discarded, or if the CRM holds all of it by now; then it is deleted.
    """
    draft = _OWN_DRAFT.first(actor=user.pk, ticket=opened.code)
    if draft is None:
        return None
    restored = _restored(draft, opened, beside)
    if restored.inputs or beside:
        return restored
    Draft.objects.filter(pk=draft.pk, updated_at=draft.updated_at).delete()
    return None


def draft_elsewhere(user: User, code: str, names: Collection[str]) -> DraftElsewhere | None:
    """Return the user's draft of a ticket as a form sees it that shows `names`, and nothing of the draft."""
    draft = _OWN_DRAFT.first(actor=user.pk, ticket=code)
    if draft is None:
        return None
    return DraftElsewhere(draft.updated_at, [name for name in draft.inputs if name in names])


def _draft_of() -> QuerySet[Draft]:
    drafts = Draft.objects.filter(actor_id=Slot("actor", BigIntegerField()))
    return drafts.filter(ticket_code=Slot("ticket", CharField())).order_by()


_OWN_DRAFT = Prepared(lambda: _draft_of().filter(discarded_at=None))
_LOCKED_DRAFT = Prepared(lambda: _draft_of().select_for_update())


def _restored(draft: Draft, opened: OpenedTicket, beside: Collection[str]) -> Restored:
    """Compare a draft with the ticket field by field.

    A field that the CRM changed since it was typed becomes a conflict; where the typed text is not
    even valid, its old base stays, so that the save compares it once it is corrected.
    """
    inputs: dict[str, Inputs] = {name: texts for name, texts in draft.inputs.items() if name not in beside}
    if CLEAR_INPUT in inputs:
        inputs[CLEAR_INPUT] = [name for name in inputs[CLEAR_INPUT] if name not in beside]
    if opened.read is None:
        return Restored(inputs, opened.base, draft.updated_at)
    theirs = opened.read.values_for(inputs)
    values, conflicts = dict(opened.base.values), []
    for name, original in draft.originals.items():
        schema = opened.schema
        if name not in schema or name not in inputs or name not in theirs:
            continue
        if schema.same(name, original, theirs[name]):
            continue
        known, mine = _value_typed(schema, name, inputs, original)
        if not known:
            values[name] = original
        elif schema.identical(name, mine, theirs[name]):
            del inputs[name]
        else:
            conflicts.append(FieldConflict(name, original=original, theirs=theirs[name], mine=mine))
    base = replace(opened.base, values=values, conflicts=tuple(conflicts))
    return Restored(inputs, base, draft.updated_at)


def _without_saved_extras(inputs: Mapping[str, Inputs], saved: Change) -> dict[str, Inputs]:
    """Return the inputs without what was cleared, the further custom field that was set, and the reason."""
    left = dict(inputs)
    left[CLEAR_INPUT] = [name for name in left.get(CLEAR_INPUT, []) if name not in saved.wanted]
    if CUSTOM_PREFIX + "".join(left.get(NEW_KEY, [])).strip() in saved.wanted:
        left[NEW_KEY] = left[NEW_VALUE] = []
    if _same_texts(left.get(CHANGE_REASON, []), [saved.change_reason]):
        left[CHANGE_REASON] = []
    return left


def _locked(user: User, code: str, *, is_needed: bool) -> Draft | None:
    """Return the draft's row, created if needed: by one of two tabs that save at the same time."""
    drafts = Draft.objects.select_for_update()
    if not is_needed:
        return drafts.filter(actor=user, ticket_code=code).first()
    if not drafts.filter(actor=user, ticket_code=code).exists():
        _make_room(user)
    made = {"updated_at": timezone.now()}
    return drafts.get_or_create(actor=user, ticket_code=code, defaults=made)[0]


def _make_room(user: User) -> None:
    """Forget the oldest discarded drafts if there are too many. Raises TooManyDrafts."""
    kept = Draft.objects.filter(actor=user)
    surplus = kept.count() - MAX_DRAFTS + 1
    if surplus <= 0:
        return
    oldest = kept.exclude(discarded_at=None).order_by("discarded_at").values_list("pk", flat=True)[:surplus]
    forgotten, _by_model = kept.filter(pk__in=list(oldest)).delete()
    if forgotten < surplus:
        raise TooManyDrafts


def _stored(draft: Draft) -> Draft | None:
    if not draft.inputs:
        draft.delete()
        return None
    draft.save()
    return draft


def _touched(
    base: Base, inputs: Mapping[str, Inputs], schema: TicketSchema
) -> dict[str, tuple[Inputs, bool]]:
    """Return the posted texts by name, each with whether the user touched it."""
    found: dict[str, tuple[Inputs, bool]] = {}
    in_conflict = {conflict.name for conflict in base.conflicts}
    for name, texts in inputs.items():
        if name in EXTRAS or (name in schema and name not in base.values):
            found[name] = (texts, any(text.strip() for text in texts))
        elif name in schema:
            is_same = is_untouched(schema.field(name), texts, base.values[name])
            found[name] = (texts, name in in_conflict or not is_same)
    return found


def _merge_tab(draft: Draft, touched: Mapping[str, tuple[Inputs, bool]], base: Base, tab: Tab) -> None:
    originals = {conflict.name: conflict.original for conflict in base.conflicts}
    for name, (texts, is_touched) in touched.items():
        if is_touched:
            if name not in draft.inputs and name in base.values:
                draft.originals[name] = originals.get(name, base.values[name])
            draft.inputs[name], draft.tabs[name] = texts, tab.name
        elif tab.may_drop(draft, name):
            _drop(draft, name)


def _drop(draft: Draft, name: str) -> None:
    for kept in (draft.inputs, draft.originals, draft.tabs):
        kept.pop(name, None)


def _same_texts(one: Inputs, other: Inputs) -> bool:
    return [normal_text(text) for text in one if text.strip()] == [
        normal_text(text) for text in other if text.strip()
    ]


def _value_typed(
    schema: TicketSchema, name: str, inputs: Mapping[str, Inputs], original: Value
) -> tuple[bool, Value]:
    try:
        edit = read_edit(
            {name: inputs[name]},
            cleared=[cleared for cleared in inputs.get(CLEAR_INPUT, []) if cleared == name],
            base={name: original},
            schema=schema,
        )
    except InvalidEdit:
        return False, None
    return True, edit.value_of(schema.field(name), original) if edit else original
