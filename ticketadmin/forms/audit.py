"""What may be asked of the audit log: the filters, as the address has them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.history import FilterForm, day_field
from ticketadmin.models import AuditAction, User
from ticketadmin.services.history.audit import AuditFilters
from ticketadmin.services.values.ordering import in_order


class AuditFilterForm(FilterForm):
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
        self.choose("actor", names)
        self.choose("target", names)
        self.choose("action", [("", _("Anything")), *AuditAction.choices])

    @property
    def filters(self) -> AuditFilters:
        """The filters that are valid."""
        return AuditFilters(**self.valid)
