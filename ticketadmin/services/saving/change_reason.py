"""The reason that a user gives for a change: optional, one line, kept with the change and never sent."""

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.models import MAX_CHANGE_REASON
from ticketadmin.text import visible, without_controls

CHANGE_REASON = "change_reason"  # the name of its box in every form


def read_change_reason(typed: str) -> str:
    """Return a typed reason as one line of at most MAX_CHANGE_REASON characters; "" for none.

    Raises ValidationError if it is longer: a reason is never cut.
    """
    if len(typed) > 4 * MAX_CHANGE_REASON:  # before any work: white space and controls may still go
        raise _too_long(len(typed))
    text = without_controls(" ".join(visible(typed).split()))
    text = " ".join(text.split())  # removed controls may leave several spaces
    if len(text) > MAX_CHANGE_REASON:
        raise _too_long(len(text))
    return text


def _too_long(length: int) -> ValidationError:
    message = _("A reason has at most %(most)s characters; this one has %(length)s.")
    numbers = {"most": number_format(MAX_CHANGE_REASON), "length": number_format(length)}
    return ValidationError(message, code="reason_too_long", params=numbers)
