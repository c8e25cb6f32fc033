"""Every failure in plain words: what happened, whether the CRM was changed, and what to do next.

One table for pages, bulk items and commands. Nothing here repeats the CRM's own words: those are
shown beside, as a quotation.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.ticketapi.errors import TicketApiError

Text = str | Promise

NOTHING_CHANGED = _("Nothing was changed in the CRM.")
MAY_HAVE_CHANGED = _("It is not known whether the CRM was changed.")
PARTLY_CHANGED = _("Some of the fields were stored in the CRM, but not all of them for certain.")

TRY_AGAIN = _("Try again in a minute.")
TELL_ADMINISTRATOR = _("Please tell an administrator.")
LOOK_FIRST = _("Reload the ticket to see what it holds before you send again.")
SEND_THE_REST = _("Save again: only what is missing is sent.")
CORRECT = _("Correct the marked fields and save again.")
CHECK_CODE = _("Check the ticket code.")


@dataclass(frozen=True)
class Explanation:
    """What a person is told. `status` is the HTTP status of our page."""

    title: Text
    next_step: Text
    status: int

    @property
    def next_step_unchanged(self) -> Text:
        """The next step where the CRM certainly was not changed: there is nothing to look at first."""
        return TRY_AGAIN if self.next_step is LOOK_FIRST else self.next_step


_EXPLANATIONS: dict[str, Explanation] = {
    "invalid": Explanation(_("The CRM refused these values."), CORRECT, 422),
    "rejected": Explanation(_("The CRM refused the request."), TELL_ADMINISTRATOR, 422),
    "error_in_success": Explanation(_("The CRM answered with an error."), LOOK_FIRST, 502),
    "bad_code": Explanation(_("This is not a ticket code."), CHECK_CODE, 422),
    "no_key": Explanation(_("The connection to the CRM is not set up."), TELL_ADMINISTRATOR, 503),
    "key_refused": Explanation(_("The CRM does not accept this tool's key."), TELL_ADMINISTRATOR, 503),
    "forbidden": Explanation(
        _("The CRM does not allow this tool to change this ticket."), TELL_ADMINISTRATOR, 403
    ),
    "method_not_allowed": Explanation(_("The CRM does not offer this."), TELL_ADMINISTRATOR, 403),
    "not_found": Explanation(_("The CRM has no ticket with this code."), CHECK_CODE, 404),
    "conflict": Explanation(
        _("The CRM says that somebody else changed this ticket at the same time."),
        _("Save again to compare what you typed with the ticket as it is now."),
        409,
    ),
    "rate_limited": Explanation(_("The CRM is busy and asked to wait."), TRY_AGAIN, 429),
    "refused": Explanation(_("The CRM cannot be reached."), TRY_AGAIN, 503),
    "circuit_open": Explanation(
        _("The CRM has not answered for a while, so it was not asked this time."), TRY_AGAIN, 503
    ),
    "busy_here": Explanation(_("Too much is being sent to the CRM at the moment."), TRY_AGAIN, 503),
    "dns": Explanation(_("The CRM's address cannot be found."), TELL_ADMINISTRATOR, 503),
    "tls": Explanation(_("The secure connection to the CRM could not be made."), TELL_ADMINISTRATOR, 502),
    "connect_timeout": Explanation(_("The CRM cannot be reached."), TRY_AGAIN, 504),
    "read_timeout": Explanation(_("The CRM did not answer in time."), LOOK_FIRST, 504),
    "deadline": Explanation(_("The CRM took too long to answer."), LOOK_FIRST, 504),
    "reset": Explanation(_("The connection to the CRM broke off."), LOOK_FIRST, 502),
    "server_error": Explanation(_("The CRM reported an error of its own."), LOOK_FIRST, 502),
    "bad_gateway": Explanation(_("The CRM is not available at the moment."), LOOK_FIRST, 502),
    "unavailable": Explanation(_("The CRM is not available at the moment."), TRY_AGAIN, 503),
    "gateway_timeout": Explanation(_("The CRM did not answer in time."), LOOK_FIRST, 504),
    "redirect": Explanation(
        _("The CRM's address redirects elsewhere, which is not followed."), TELL_ADMINISTRATOR, 502
    ),
    "oversized": Explanation(_("The CRM's answer was too large to read."), TELL_ADMINISTRATOR, 502),
    "not_json": Explanation(_("The CRM's answer could not be understood."), LOOK_FIRST, 502),
    "not_object": Explanation(_("The CRM's answer could not be understood."), LOOK_FIRST, 502),
    "other_ticket": Explanation(_("The CRM answered about another ticket."), TELL_ADMINISTRATOR, 502),
}
_UNFORESEEN = Explanation(_("The CRM's answer could not be understood."), TELL_ADMINISTRATOR, 502)


def explain(error: TicketApiError) -> Explanation:
    """Return what to tell a person of a failed call."""
    return explain_reason(error.reason)


def explain_reason(reason: str) -> Explanation:
    """Return the same for the reason on record in a change."""
    return _EXPLANATIONS.get(reason, _UNFORESEEN)
