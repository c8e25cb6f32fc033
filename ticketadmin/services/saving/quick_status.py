"""Quick status: one value, set with one click, through the same save as everything else."""

from dataclasses import replace

from django.core.exceptions import ValidationError
from django.utils import timezone

from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.saving.edit import edit_of_values
from ticketadmin.services.saving.errors import ReadingLost
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import SaveContext, TicketEdit
from ticketadmin.services.saving.proving import Saved
from ticketadmin.services.saving.save import save_ticket
from ticketadmin.services.values.fields import STATUS
from ticketadmin.services.values.schema import load_schema


class UnknownStatus(Exception):
    """The CRM has no such status; nothing was sent."""


def set_status(code: str, status: str, *, seen: str | None, context: SaveContext) -> Saved:
    """Set a ticket's status.

    `seen` is the status that the user saw: if the CRM holds another one by now, EditConflict is
    raised and nothing is sent. None if it was not known. `context` says who acts, and why.
    Raises UnknownStatus, Forbidden, or what `save_ticket` raises.
    """
    schema = load_schema(get_choices())
    try:
        wanted = schema.resolve(STATUS, status)
    except ValidationError as error:
        raise UnknownStatus(" ".join(error.messages)) from error
    base = Base(code, {STATUS: seen}, timezone.now()) if seen else Base(code)
    edited = TicketEdit(code, edit_of_values({STATUS: wanted}), base, schema)
    try:
        return save_ticket(edited, context)
    except ReadingLost:  # the list could be read, the ticket cannot: nothing to compare with
        return save_ticket(replace(edited, base=Base(code)), context)
