"""What may be asked of the audit log: the filters, as the address has them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.history import day_field
from ticketadmin.forms.layout import FieldsInOrder
from ticketadmin.models import AuditAction, User
from ticketadmin.services.history.audit import AuditFilters
from ticketadmin.services.values.ordering import in_order


class AuditFilterForm(FieldsInOrder, forms.Form):
    """Who, whom, action, address and days."""

    actor = forms.TypedChoiceField(label=_("Who"), required=False, coerce=int, empty_value=None)
    target = forms.TypedChoiceField(label=_("Whom"), required=False, coerce=int, empty_value=None)
    action = forms.ChoiceField(label=_("Action"), required=False)
    address = forms.GenericIPAddressField(label=_("Address"), required=False)
    since = day_field(_("From"))
    until = day_field(_("To"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users = in_order(User.objects.all(), lambda user: user.username)
        names: list[Any] = [("", _("Anybody")), *((str(user.pk), user.username) for user in users)]
        for name in ("actor", "target"):
            self.fields[name].choices = names  # type: ignore[attr-defined]
        actions = [("", _("Anything")), *AuditAction.choices]
        self.fields["action"].choices = actions  # type: ignore[attr-defined]

    @property
    def filters(self) -> AuditFilters:
        """The valid filters; what is invalid is not applied and is shown in the form with its error."""
        cleaned = getattr(self, "cleaned_data", {})
        return AuditFilters(**{name: value for name, value in cleaned.items() if value})
