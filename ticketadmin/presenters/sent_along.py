"""What people read of a CRM that empties the fields that a PUT leaves out."""

from collections.abc import Iterable

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from ticketadmin.models import BulkUpdate, Reading, Tone
from ticketadmin.presenters.changes import Notice
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Text
from ticketadmin.services.crm.omitted import OmittedFields
from ticketadmin.services.saving.sent_along import unreadable_fields
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import STANDARD
from ticketadmin.services.values.schema import TicketSchema, load_schema


def sent_along_notice(schema: TicketSchema, known: Iterable[str] | None) -> Notice | None:
    """Return the warning before a save to such a CRM; None for another CRM.

    `known` are the fields that reading shows, None where the ticket cannot be read.
    """
    if not schema.choices.omitted_are_emptied:
        return None
    title = _("This CRM empties every field that a request leaves out.")
    if known is None:
        text = _("What cannot be read cannot be sent along.")
        step = _(
            "Every field that you do not fill in would be lost. Fill in all of them, or save in the CRM."
        )
        return Notice(Tone.DANGER, title, text, step)
    text = _("So every save sends along, unchanged, what was just read.")
    lost = unreadable_fields(known)
    if not lost:
        return Notice(Tone.INFO, title, text)
    step = _("These fields cannot be read and would be lost, unless you fill them in: %(fields)s.")
    return Notice(Tone.DANGER, title, text, step % {"fields": labels_of(lost, schema)})


def losing_notice(lost: Iterable[str], schema: TicketSchema, step: Text) -> Notice:
    """Return the banner for a save that was not sent, because it would lose fields that cannot be read."""
    title = _("Nothing was sent: this CRM would empty fields that cannot be read.")
    return Notice(Tone.DANGER, title, f"{would_be_lost(lost, schema)} {NOTHING_CHANGED}", step)


def would_be_lost(lost: Iterable[str], schema: TicketSchema) -> str:
    """Return the sentence that names the fields which a save would lose."""
    return _("These fields would be lost: %(fields)s.") % {"fields": labels_of(lost, schema)}


def status_notice(choices: Choices) -> Notice | None:
    """Return the same warning where a click saves a ticket that is not open: only the save reads it."""
    if not choices.omitted_are_emptied:
        return None
    known = None if choices.reading is Reading.REFUSED else [field.name for field in STANDARD]
    return sent_along_notice(load_schema(choices), known)


def run_notice(bulk: BulkUpdate, schema: TicketSchema, *, has_unread: bool) -> Notice | None:
    """Return the same warning for a run that is ready; `has_unread`: some of its tickets cannot be read."""
    if has_unread:
        return sent_along_notice(schema, None)
    found = bulk.items.filter(unreadable__isnull=False)
    lists = found.order_by().values_list("unreadable", flat=True).distinct()
    lost = {name for names in lists for name in names or ()}
    return sent_along_notice(schema, {field.name for field in STANDARD} - lost)


def labels_of(names: Iterable[str], schema: TicketSchema | None = None) -> str:
    """Return the labels of fields as one text."""
    schema = schema or load_schema()
    return get_text_list([str(schema.field(name).label) for name in names], _("and"))


def known_of_omitted(omitted: OmittedFields) -> Text:
    """Return the sentence of the connection page on what is known of fields that a PUT leaves out."""
    if omitted.at is None:
        return _("Not seen to be emptied.")
    if omitted.set_by and omitted.are_emptied:
        return _("Emptied, says %(name)s.") % {"name": omitted.set_by}
    if omitted.set_by:
        return _("Kept, says %(name)s.") % {"name": omitted.set_by}
    seen = _("Emptied: seen at ticket %(ticket)s (%(fields)s).")
    return seen % {"ticket": omitted.ticket, "fields": labels_of(omitted.fields)}
