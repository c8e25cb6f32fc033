"""The user's name in the CRM, which sees one key for all users: a custom field that a save also sets.

Off unless TICKET_API_SIGN_FIELD names a field. The signature is no change: it is never sent alone, and has no
part in conflicts, results, undo or the outcome of the save. It is added only if the custom fields were
just read whole, so that a CRM which replaces the object loses nothing. Where the CRM refuses a signed save,
the save is sent once more without it.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import Change, User
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.values.fields import CUSTOM_PREFIX, Field

SIGNATURE_REFUSED = "rejected"  # the CRM refused the signed save, and took it without the signature


@dataclass(frozen=True)
class Signature:
    """The field that is set, as `custom_fields.<key>`, and the name that it is set to."""

    field: str
    name: str

    @classmethod
    def of(cls, change: Change) -> "Signature | None":
        """Return the signature that was sent with a change."""
        kept = change.signature or {}
        return cls(kept["field"], kept["name"]) if kept and kept.get("result") != SIGNATURE_REFUSED else None

    def as_json(self) -> dict[str, Any]:
        """Return what is kept with the change; `result` is filled in when it is known."""
        return {"field": self.field, "name": self.name, "result": ""}


def sign_field() -> str:
    """Return the name of the field that carries signatures, "" if none does."""
    key = settings.TICKET_API_SIGN_FIELD.removeprefix(CUSTOM_PREFIX)
    return CUSTOM_PREFIX + key if key else ""


def signature_for(user: User, read: ReadTicket | None) -> Signature | None:
    """Return the signature of a save, None if there is none or custom fields were not just read whole."""
    name = sign_field()
    if not name or read is None or not read.shows_custom_fields or "custom_fields" in read.unread:
        return None
    return Signature(name, user.display_name)


def refuse_signature(field: Field) -> None:
    """Raise ValidationError for the field that carries signatures: no user sets it."""
    if field.name == sign_field():
        message = _(
            "This tool sets this field to the user's name at each save; it cannot be set in any other way."
        )
        raise ValidationError(message, code="signature")
