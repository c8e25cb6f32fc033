"""The ticket form: the catalogue's fields as boxes, and what was typed as an edit.

A box that is posted as it was shown is kept, whatever the CRM's value is; only what the user changed
is checked. The form never refuses a value that it showed itself.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.boxes import make_box, takes_snippets
from ticketadmin.forms.change_reason import reason_box
from ticketadmin.forms.layout import BoxInfo, TicketLayout, describe_box, ticket_layout
from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.models import Change, Draft, User
from ticketadmin.services.drafts.drafts import (
    CLEAR_INPUT,
    EXTRAS,
    NEW_KEY,
    NEW_VALUE,
    Tab,
    drop_saved,
    keep_draft,
)
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.edit import Edit, InvalidEdit, edit_of_values, read_edit
from ticketadmin.services.saving.form_base import Base, load_base
from ticketadmin.services.saving.intent import TicketEdit
from ticketadmin.services.saving.save import OpenedTicket
from ticketadmin.services.saving.sent_along import ACCEPT_LOSING, read_accepted
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CUSTOM_NAME, CUSTOM_PREFIX, Field, Kind, Value
from ticketadmin.services.values.inputs import Inputs, is_foreign, to_inputs
from ticketadmin.services.values.schema import TicketSchema, load_schema

MAX_POSTED_CUSTOM_FIELDS = 100
RESOLVE_PREFIX = "resolve."
SIGNED = _("This tool sets this field to the user's name at each save.")


class TicketForm(forms.Form):
    """The form of one ticket, built from its fields, the CRM's lists and the base."""

    default_renderer = PLAIN_WIDGETS

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        base: Base,
        schema: TicketSchema,
        inputs: Mapping[str, Inputs] | None = None,
        is_first_asked: bool = False,
    ) -> None:
        """Show the base's values, or `inputs` over them: a draft, or values to send again.

        `is_first_asked` shows conflicts that the user has not seen yet without calling them errors.
        """
        super().__init__(data)
        self.is_first_asked = is_first_asked
        self.inputs = dict(inputs or {})
        self.base = base
        self.schema = schema
        self.edit = Edit()
        self.cleared = set(data.getlist(CLEAR_INPUT) if data else self.inputs.get(CLEAR_INPUT, []))
        for field in schema.fields.values():
            self.fields[field.name] = self._make_box(field, self._shown(field))
        self.fields[CHANGE_REASON] = reason_box("".join(self.inputs.get(CHANGE_REASON, [])))

    @property
    def layout(self) -> TicketLayout:
        """The boxes by their place on the page, without those in conflict."""
        return ticket_layout(self, self.schema.fields, [conflict.name for conflict in self.base.conflicts])

    def _shown(self, field: Field) -> Inputs:
        if self.is_bound and field.name in self.data:
            return [text for text in query_of(self.data).getlist(field.name) if text]
        return self.inputs.get(field.name, to_inputs(field, self.base.values.get(field.name)))

    def _make_box(self, field: Field, shown: Inputs) -> forms.Field:
        is_known = field.name in self.base.values
        has_list = self.schema.choices.of_field(field.name).is_known
        box = make_box(field, shown, self.schema, is_known=is_known)
        describe_box(
            box,
            BoxInfo(
                is_known=is_known,
                is_free_text=field.kind is Kind.CHOICE and not has_list,
                can_be_cleared=not is_known and field.clearable,
                is_cleared=field.name in self.cleared,
                is_foreign=is_foreign(field, self.base.values.get(field.name)),
                takes_snippets=takes_snippets(field, self.base.values.get(field.name)),
            ),
        )
        if field.name == sign_field():
            box.disabled = True
            box.help_text = SIGNED
        return box

    @property
    def new_custom_key(self) -> str:
        """The key typed for a further custom field, where it could not be used."""
        return self._extra(NEW_KEY)

    @property
    def new_custom_value(self) -> str:
        """The value typed beside that key."""
        return self._extra(NEW_VALUE)

    def _extra(self, name: str) -> str:
        return str(self.data.get(name, "")) if self.is_bound else "".join(self.inputs.get(name, []))

    @property
    def is_content_open(self) -> bool:
        """Return whether the user has typed in the content box."""
        return "ticket_content" in (self.edit.wishes if self.is_bound else self.inputs)

    @property
    def submission(self) -> str:
        """A new idempotency key for the next post of this form."""
        return str(uuid.uuid4())

    @property
    def tab(self) -> Tab:
        """The browser tab of this form; it stays the same when the form is shown again with a problem."""
        return tab_of(query_of(self.data)) if self.is_bound else Tab(uuid.uuid4().hex[:16], list(self.inputs))

    def clean(self) -> dict[str, Any]:
        """Turn what was posted into `self.edit`; each problem is shown at its field."""
        posted = self._posted()
        mine = self._require_choices(posted)
        if self.new_custom_key.strip() or self.new_custom_value.strip():
            message = _(
                "The key of a further custom field has 1 to 64 letters, digits, - and _, "
                "and is not in the form already."
            )
            self.add_error(None, forms.ValidationError(message, code="bad_key"))
        try:
            edit = read_edit(
                posted,
                cleared=self.cleared,
                base=self.base.values,
                schema=self.schema,
            )
        except InvalidEdit as invalid:
            self.add_error(None, forms.ValidationError(dict(invalid.errors)))
        else:
            self.edit = Edit({**edit.wishes, **edit_of_values(mine).wishes})
        return self.cleaned_data

    def _posted(self) -> dict[str, Inputs]:
        data = query_of(self.data)
        return {name: data.getlist(name) for name in (*self.schema.fields, *EXTRAS) if name in data}

    def _require_choices(self, posted: dict[str, Inputs]) -> dict[str, Value]:
        """Return the user's values chosen in conflicts; they are sent as they are, even invalid ones."""
        mine: dict[str, Value] = {}
        for conflict in self.base.conflicts:
            choice = self.data.get(RESOLVE_PREFIX + conflict.name)
            if choice in {"theirs", "mine"}:
                posted.pop(conflict.name, None)
                self.cleared.discard(conflict.name)
            if choice == "mine":
                mine[conflict.name] = conflict.mine
            elif choice not in {"theirs", "edit"} and not self.is_first_asked:
                message = _("Choose which of the two values should be stored.")
                self.add_error(conflict.name, forms.ValidationError(message, code="choose"))
        return mine

    @property
    def change_reason(self) -> str:
        """The user's reason for the change, "" if none was given; known once the form is valid."""
        return str(self.cleaned_data.get(CHANGE_REASON, ""))

    @property
    def accepts_losing(self) -> frozenset[str]:
        """Return the fields that the posted form's page warned of, because a save would lose them."""
        return read_accepted(query_of(self.data).getlist(ACCEPT_LOSING))

    @property
    def wanted(self) -> TicketEdit:
        """The wishes of a valid form, and the base that they were made against."""
        return TicketEdit(self.base.code, self.edit, self.base, self.schema)

    def drop_from_draft(self, change: Change) -> None:
        """Drop from the user's draft what a save of this form stored."""
        drop_saved(change, self._posted(), tab=self.tab)

    def show_refused(self, fields: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Add the CRM's messages to the posted fields that it names, and return these fields."""
        named = [name for name in fields if self.is_bound and name in self.fields]
        for name in named:
            for message in fields[name]:
                self.add_error(name, forms.ValidationError(message, code="refused_by_crm"))
        return named


def form_of(
    opened: OpenedTicket, inputs: Mapping[str, Inputs] | None = None, *, base: Base | None = None
) -> TicketForm:
    """Return the form of a ticket that was just opened, with `inputs` typed into it.

    `base` replaces the ticket as it was read where the inputs started from another one: a draft.
    """
    schema = opened.schema.including(inputs or ())
    return TicketForm(base=base or opened.base, schema=schema, inputs=inputs)


def keep_as_draft(data: QueryDict, base: Base, *, user: User) -> Draft | None:
    """Keep a posted form as its user's draft, whatever is wrong with it."""
    names = [name for name in data if CUSTOM_NAME.fullmatch(name)][:MAX_POSTED_CUSTOM_FIELDS]
    schema = load_schema(names=[*base.values, *names])
    inputs = {name: data.getlist(name) for name in data if name in schema.fields or name in EXTRAS}
    inputs.setdefault(CLEAR_INPUT, [])
    return keep_draft(user, base, inputs, schema, tab=tab_of(data), submission=submission_of(data))


def tab_of(data: QueryDict) -> Tab:
    """Return the browser tab of a posted form."""
    return Tab(data.get("tab", "")[:40], data.get("restored", "").split())


def submission_of(data: QueryDict) -> uuid.UUID | None:
    """Return the idempotency key of this post, None if it carries none."""
    try:
        return uuid.UUID(data.get("submission", ""))
    except ValueError:
        return None


def posted_form(data: QueryDict, *, code: str, user: User, choices: Choices) -> TicketForm:
    """Return the form as it was posted. Raises WrongBase."""
    base = load_base(data.get("base", ""), code=code, user=user)
    data = with_new_custom_fields(data)
    posted_names = [name for name in data if CUSTOM_NAME.fullmatch(name)][:MAX_POSTED_CUSTOM_FIELDS]
    return TicketForm(data, base=base, schema=load_schema(choices, [*base.values, *posted_names]))


def rebased(form: TicketForm, base: Base) -> TicketForm:
    """Return the form against a newer base, to be shown: what was typed stays, untouched boxes show the
    newer values. Where the newer base does not know a field, an emptied box would keep it: it is cleared.
    """
    schema = form.schema.including(base.values)
    if not form.is_bound:
        return TicketForm(base=base, schema=schema)
    data = query_of(form.data).copy()
    for name, field in schema.fields.items():
        if name not in form.edit.wishes:
            data.setlist(name, to_inputs(field, base.values.get(name)))
    emptied = [
        name for name in form.edit.wishes if schema.is_empty(name, form.edit.value_of(schema.field(name)))
    ]
    unknown = [name for name in emptied if name not in base.values]
    data.setlist(CLEAR_INPUT, [*data.getlist(CLEAR_INPUT), *unknown])
    for conflict in base.conflicts:
        data.pop(RESOLVE_PREFIX + conflict.name, None)  # chosen between other values
    return TicketForm(data, base=base, schema=schema, is_first_asked=True)


def with_new_custom_fields(data: QueryDict) -> QueryDict:
    """Return the posted data with a further key and value as a field of its own; unusable ones stay there."""
    key, value = data.get(NEW_KEY, "").strip(), data.get(NEW_VALUE, "")
    name = CUSTOM_PREFIX + key
    if not CUSTOM_NAME.fullmatch(name) or data.get(name, "").strip():
        return data
    data = data.copy()
    data[name] = value
    data[NEW_KEY] = data[NEW_VALUE] = ""
    return data


def query_of(data: object) -> QueryDict:
    """Return a form's data as the QueryDict that it always is here; Django's type is wider."""
    if not isinstance(data, QueryDict):
        raise TypeError(type(data))
    return data
