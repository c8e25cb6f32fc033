"""What an administrator types to have data erased."""

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import FieldsInOrder
from ticketadmin.services.erasing.erase import ErasureSubject
from ticketadmin.ticketapi.client import CODE


class EraseForm(FieldsInOrder, forms.Form):
    """One box for a ticket code or an e-mail address."""

    subject = forms.CharField(
        label=_("Ticket code or e-mail address"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_subject(self) -> ErasureSubject:
        """Return the code or address. Raises ValidationError for any other text."""
        return subject_of(self.cleaned_data["subject"])


def subject_of(text: str) -> ErasureSubject:
    """Return the subject that a text means. Raises ValidationError."""
    text = text.strip()
    if CODE.fullmatch(text):
        return ErasureSubject(code=text)
    try:
        validate_email(text)
    except ValidationError as problem:
        message = _("This is neither a ticket code nor an e-mail address. Nothing was erased.")
        raise ValidationError(message, code="neither") from problem
    return ErasureSubject(address=text)
