"""The boxes of a ticket's fields: one box for a field, or a row that says what to do with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.services.recipes.recipe import TEXTS
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.browser import Widget
from ticketadmin.services.values.fields import Field, Kind, Value, undescribed
from ticketadmin.services.values.inputs import Inputs, widget_of
from ticketadmin.services.values.schema import TicketSchema

KEEP, ACTION, DAYS = "keep", "action.", "days."
# No widget has a `maxlength`, which would silently cut what is pasted.
_AREAS: dict[Widget, dict[str, Any]] = {
    Widget.CONTENT: {"rows": 12, "data-content": "", "spellcheck": "true"},
    Widget.AREA: {"rows": 4},
}
_INPUTS: dict[Widget, dict[str, Any]] = {
    Widget.DATE: {"type": "date"},
    Widget.EMAIL: {"inputmode": "email", "autocapitalize": "off", "spellcheck": "false"},
    Widget.PHONE: {"type": "tel"},
    Widget.NUMBER: {"inputmode": "decimal"},
}

_REMOVED = _(
    "There is no field “%(name)s” here any more, so what you chose for it is left out. Check the rest and "
    "go on."
)
_REMOVED_WITH_VALUE = _(
    "There is no field “%(name)s” here any more, so its value is left out: “%(value)s”. Check the rest and "
    "go on."
)


@dataclass(frozen=True)
class ActionRow:
    """What to do with one field, the value for it, and for a date also a number of days."""

    action: forms.BoundField
    box: forms.BoundField
    field: Field
    days: forms.BoundField | None = None


class ActionsForm(forms.Form):
    """What to do with each field: an action, initially to keep it, and a box for the value."""

    default_renderer = PLAIN_WIDGETS
    schema: TicketSchema

    def add_row(
        self, field: Field, shown: Inputs, *, actions: Sequence[tuple[str, Any]], chosen: str
    ) -> forms.Field:
        """Add a row and return its box; `actions` are those besides keeping the field."""
        self.fields[ACTION + field.name] = forms.ChoiceField(
            label=str(field.label),
            choices=[(KEEP, _("Keep")), *actions],
            initial=chosen,
            required=False,
            widget=forms.RadioSelect,
        )
        box = self.fields[field.name] = make_box(field, shown, self.schema, is_known=False)
        if "rows" in box.widget.attrs:
            box.widget.attrs["rows"] = 4
        return box

    @property
    def rows(self) -> list[ActionRow]:
        """The fields with their actions, in the order of the ticket form."""
        return [
            ActionRow(
                self[ACTION + name],
                self[name],
                self.schema.field(name),
                self[DAYS + name] if DAYS + name in self.fields else None,
            )
            for name in self.fields
            if ACTION + name in self.fields
        ]

    def action_on(self, name: str) -> str:
        """Return what to do with the field of this name, once the rows are cleaned."""
        return self.cleaned_data.get(ACTION + name) or KEEP

    def typed(self, name: str) -> Inputs:
        """Return what was posted for the box of this name."""
        return self.data.getlist(name) if isinstance(self.data, QueryDict) else []

    def refuse_removed_fields(self) -> None:
        """Say what was chosen for fields that the form no longer has: it must not go without a word.

        A field can be removed while the form is open. The form is then shown without it, so what is posted
        next has no more of it.
        """
        posted = self.data if isinstance(self.data, QueryDict) else QueryDict()
        rows = [key.removeprefix(ACTION) for key in posted if key.startswith(ACTION)]
        for name in rows:
            texts = [text for text in posted.getlist(name) if text.strip()]
            if ACTION + name in self.fields or (posted[ACTION + name] in {"", KEEP} and not texts):
                continue
            message = _REMOVED_WITH_VALUE if texts else _REMOVED
            params = {"name": undescribed(name).label, "value": ", ".join(texts)}
            self.add_error(None, forms.ValidationError(message, code="removed", params=params))

    def refuse_kept_value(self, name: str) -> None:
        """Add an error to a field with a typed value that its action would ignore."""
        message = _("You typed a value, but “Keep” is chosen. Choose “Set”, or empty the box.")
        self.add_error(name, forms.ValidationError(message, code="kept_with_value"))


def no_value(field: Field) -> forms.ValidationError:
    """Return the error of a field that is to be set, without a value: with the other action that it has."""
    message = (
        _("Type the value to set, or choose “Clear”.")
        if field.clearable
        else _("Type the value to set, or choose “Keep”.")
    )
    return forms.ValidationError(message, code="no_value")


def takes_snippets(field: Field, held: Value = None) -> bool:
    """Return whether a text can be inserted into the box of the field, whose value in the CRM is `held`.

    An undescribed custom field takes one unless the CRM holds JSON other than a text there.
    """
    is_text = field.kind in TEXTS or (field.kind is Kind.RAW and isinstance(held, str | None))
    return is_text and field.name != sign_field()


def make_box(field: Field, shown: Inputs, schema: TicketSchema, *, is_known: bool) -> forms.Field:
    """Return the form field for one ticket field. Every box takes any text, because the service checks it."""
    initial: Any = shown if field.kind is Kind.MULTI_SELECT else "".join(shown)
    box: forms.Field
    options = _options(field, shown, schema, is_known=is_known)
    if field.kind is Kind.MULTI_SELECT:
        box = _AnyChoices(choices=options, widget=forms.CheckboxSelectMultiple)
    elif options:
        box = _AnyChoice(choices=options)
    else:
        box = forms.CharField(strip=False, widget=_text_widget(widget_of(field, shown)))
    box.required = box.widget.is_required = False
    box.label, box.help_text, box.initial = str(field.label), str(field.help_text), initial
    return box


class _AnyChoice(forms.ChoiceField):
    def valid_value(self, value: Any) -> bool:
        return True


class _AnyChoices(forms.MultipleChoiceField):
    def valid_value(self, value: Any) -> bool:
        return True


def _options(field: Field, shown: Inputs, schema: TicketSchema, *, is_known: bool) -> list[tuple[str, Any]]:
    if field.kind is Kind.CHOICE:
        known: list[tuple[str, Any]] = [(name, name) for name in schema.choices.of_field(field.name).names]
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


def _text_widget(widget: Widget) -> forms.Widget:
    if widget in _AREAS:
        return forms.Textarea(attrs=_AREAS[widget])
    return forms.TextInput(attrs=_INPUTS.get(widget))
