"""Changes, edits and failures as templates show them: labels, readable values, tones and sentences."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from ticketadmin.models import Change, Outcome, User
from ticketadmin.presenters.dates import readable_date
from ticketadmin.presenters.outcomes import Notice, Text, describe_outcome, meaning_of
from ticketadmin.presenters.page import page
from ticketadmin.presenters.paging import FilteredPage, TabLink
from ticketadmin.presenters.rules import describe_all
from ticketadmin.presenters.sent_along import signature_after
from ticketadmin.sanitizing import visible_text
from ticketadmin.services.people.access import may_undo
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.readback import applied_fields, shown_outcome
from ticketadmin.services.saving.sent_along import names_sent_along
from ticketadmin.services.saving.undo import can_undo
from ticketadmin.services.values.codecs import canonical
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.inputs import to_inputs
from ticketadmin.services.values.schema import TicketSchema, load_schema


@dataclass(frozen=True)
class ValueRow:
    """One field of a change. None: the value is not known."""

    name: str
    label: Text
    before: str | None
    after: str | None
    read_back: str | None = None
    outcome: Outcome | None = None

    @property
    def was_empty(self) -> bool:
        """Return whether the field is known to have been empty."""
        return self.before is not None and not self.before

    @property
    def is_cleared(self) -> bool:
        """Return whether the change empties, or was to empty, the field."""
        return self.after is not None and not self.after

    @property
    def shows_held(self) -> bool:
        """Return whether the CRM was seen to hold something else than was sent."""
        return self.read_back is not None and self.outcome not in {None, Outcome.VERIFIED}

    @property
    def outcome_meaning(self) -> Text:
        """What the outcome means."""
        return meaning_of(self.outcome or "")


@dataclass(frozen=True)
class PresentedChange:
    """One change as history and result banners show it."""

    change: Change
    rows: tuple[ValueRow, ...]
    collateral: tuple[ValueRow, ...]
    notice: Notice
    can_undo: bool
    can_restore: bool
    can_send_again: bool = False
    why_not_undo: Text = ""
    sent_along: tuple[Text, ...] = ()
    signature: Text = ""
    waived: tuple[Text, ...] = ()  # requirements of rules that were not met

    @property
    def outcome(self) -> Outcome:
        """What is known of the change now."""
        return shown_outcome(self.change)

    @property
    def sent(self) -> str:
        """The body as it was sent, without the ticket code."""
        return json.dumps(self.change.payload, ensure_ascii=False, indent=2)

    @property
    def when(self) -> str:
        """The time of a change of today, else its day and time."""
        at = timezone.localtime(self.change.created_at)
        if at.date() == timezone.localdate():
            return time_format(at)
        return date_format(at, "DATETIME_FORMAT")

    @property
    def submission(self) -> str:
        """A new idempotency key for one press of a button of this change."""
        return str(uuid.uuid4())


def readable(field: Field, value: Value) -> str:
    """Return a value as users read it; "" for empty."""
    if canonical(field, value) == "":
        return ""
    texts = to_inputs(field, value)
    if field.kind is Kind.HTML:
        return visible_text(texts[0])
    if field.kind in {Kind.DATE, Kind.EPOCH_DATE}:
        return readable_date(texts[0])
    return ", ".join(option_labels(field, texts))


def option_labels(field: Field, texts: Iterable[str]) -> list[str]:
    """Return options by their labels; other values unchanged."""
    labels = {"1": _("Yes"), "0": _("No")} if field.kind is Kind.YES_NO else dict(field.choices)
    return [labels.get(text, text) for text in texts]


def present_edit(
    edit: Edit, before: Mapping[str, Value], schema: TicketSchema, change: Change | None = None
) -> tuple[ValueRow, ...]:
    """Return what would be sent, by field; given the change that sent it, also what the CRM held then."""
    return value_rows(schema, before, edit.values(schema, before), change)


def present_values(pairs: Mapping[str, tuple[Value, Value]], schema: TicketSchema) -> tuple[ValueRow, ...]:
    """Return values that went from one to another: name → (before, after)."""
    before, after = ({name: values[at] for name, values in pairs.items()} for at in (0, 1))
    return value_rows(schema, before, after)


def value_rows(
    schema: TicketSchema,
    before: Mapping[str, Value] | None,
    after: Mapping[str, Value],
    change: Change | None = None,
) -> tuple[ValueRow, ...]:
    """Return a row for each value in `after`; a value that `before` does not have is not known."""
    read_back, results = (change.read_back, change.results) if change else (None, {})

    def shown(field: Field, values: Mapping[str, Value] | None) -> str | None:
        return readable(field, values[field.name]) if values and field.name in values else None

    return tuple(
        ValueRow(
            field.name,
            field.label,
            before=shown(field, before),
            after=shown(field, after),
            read_back=shown(field, read_back),
            outcome=Outcome(results[field.name]) if field.name in results else None,
        )
        for field in map(schema.field, after)
    )


def present_changes(
    changes: list[Change], user: User, schema: TicketSchema | None = None
) -> list[PresentedChange]:
    """Return changes as history shows them; one query for the labels of all if no `schema` is given."""
    if not changes:
        return []
    schema = schema or load_schema()
    return [present_change(change, user, schema) for change in changes]


def present_change(change: Change, user: User, schema: TicketSchema) -> PresentedChange:
    """Return one change with readable values and the sentence on its outcome."""
    allowed = may_undo(user, change)
    return PresentedChange(
        change=change,
        rows=value_rows(schema, change.before, change.wanted, change),
        collateral=present_values(change.collateral, schema),
        notice=describe_outcome(change),
        can_undo=allowed and can_undo(change),
        can_restore=allowed and bool(change.collateral),
        can_send_again=Outcome(change.outcome).is_failed and change.actor_id == user.pk,
        why_not_undo=_why_not_undo(change) if allowed else "",
        sent_along=tuple(schema.field(name).label for name in names_sent_along(change)),
        signature=signature_after(change, schema),
        waived=tuple(describe_all(change.waived_rules, schema)),
    )


def _why_not_undo(change: Change) -> Text:
    is_known = set(change.wanted) <= set(change.before or {})
    took_effect = change.is_saved or bool(applied_fields(change))
    if took_effect and not is_known and not can_undo(change):
        return _("This cannot be undone: the values before it are not known.")
    return ""


@page("history/history.html")
class HistoryPage(FilteredPage):
    """The history; `omitted` warns of a CRM that empties the fields that a PUT leaves out."""

    changes: list[PresentedChange]
    omitted: Notice | None
    sees_all: bool
    tabs: list[TabLink]
