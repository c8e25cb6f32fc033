"""The ticket form: the catalogue's fields as boxes, and what was typed as an edit.

A box that comes back as it was shown is kept, whatever the CRM's value looks like; only what the
person changed is checked. The form never refuses a value that it showed itself.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import Origin, User
from ticketadmin.services.bases import Base, load_base
from ticketadmin.services.choices import Choices
from ticketadmin.services.edits import Edit, InvalidEdit, read_edit
from ticketadmin.services.fields import CUSTOM_PREFIX, Field, Kind, catalogue
from ticketadmin.services.inputs import Inputs, to_inputs
from ticketadmin.services.tickets import OpenedTicket, Saved, save_ticket

CUSTOM_NAME = re.compile(r"custom_fields\.[A-Za-z0-9_-]{1,64}")
MAX_POSTED_CUSTOM_FIELDS = 100
CLEAR = "clear"
NEW_KEY, NEW_VALUE = "new_custom_key", "new_custom_value"
RESOLVE_PREFIX = "resolve."


class TicketForm(forms.Form):
    """The form of one ticket, built from its fields, the CRM's lists and the base."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        base: Base,
        fields: Mapping[str, Field],
        choices: Choices,
        inputs: Mapping[str, Inputs] | None = None,
    ) -> None:
        """Show the base's values, or `inputs` over them: a draft, or values to send again."""
        super().__init__(data)
        self.base = base
        self.ticket_fields = dict(fields)
        self.choices = choices
        self.edit = Edit()
        self.cleared = set(data.getlist(CLEAR)) if data else set()
        conflicts = {conflict.name: conflict for conflict in base.conflicts}
        for field in self.ticket_fields.values():
            shown = (inputs or {}).get(field.name, to_inputs(field, base.values.get(field.name)))
            box = make_box(field, shown, choices, is_known=field.name in base.values)
            box.conflict = conflicts.get(field.name)  # type: ignore[attr-defined]
            box.is_cleared = field.name in self.cleared  # type: ignore[attr-defined]
            self.fields[field.name] = box

    @property
    def submission(self) -> str:
        """A new name for the next post of this form."""
        return str(uuid.uuid4())

    def clean(self) -> dict[str, Any]:
        """Turn what was posted into `self.edit`; each problem stands at its field."""
        posted = self._posted()
        self._require_choices(posted)
        try:
            self.edit = read_edit(
                posted,
                cleared=self.cleared,
                base=self.base.values,
                fields=self.ticket_fields,
                choices=self.choices,
            )
        except InvalidEdit as invalid:
            for name, errors in invalid.errors.items():
                for error in errors:
                    self.add_error(name, error)
        return self.cleaned_data

    def _posted(self) -> dict[str, Inputs]:
        data = self.data
        return {name: data.getlist(name) for name in self.ticket_fields if name in data}  # type: ignore[attr-defined]

    def _require_choices(self, posted: dict[str, Inputs]) -> None:
        for conflict in self.base.conflicts:
            choice = self.data.get(RESOLVE_PREFIX + conflict.name)
            if choice == "theirs":
                posted.pop(conflict.name, None)
                self.cleared.discard(conflict.name)
            elif choice != "mine":
                message = _("Choose which of the two values should be stored.")
                self.add_error(conflict.name, forms.ValidationError(message, code="choose"))

    def save(self, *, actor: User, submission: uuid.UUID, origin: Origin = Origin.FORM) -> Saved:
        """Save what was changed. Raises what `save_ticket` raises."""
        return save_ticket(
            self.base.code,
            actor=actor,
            edit=self.edit,
            base=self.base,
            fields=self.ticket_fields,
            choices=self.choices,
            submission=submission,
            origin=origin,
        )

    def show_refused(self, fields: Mapping[str, tuple[str, ...]]) -> bool:
        """Put the CRM's own words at the fields that it names; tell whether it named any of the form's."""
        shown = False
        for name, messages in fields.items():
            if name in self.fields:
                for message in messages:
                    self.add_error(name, forms.ValidationError(message, code="refused_by_crm"))
                shown = True
        return shown


def form_of(opened: OpenedTicket, inputs: Mapping[str, Inputs] | None = None) -> TicketForm:
    """Return the form of a ticket that was just opened, with `inputs` typed into it."""
    fields = opened.fields | catalogue(inputs) if inputs else opened.fields
    return TicketForm(base=opened.base, fields=fields, choices=opened.choices, inputs=inputs)


