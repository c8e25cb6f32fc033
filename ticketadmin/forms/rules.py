"""The form of one rule, for the settings: fields and groups are chosen, a status is spelled as in the CRM."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.opened import OpenedForm
from ticketadmin.models import Role, TicketRule
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.rules.checking import NAMED_VALUES
from ticketadmin.services.values.schema import TicketSchema, load_schema

_KNOWN_GROUPS = dict(Role.choices)


class RuleForm(OpenedForm):
    """What changing a field requires."""

    field = forms.ChoiceField(label=_("When this field is changed"))
    required_fields = forms.MultipleChoiceField(
        label=_("These fields must be filled in"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("After the change. A field that holds only white space counts as empty."),
    )
    groups = forms.MultipleChoiceField(
        label=_("Only these groups may do it"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everyone who may edit tickets."),
    )

    class Meta:
        model = TicketRule
        fields = ("field", "value", "required_fields", "allows_unreadable", "needs_reason", "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema: TicketSchema = load_schema(get_choices(ask=False))
        held = self.instance
        self._offer("field", self._field_names([held.field] if held.field else []))
        self._offer("required_fields", self._field_names(held.required_fields))
        self._offer("groups", _group_names(held.groups))
        self.fields["value"].help_text = _(
            "A status or category as the CRM spells it. Empty: the rule is for every value of the field."
        )

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _field_names(self, held: list[str]) -> list[tuple[str, Any]]:
        """Return the fields with their labels, including deleted ones that the rule still names."""
        schema = self.schema.including(held)
        return [(name, field.label) for name, field in schema.fields.items()]

    def clean(self) -> dict[str, Any]:
        """Spell the value as the CRM does, and refuse a rule that requires nothing."""
        cleaned = super().clean() or self.cleaned_data
        name, value = cleaned.get("field", ""), str(cleaned.get("value", "")).strip()
        if value and name and name not in NAMED_VALUES:
            message = _("Only a status or a category can be named. Leave this empty for every value.")
            self.add_error("value", forms.ValidationError(message, code="no_named_value"))
        elif value and name:
            try:
                cleaned["value"] = self.schema.resolve(name, value)
            except forms.ValidationError as error:
                self.add_error("value", error)
        if not any(cleaned.get(name) for name in REQUIREMENTS):
            message = _("The rule requires nothing yet: choose fields, a reason or groups.")
            self.add_error(None, forms.ValidationError(message, code="empty_rule"))
        return cleaned


# The columns that require something: a rule without one of them is refused.
REQUIREMENTS = tuple(
    name for name in RuleForm.Meta.fields if name not in {"field", "value", "allows_unreadable"}
)


def _group_names(held: list[str]) -> list[tuple[str, Any]]:
    """Return the groups with their labels; a deleted one that the rule names stays and is marked."""
    names = list(Group.objects.order_by("name").values_list("name", flat=True))
    gone = [
        (name, _("%(name)s (there is no such group)") % {"name": name}) for name in held if name not in names
    ]
    return [*((name, _KNOWN_GROUPS.get(name, name)) for name in names), *gone]
