"""The box for the reason of a change: the same for a ticket form, a quick status, an undo, a bulk update."""

from typing import Any
from uuid import uuid4

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import BoxInfo, describe_box, helper
from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.services.saving.change_reason import CHANGE_REASON, read_change_reason
from ticketadmin.services.saving.sent_along import ACCEPT_LOSING, read_accepted


class ReasonField(forms.CharField):
    """One line of text. It has no `maxlength`, which would silently cut what is pasted."""

    def clean(self, value: Any) -> str:
        """Return the reason as it is kept. Raises ValidationError if it is too long."""
        return read_change_reason(value or "")


def reason_box(shown: str = "") -> forms.Field:
    """Return the form field; `shown` is what it holds at first."""
    box = ReasonField(
        label=_("Reason for the change"),
        required=False,
        initial=shown,
        help_text=_("It is shown in the history here and never sent to the CRM."),
    )
    describe_box(box, BoxInfo(takes_snippets=True))
    return box


class ReasonForm(forms.Form):
    """A reason alone, for a change that has no other form: a quick status, an undo, a restore.

    It also reads which fields the user agrees to lose, if the previous page named some.
    """

    default_renderer = PLAIN_WIDGETS

    change_reason = reason_box()

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, auto_id=f"reason-{uuid4().hex[:8]}-%s")  # several may be on a page
        self.helper = helper(CHANGE_REASON)
        self.accepts_losing = read_accepted(data.getlist(ACCEPT_LOSING) if data else ())

    @property
    def reason(self) -> str:
        """The reason of a valid form, "" if none was given."""
        return str(self.cleaned_data[CHANGE_REASON])

    @property
    def problem(self) -> str:
        """What is wrong with the reason of an invalid form."""
        return " ".join(str(one) for one in self.errors.get(CHANGE_REASON, []))
