"""The filters of the history and of the audit log; their field names are the parameters of the address."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import FieldsInOrder
from ticketadmin.models import MAX_CHANGE_REASON, AuditAction, Origin, Outcome, User
from ticketadmin.services.history.audit import AuditFilters
from ticketadmin.services.history.changes import HistoryFilters
from ticketadmin.services.values.ordering import in_order
from ticketadmin.services.values.schema import load_schema

_NO_SUCH_DAY = _("Choose a day of the years 2000 to 2999.")


def day_field(label: Any) -> forms.DateField:
    """Return a field for a day within the range that date arithmetic can handle."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[
            MinValueValidator(date(2000, 1, 1), _NO_SUCH_DAY),
            MaxValueValidator(date(2999, 12, 31), _NO_SUCH_DAY),
        ],
    )


class FilterForm(FieldsInOrder, forms.Form):
    """Filters of a list; an invalid one is not applied, and is shown in the form with its error."""

    @property
    def valid(self) -> dict[str, Any]:
        """The values of the filters that are valid and narrow the list."""
        return {name: value for name, value in getattr(self, "cleaned_data", {}).items() if value}

    def choose(self, name: str, choices: list[Any]) -> None:
        """Offer these choices in a box."""
        self.fields[name].choices = choices  # type: ignore[attr-defined]


class HistoryFilterForm(FilterForm):
    """Ticket, user, field, outcome, origin, reason, bulk update and dates.

    Users can be chosen only with the right to see all changes.
    """

    ticket = forms.CharField(label=_("Ticket code"), max_length=64, required=False)
    person = forms.TypedChoiceField(label=_("User"), required=False, coerce=int, empty_value=None)
    field = forms.ChoiceField(label=_("Field"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    origin = forms.ChoiceField(label=_("Made by"), required=False)
    reason = forms.CharField(label=_("Reason contains"), max_length=MAX_CHANGE_REASON, required=False)
    since = day_field(_("From"))
    until = day_field(_("To"))

    bulk = forms.UUIDField(
        label=_("Bulk update"),
        required=False,
        widget=forms.TextInput,  # the URL's name of one: a box that only links fill in
        error_messages={"invalid": _("This names no bulk update.")},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.data.get("bulk"):
            self.fields["bulk"].widget = forms.HiddenInput()
        if user.may("view_all_history"):
            users = in_order(User.objects.all(), lambda one: f"{one.display_name} {one.username}")
            self.choose("person", [("", _("Any user")), *((str(one.pk), one.display_name) for one in users)])
        else:
            del self.fields["person"]
        fields: list[Any] = [(name, field.label) for name, field in load_schema().fields.items()]
        self.choose("field", [("", _("Any field")), *fields])
        self.choose("outcome", [("", _("Any outcome")), *Outcome.choices])
        self.choose("origin", [("", _("Anything")), *Origin.choices])

    @property
    def filters(self) -> HistoryFilters:
        """The filters that are valid."""
        return HistoryFilters(**self.valid)


class AuditFilterForm(FilterForm):
    """The user who acted, the user acted upon, action, address and days."""

    actor = forms.TypedChoiceField(label=_("Who"), required=False, coerce=int, empty_value=None)
    target = forms.TypedChoiceField(label=_("Affected user"), required=False, coerce=int, empty_value=None)
    action = forms.ChoiceField(label=_("Action"), required=False)
    address = forms.GenericIPAddressField(label=_("Address"), required=False)
    since = day_field(_("From"))
    until = day_field(_("To"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users = in_order(User.objects.all(), lambda user: user.username)
        names: list[Any] = [("", _("Any user")), *((str(user.pk), user.username) for user in users)]
        self.choose("actor", names)
        self.choose("target", names)
        self.choose("action", [("", _("Anything")), *AuditAction.choices])

    @property
    def filters(self) -> AuditFilters:
        """The filters that are valid."""
        return AuditFilters(**self.valid)
