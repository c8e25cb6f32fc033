"""What people read of the field that carries the user's name (`services/saving/signature.py`)."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.models import Change, Outcome, User
from ticketadmin.services.saving.signature import REFUSED, sign_field
from ticketadmin.services.values.schema import TicketSchema

Text = str | Promise


_RESULTS: dict[str, Any] = {
    Outcome.VERIFIED: gettext_lazy("“%(field)s” was set to %(name)s."),
    REFUSED: gettext_lazy("The CRM refused this change with “%(field)s” in it, so it was sent without."),
    Outcome.NOT_APPLIED: gettext_lazy("“%(field)s” was sent as %(name)s, but the CRM kept the old value."),
    Outcome.STORED_DIFFERENTLY: gettext_lazy(
        "“%(field)s” was sent as %(name)s, but the CRM stored something else."
    ),
}
_NOT_KNOWN: Any = gettext_lazy("“%(field)s” was sent as %(name)s; whether the CRM stored it is not known.")


def signature_before(user: User, schema: TicketSchema, *, was_read: bool) -> Text:
    """Return what a preview says of the signature; "" where no field carries one."""
    if not sign_field():
        return ""
    if not was_read:
        return _(
            "“%(field)s” is not set to your name: the ticket could not be read, and a CRM that replaces "
            "custom fields would lose the others."
        ) % {"field": schema.field(sign_field()).label}
    return describe_signature(sign_field(), user.display_name, schema)


def describe_signature(field: str, name: str, schema: TicketSchema) -> str:
    """Return what a preview says of a signature that will be sent."""
    said = {"field": schema.field(field).label, "name": name}
    return _("“%(field)s” is set to %(name)s as well, where the CRM shows the custom fields.") % said


def signature_after(change: Change, schema: TicketSchema) -> Text:
    """Return what became of the signature of a change; "" where there is nothing to look at."""
    kept = change.signature
    if not kept:
        return ""
    said = {"field": schema.field(kept["field"]).label, "name": kept["name"]}
    return str(_RESULTS.get(kept["result"], _NOT_KNOWN) % said)
