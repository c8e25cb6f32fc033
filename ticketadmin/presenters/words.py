"""What each outcome word means: one sentence a word, the same wherever the word is shown."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import ItemOutcome, Outcome, Plan

Text = str | Promise

MEANINGS: dict[str, Text] = {
    Outcome.PENDING: _("It was sent and no answer is on record yet."),
    Outcome.VERIFIED: _("It was read back from the CRM after saving and is what was sent."),
    Outcome.STORED_DIFFERENTLY: _("The CRM stored something else than was sent."),
    Outcome.NOT_APPLIED: _("The CRM kept the old value of at least one field."),
    Outcome.NOT_READABLE: _("It was sent. The CRM does not let this tool read these fields back."),
    Outcome.ACCEPTED: _("The CRM said yes; the ticket could not be read back right after it."),
    Outcome.REJECTED: _("The CRM refused it, so nothing was changed."),
    Outcome.UNKNOWN: _("It was sent, and whether the CRM stored it is not known."),
    ItemOutcome.ALREADY: _("The ticket holds what is wanted, so there is nothing to send."),
    ItemOutcome.CONFLICT: _("It was changed after the check, so nothing was sent."),
    ItemOutcome.NOT_DONE: _("Nothing could be sent; the reason stands with the ticket."),
    ItemOutcome.NOT_SENT: _("The bulk update was stopped before its turn came."),
    Plan.SEND: _("It differs from what is wanted and will be sent."),
    Plan.BLIND: _("It cannot be read, so it will be sent without comparing and cannot be undone."),
    Plan.CANNOT: _("It will be left out; the reason stands with the ticket."),
}


def meaning_of(word: str) -> Text:
    """Return the sentence for an outcome or a plan, "" for a word that needs none."""
    return MEANINGS.get(word, "")
