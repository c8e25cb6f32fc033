"""Changes, edits and failures as templates show them: labels, readable values, tones and sentences."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from ticketadmin.models import Change, Outcome, Tone, User
from ticketadmin.presenters.dates import readable_date
from ticketadmin.presenters.outcomes import (
    MAY_HAVE_CHANGED,
    NOTHING_CHANGED,
    PARTLY_CHANGED,
    SEND_THE_REST,
    Text,
    explain,
    explain_reason,
    meaning_of,
    verdict_on,
)
from ticketadmin.presenters.page import page
from ticketadmin.presenters.paging import FilteredPage, Tab
from ticketadmin.presenters.signature import signature_after
from ticketadmin.presenters.unmet import describe_all
from ticketadmin.sanitizing import visible_text
from ticketadmin.services.people.access import may_undo
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.readback import (
    applied_fields,
    certain_at,
    changed_nothing,
    shown_outcome,
)
from ticketadmin.services.saving.sent_along import names_sent_along
from ticketadmin.services.saving.undo import can_undo
from ticketadmin.services.values.codecs import canonical
from ticketadmin.services.values.fields import (
    Field,
    Kind,
    Value,
)
from ticketadmin.services.values.inputs import to_inputs
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import Effect, TicketApiError


@dataclass(frozen=True)
class Notice:
    """One banner: tone is info, success, warn or danger."""

    tone: str
    title: Text
    text: Text = ""
    next_step: Text = ""
    quotation: str = ""  # the CRM's own words
    request_id: str = ""

    @property
    def is_problem(self) -> bool:
        """Return whether it is an error: screen readers announce it at once, and it names the request."""
        return self.tone in {Tone.WARN, Tone.DANGER}

    @property
    def is_news(self) -> bool:
        """Return whether it only informs: there is nothing to do and nothing to worry about."""
        return self.tone == Tone.INFO

    @property
    def role(self) -> str:
        """How screen readers announce it."""
        return "alert" if self.is_problem else "status"


@dataclass(frozen=True)
class ValueRow:
    """One field of a change. None: the value is not known."""

    name: str
    label: Text
    before: str | None
    after: str | None
    read_back: str | None = None
    outcome: str = ""

    @property
    def shows_held(self) -> bool:
        """Return whether the CRM was seen to hold something else than was sent."""
        return self.read_back is not None and self.outcome not in {"", Outcome.VERIFIED}

    @property
    def shown_outcome(self) -> Outcome | None:
        """The outcome with its word and tone, if the field has one."""
        return Outcome(self.outcome) if self.outcome else None

    @property
    def outcome_meaning(self) -> Text:
        """What that word means."""
        return meaning_of(self.outcome)


@dataclass(frozen=True)
class PresentedChange:
    """One change as history and result banners show it."""

    change: Change
    rows: tuple[ValueRow, ...]
    collateral: tuple[ValueRow, ...]
    notice: Notice
    can_undo: bool
    can_restore: bool
    can_settle: bool = False
    can_send_again: bool = False
    why_not_undo: Text = ""
    sent_along: tuple[Text, ...] = ()
    signature: Text = ""
    waived: tuple[Text, ...] = ()  # what rules required and was not met

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
        """A name for one press of a button at this change."""
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
    labels = dict(field.choices)
    if field.kind is Kind.YES_NO:
        labels = {"1": _("Yes"), "0": _("No")}
    return ", ".join(labels.get(text, text) for text in texts)


def present_edit(edit: Edit, before: Mapping[str, Value], schema: TicketSchema) -> tuple[ValueRow, ...]:
    """Return what would be sent, field by field."""
    return tuple(
        ValueRow(
            name=name,
            label=field.label,
            before=readable(field, before[name]) if name in before else None,
            after=readable(field, edit.value_of(field, before.get(name))),
        )
        for name, field in ((name, schema.field(name)) for name in edit.wishes)
    )


def present_values(pairs: Mapping[str, tuple[Value, Value]], schema: TicketSchema) -> tuple[ValueRow, ...]:
    """Return values that went from one to another: name → (before, after)."""
    fields = {name: schema.field(name) for name in pairs}
    return tuple(
        ValueRow(name, fields[name].label, *(readable(fields[name], value) for value in values))
        for name, values in pairs.items()
    )


def present_changes(
    changes: list[Change], viewer: User, schema: TicketSchema | None = None
) -> list[PresentedChange]:
    """Return changes as history shows them; one query for the labels of all where no `schema` is given."""
    if not changes:
        return []
    schema = schema or load_schema()
    return [present_change(change, viewer, schema) for change in changes]


def present_change(change: Change, viewer: User, schema: TicketSchema) -> PresentedChange:
    """Return one change with readable values and the sentence that says what came of it."""
    allowed = may_undo(viewer, change)
    return PresentedChange(
        change=change,
        rows=tuple(_row(change, name, schema.field(name)) for name in change.wanted),
        collateral=present_values(change.collateral, schema),
        notice=describe_outcome(change),
        can_undo=allowed and can_undo(change),
        can_restore=allowed and bool(change.collateral),
        can_settle=not change.is_settled,
        can_send_again=Outcome(change.outcome).is_failed and change.actor_id == viewer.pk,
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


def _row(change: Change, name: str, field: Field) -> ValueRow:
    def shown(values: Mapping[str, Any] | None) -> str | None:
        return readable(field, values[name]) if values is not None and name in values else None

    return ValueRow(
        name=name,
        label=field.label,
        before=shown(change.before),
        after=shown(change.wanted),
        read_back=shown(change.read_back),
        outcome=change.results.get(name, ""),
    )


def describe_outcome(change: Change) -> Notice:
    """Return the banner for a change on record."""
    if change.outcome == Outcome.REJECTED:
        explanation = explain_reason(change.reason)
        return Notice(
            "danger",
            explanation.title,
            NOTHING_CHANGED,
            explanation.next_step_unchanged,
            change.message,
            change.request_id,
        )
    found = verdict_on(change)
    quotation = change.message if change.reason else ""
    return Notice(found.tone, found.title, found.text, quotation=quotation, request_id=change.request_id)


def describe_problem(error: TicketApiError, change: Change | None = None, *, request_id: str = "") -> Notice:
    """Return the banner for a call that failed; without a change nothing had been sent."""
    explanation = explain(error)
    if change is None or changed_nothing(change) or error.effect is Effect.NONE:
        tone, what_changed, next_step = "danger", NOTHING_CHANGED, explanation.next_step_unchanged
    elif applied_fields(change):
        tone, what_changed, next_step = "warn", PARTLY_CHANGED, SEND_THE_REST
    else:
        tone, what_changed, next_step = "warn", MAY_HAVE_CHANGED, explanation.next_step
    return Notice(tone, explanation.title, what_changed, next_step, error.api_message, request_id)


def describe_in_progress(other: Change | None, person: User, next_step: Text) -> Notice:
    """Return the banner for a save that could not begin, because another save of its ticket is running.

    One whose process is known to have ended blocks nothing any more; of the others the page says for how
    long they block, should they have been cut off.
    """
    if other is None or other.actor_id == person.pk:
        title = _("An earlier save of this ticket by you has not finished.")
        text = _("Nothing more was sent.")
    else:
        title = _("%(name)s is saving this ticket at the moment.") % {"name": other.actor_name}
        text = _("Nothing was sent.")
    if other is not None and other.outcome == Outcome.PENDING:
        until = {"time": time_format(timezone.localtime(certain_at(other)), "H:i:s")}
        text += (
            " " + _("If that save was cut off, it blocks this ticket until %(time)s at the latest.") % until
        )
    return Notice("warn", title, text, next_step)


@page("history/history.html")
class HistoryPage(FilteredPage):
    """The history; `omitted` warns of a CRM that empties the fields that a PUT leaves out."""

    changes: list[PresentedChange]
    omitted: Notice | None
    sees_all: bool
    tabs: list[Tab]