def posted_form(data: QueryDict, *, code: str, person: User, choices: Choices) -> TicketForm:
    """Return the form as it was posted. Raises WrongBase."""
    base = load_base(data.get("base", ""), code=code, person=person)
    data = with_new_custom_fields(data)
    posted_names = [name for name in data if CUSTOM_NAME.fullmatch(name)][:MAX_POSTED_CUSTOM_FIELDS]
    return TicketForm(data, base=base, fields=catalogue([*base.values, *posted_names]), choices=choices)


def rebased(form: TicketForm, base: Base) -> TicketForm:
    """Return the form against a newer base: what was typed stays, untouched boxes show the newer values."""
    fields = catalogue([*base.values, *form.ticket_fields])
    data = form.data.copy()  # type: ignore[union-attr]
    for name, field in fields.items():
        if name not in form.edit.wishes:
            data.setlist(name, to_inputs(field, base.values.get(name)))
    return TicketForm(data, base=base, fields=fields, choices=form.choices)


def with_new_custom_fields(data: QueryDict) -> QueryDict:
    """Return the posted data with the keys and values of the "add a field" rows as fields of their own."""
    pairs = zip(data.getlist(NEW_KEY), data.getlist(NEW_VALUE), strict=False)
    named = {CUSTOM_PREFIX + key.strip(): value for key, value in pairs}
    data = data.copy()
    for name, value in named.items():
        if CUSTOM_NAME.fullmatch(name) and name not in data:
            data[name] = value
    return data


def make_box(field: Field, shown: Inputs, choices: Choices, *, is_known: bool) -> forms.Field:
    """Return the form field for one ticket field. Checks are the service's: every box takes any text."""
    initial: Any = shown if field.kind is Kind.MULTI_SELECT else "".join(shown)
    box: forms.Field
    options = _options(field, shown, choices, is_known=is_known)
    if field.kind is Kind.MULTI_SELECT:
        box = _AnyChoices(choices=options, widget=forms.CheckboxSelectMultiple)
    elif options:
        box = _AnyChoice(choices=options)
    else:
        box = forms.CharField(strip=False, widget=_text_widget(field))
    box.required = box.widget.is_required = False
    box.label, box.help_text, box.initial = str(field.label), str(field.help_text), initial
    box.ticket_field = field  # type: ignore[attr-defined]
    box.is_known = is_known  # type: ignore[attr-defined]
    box.is_free_text = field.kind is Kind.CHOICE and not choices.of_field(field.name).is_known  # type: ignore[attr-defined]
    return box


class _AnyChoice(forms.ChoiceField):
    def valid_value(self, value: Any) -> bool:
        return True


class _AnyChoices(forms.MultipleChoiceField):
    def valid_value(self, value: Any) -> bool:
        return True


def _options(field: Field, shown: Inputs, choices: Choices, *, is_known: bool) -> list[tuple[str, Any]]:
    if field.kind is Kind.CHOICE:
        known: list[tuple[str, Any]] = [(name, name) for name in choices.of_field(field.name).names]
    elif field.kind is Kind.YES_NO:
        known = [("1", _("Yes")), ("0", _("No"))]
    else:
        known = list(field.choices)
    if not known:
        return []
    values = {value for value, _label in known}
    strangers = [(value, value) for value in shown if value not in values]
    if field.kind is Kind.MULTI_SELECT:
        return [*strangers, *known]
    empty = ("", "—" if is_known else _("Keep as it is"))
    needs_empty = not is_known or field.clearable or not shown
    return [*([empty] if needs_empty else []), *strangers, *known]


def _text_widget(field: Field) -> forms.Widget:
    match field.kind:
        case Kind.HTML:
            return forms.Textarea(attrs={"rows": 12, "data-content": "", "spellcheck": "true"})
        case Kind.LONG_TEXT:
            return forms.Textarea(attrs={"rows": 4})
        case Kind.DATE | Kind.EPOCH_DATE:
            return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        case Kind.EMAIL:
            return forms.EmailInput(attrs={"autocomplete": "off"})
        case Kind.PHONE:
            return forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "maxlength": 20})
        case Kind.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal"})
        case _:
            return forms.TextInput(attrs={"autocomplete": "off"})
