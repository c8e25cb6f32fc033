"""What a save sends besides the changes: the user's name, and fields that a CRM would otherwise empty."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.models import BulkUpdate, Change, Outcome, Reading, Tone, User
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice, Text
from ticketadmin.services.bulk.dry_run import fields_named_as_lost
from ticketadmin.services.crm.omitted import OmittedFields
from ticketadmin.services.saving.sent_along import OTHER_CUSTOM
from ticketadmin.services.saving.signature import SIGNATURE_REFUSED, sign_field
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.schema import TicketSchema, load_schema


def sent_along_notice(schema: TicketSchema, lost: Collection[str], *, is_unread: bool) -> Notice | None:
    """Return the warning before a save to such a CRM; None for another CRM.

    `lost` are the fields that a save would lose, as far as that is known; `is_unread`: nothing can be read.
    """
    if not schema.choices.omitted_are_emptied:
        return None
    title = _("This CRM empties every field that a request leaves out.")
    if is_unread:
        text = _("What cannot be read cannot be sent along.")
        step = _(
            "Every field that you do not fill in would be lost. Fill in all of them, or save in the CRM."
        )
        return Notice(Tone.DANGER, title, f"{text} {_of_others()}", step)
    text = _("So every save also sends, unchanged, what was just read.")
    if not lost:
        maybe = _("Custom fields that this key cannot read may be lost.")
        return Notice(Tone.INFO, title, f"{text} {maybe}")
    sentence = _("These fields cannot be read and would be lost, unless you fill them in: %(fields)s.")
    return Notice(Tone.DANGER, title, text, _naming(sentence, lost, schema))


def losing_notice(lost: Iterable[str], schema: TicketSchema, step: Text) -> Notice:
    """Return the banner for a save that was not sent, because it would lose fields that cannot be read."""
    title = _("Nothing was sent: this CRM would empty fields that cannot be read.")
    return Notice(Tone.DANGER, title, f"{would_be_lost(lost, schema)} {NOTHING_CHANGED}", step)


def would_be_lost(lost: Iterable[str], schema: TicketSchema) -> str:
    """Return the sentences that name the fields which a save would lose."""
    return _naming(_("These fields would be lost: %(fields)s."), lost, schema)


def _naming(sentence: str, lost: Iterable[str], schema: TicketSchema) -> str:
    """Return a sentence with the labels of lost fields, and one on custom fields that have no name here."""
    names = list(lost)
    named = [name for name in names if name != OTHER_CUSTOM]
    sentences = [sentence % {"fields": labels_of(named, schema)}] if named else []
    return " ".join([*sentences, *([_of_others()] if OTHER_CUSTOM in names else [])])


def _of_others() -> str:
    return _("Custom fields that this key cannot read and that are not named here would be lost.")


def status_notice(choices: Choices) -> Notice | None:
    """Return the same warning for pages whose buttons save tickets that only the save will read."""
    if not choices.omitted_are_emptied:
        return None
    return sent_along_notice(load_schema(choices), (), is_unread=choices.reading is Reading.REFUSED)


def run_notice(bulk: BulkUpdate, schema: TicketSchema, *, has_unread: bool) -> Notice | None:
    """Return the same warning for a run that is ready; `has_unread`: some of its tickets cannot be read."""
    lost = sorted(fields_named_as_lost(bulk.items.all()))
    notice = sent_along_notice(schema, lost, is_unread=has_unread)
    return replace(notice, next_step=would_be_lost(lost, schema)) if notice and lost else notice


def labels_of(names: Iterable[str], schema: TicketSchema | None = None) -> str:
    """Return the labels of fields as one text."""
    schema = schema or load_schema()
    return get_text_list([str(schema.field(name).label) for name in names], _("and"))


def known_of_omitted(omitted: OmittedFields) -> Text:
    """Return the sentence of the connection page on what is known of fields that a PUT leaves out."""
    if omitted.at is None:
        return _("Not known to be emptied.")
    if omitted.set_by and omitted.are_emptied:
        return _("Emptied, according to %(name)s.") % {"name": omitted.set_by}
    if omitted.set_by:
        return _("Kept, according to %(name)s.") % {"name": omitted.set_by}
    seen = _("Emptied: seen at ticket %(ticket)s (%(fields)s).")
    return seen % {"ticket": omitted.ticket, "fields": labels_of(omitted.fields)}


_RESULTS: dict[str, Any] = {
    Outcome.VERIFIED: gettext_lazy("“%(field)s” was set to %(name)s."),
    SIGNATURE_REFUSED: gettext_lazy(
        "The CRM refused this change with “%(field)s” in it, so it was sent without."
    ),
    Outcome.NOT_APPLIED: gettext_lazy("“%(field)s” was sent as %(name)s, but the CRM kept the old value."),
    Outcome.STORED_DIFFERENTLY: gettext_lazy(
        "“%(field)s” was sent as %(name)s, but the CRM stored something else."
    ),
}
_NOT_KNOWN: Any = gettext_lazy("“%(field)s” was sent as %(name)s; whether the CRM stored it is not known.")


def signature_before(user: User, schema: TicketSchema, *, was_read: bool) -> Text:
    """Return what a preview says of the signature; "" if no field carries one."""
    if not sign_field():
        return ""
    if not was_read:
        return _(
            "“%(field)s” is not set to your name: the ticket could not be read, and a CRM that replaces "
            "custom fields would lose the others."
        ) % {"field": schema.field(sign_field()).label}
    return describe_signature(sign_field(), user.display_name, schema)


def describe_signature(name: str, user_name: str, schema: TicketSchema) -> str:
    """Return what a preview says of a signature that will be sent."""
    names = {"field": schema.field(name).label, "name": user_name}
    return _("“%(field)s” is set to %(name)s as well, where the CRM shows the custom fields.") % names


def signature_after(change: Change, schema: TicketSchema) -> Text:
    """Return what became of the signature of a change; "" if it was not signed."""
    kept = change.signature
    if not kept:
        return ""
    names = {"field": schema.field(kept["field"]).label, "name": kept["name"]}
    return str(_RESULTS.get(kept["result"], _NOT_KNOWN) % names)
