"""All texts about outcomes and failures: what happened, whether the CRM was changed, what to do next.

One table for each vocabulary (`Reason`, `Outcome`, `ItemOutcome`, `Plan`, `ItemReason`, `Cause`,
`PauseReason`), used by pages, bulk items and commands; tests/presenters/test_outcomes.py checks that
each is complete. These texts never repeat the CRM's own message, which is shown beside them as a quotation.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import Change, ItemOutcome, ItemReason, Outcome, PauseReason, Plan, Tone
from ticketadmin.services.saving.readback import applied_fields, changed_nothing, shown_outcome
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.reasons import Cause, Reason

Text = str | Promise

NOTHING_CHANGED = _("Nothing was changed in the CRM.")
MAY_HAVE_CHANGED = _("It is not known whether the CRM was changed.")
NOT_ALL_READ = _(
    "The ticket was read back without its content, which is too large to be read here: content not checked."
)
PARTLY_CHANGED = _("Some of the fields were stored in the CRM, but not all of them for certain.")

TRY_AGAIN = _("Try again in a minute.")
A_MINUTE = 60  # seconds
TELL_ADMINISTRATOR = _("Please tell an administrator.")
LOOK_FIRST = _("Reload the ticket to see what it holds before you send again.")
SEND_THE_REST = _("Save again: only what is missing is sent.")
CORRECT = _("Correct what the CRM does not take, and save again.")
CORRECT_MARKED = _("Correct the marked fields and save again.")
CHECK_CODE = _("Check the ticket code.")


@dataclass(frozen=True)
class Notice:
    """One banner."""

    tone: Tone
    title: Text
    text: Text = ""
    next_step: Text = ""
    quotation: str = ""  # the CRM's own words
    request_id: str = ""

    @property
    def is_problem(self) -> bool:
        """Return whether it is an error: screen readers announce it immediately, and it names the request."""
        return self.tone in {Tone.WARN, Tone.DANGER}

    @property
    def is_news(self) -> bool:
        """Return whether it only informs, so that the user has nothing to do."""
        return self.tone == Tone.INFO

    @property
    def role(self) -> str:
        """How screen readers announce it."""
        return "alert" if self.is_problem else "status"


# --- why a call failed -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Explanation:
    """The message for a failed call. `status` is the HTTP status of the page that shows it."""

    title: Text
    next_step: Text
    status: int

    @property
    def next_step_unchanged(self) -> Text:
        """The next step if the CRM certainly was not changed: there is nothing to look at first."""
        return TRY_AGAIN if self.next_step is LOOK_FIRST else self.next_step


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.INVALID: Explanation(_("The CRM refused these values."), CORRECT, 422),
    Reason.REJECTED: Explanation(_("The CRM refused the request."), TELL_ADMINISTRATOR, 422),
    Reason.ERROR_IN_SUCCESS: Explanation(_("The CRM answered with an error."), LOOK_FIRST, 502),
    Reason.BAD_CODE: Explanation(_("This is not a ticket code."), CHECK_CODE, 422),
    Reason.NO_KEY: Explanation(_("The connection to the CRM is not set up."), TELL_ADMINISTRATOR, 503),
    Reason.KEY_REFUSED: Explanation(_("The CRM does not accept this tool's key."), TELL_ADMINISTRATOR, 503),
    Reason.FORBIDDEN: Explanation(
        _("The CRM does not allow this tool to change this ticket."), TELL_ADMINISTRATOR, 403
    ),
    Reason.METHOD_NOT_ALLOWED: Explanation(_("The CRM does not offer this."), TELL_ADMINISTRATOR, 403),
    Reason.NOT_FOUND: Explanation(_("The CRM has no ticket with this code."), CHECK_CODE, 404),
    Reason.CONFLICT: Explanation(
        _("The CRM says that someone else changed this ticket at the same time."),
        _("Save again to compare what you typed with the ticket as it is now."),
        409,
    ),
    Reason.LOCKED: Explanation(
        _("The ticket is locked in the CRM."), _("Try again when it is free there."), 423
    ),
    Reason.RATE_LIMITED: Explanation(_("The CRM is busy and asked to wait."), TRY_AGAIN, 429),
    Reason.REFUSED: Explanation(_("The CRM cannot be reached."), TRY_AGAIN, 503),
    Reason.CIRCUIT_OPEN: Explanation(
        _("The CRM has not answered for a while, so it was not called this time."), TRY_AGAIN, 503
    ),
    Reason.BUSY_HERE: Explanation(_("Too much is being sent to the CRM at the moment."), TRY_AGAIN, 503),
    Reason.DNS: Explanation(_("The CRM's address cannot be found."), TELL_ADMINISTRATOR, 503),
    Reason.TLS: Explanation(
        _("The secure connection to the CRM could not be made."), TELL_ADMINISTRATOR, 502
    ),
    Reason.CONNECT_TIMEOUT: Explanation(_("The CRM cannot be reached."), TRY_AGAIN, 504),
    Reason.READ_TIMEOUT: Explanation(_("The CRM did not answer in time."), LOOK_FIRST, 504),
    Reason.DEADLINE: Explanation(_("The CRM took too long to answer."), LOOK_FIRST, 504),
    Reason.RESET: Explanation(_("The connection to the CRM broke off."), LOOK_FIRST, 502),
    Reason.SERVER_ERROR: Explanation(_("The CRM reported an error of its own."), LOOK_FIRST, 502),
    Reason.BAD_GATEWAY: Explanation(_("The CRM is not available at the moment."), LOOK_FIRST, 502),
    Reason.UNAVAILABLE: Explanation(_("The CRM is not available at the moment."), TRY_AGAIN, 503),
    Reason.GATEWAY_TIMEOUT: Explanation(_("The CRM did not answer in time."), LOOK_FIRST, 504),
    Reason.REDIRECT: Explanation(
        _("The CRM's address redirects elsewhere, which is not followed."), TELL_ADMINISTRATOR, 502
    ),
    Reason.OVERSIZED: Explanation(_("The CRM's answer was too large to read."), TELL_ADMINISTRATOR, 502),
    Reason.NOT_JSON: Explanation(_("The CRM's answer could not be understood."), LOOK_FIRST, 502),
    Reason.NOT_OBJECT: Explanation(_("The CRM's answer could not be understood."), LOOK_FIRST, 502),
    Reason.OTHER_TICKET: Explanation(_("The CRM answered about another ticket."), TELL_ADMINISTRATOR, 502),
}
_FROM_ANOTHER_VERSION = Explanation(_("The CRM's answer could not be understood."), TELL_ADMINISTRATOR, 502)


def explain(error: TicketApiError) -> Explanation:
    """Return the message for a failed call; a wait that the CRM asked for is named beyond a minute."""
    found, wait = EXPLANATIONS[error.reason], error.retry_after or 0
    if found.next_step is not TRY_AGAIN or wait <= A_MINUTE:
        return found
    until = date_format(timezone.localtime(timezone.now() + timedelta(seconds=wait)), "SHORT_DATETIME_FORMAT")
    return replace(found, next_step=gettext("Try again after %(time)s.") % {"time": until})


def explain_reason(word: str) -> Explanation:
    """Return the message for the reason stored with a change, even one that another version wrote."""
    reason = Reason.known(word)
    return EXPLANATIONS[reason] if reason else _FROM_ANOTHER_VERSION


# --- what became of a save ---------------------------------------------------------------------------


@dataclass(frozen=True)
class OutcomeText:
    """What an outcome says: in one sentence wherever its label is shown, and in a banner after a save."""

    meaning: Text
    title: Text = ""
    text: Text = ""


OUTCOMES: dict[Outcome, OutcomeText] = {
    Outcome.PENDING: OutcomeText(
        _("It was sent, and no answer has been recorded yet."),
        _("A save is in progress."),
        _("It was sent, and no answer has been recorded yet."),
    ),
    Outcome.VERIFIED: OutcomeText(
        _("It was read back from the CRM after saving and is what was sent."),
        _("Saved and verified."),
        _("The ticket was read back from the CRM and held these values."),
    ),
    Outcome.STORED_DIFFERENTLY: OutcomeText(
        _("The CRM stored something other than what was sent."),
        _("Saved, but the CRM stored something else."),
        _("Compare what was sent with what the CRM holds now."),
    ),
    Outcome.NOT_APPLIED: OutcomeText(
        _("The CRM kept the old value of at least one field."),
        _("Not saved: the CRM accepted the request but kept the old value."),
        _("At least one field is unchanged in the CRM. Try again, or tell an administrator."),
    ),
    Outcome.NOT_READABLE: OutcomeText(
        _("It was sent. The CRM does not let this tool read these fields back."),
        _("Sent and accepted, but it cannot be checked."),
        _("The CRM accepted it. It does not let this tool read these fields back."),
    ),
    Outcome.ACCEPTED: OutcomeText(
        _("The CRM accepted it, but the ticket could not be read back."),
        _("Accepted by the CRM, not checked yet."),
        _("Reading the ticket back failed. It is checked when the ticket is opened again."),
    ),
    Outcome.REJECTED: OutcomeText(
        _("The CRM refused it, so nothing was changed."),
        _("Not saved: the CRM refused it."),
        NOTHING_CHANGED,
    ),
    Outcome.UNKNOWN: OutcomeText(
        _("It was sent, and whether the CRM stored it is not known."),
        _("It is not known whether this was saved."),
        _("The request was sent, but no usable answer came back."),
    ),
}
# For every label that is shown beside a ticket; `Plan.ALREADY` has the value of the outcome.
MEANINGS: dict[str, Text] = {
    **{one.value: words.meaning for one, words in OUTCOMES.items()},
    ItemOutcome.ALREADY: _("The ticket holds what is wanted, so there is nothing to send."),
    ItemOutcome.CONFLICT: _("It no longer held what the check had shown, so nothing was sent."),
    ItemOutcome.NOT_DONE: _("Nothing could be sent; the reason is given with the ticket."),
    ItemOutcome.NOT_SENT: _("The bulk update was stopped before this ticket was sent."),
    Plan.SEND: _("It differs from what is wanted and will be sent."),
    Plan.BLIND: _("It cannot be read, so it will be sent without comparing and cannot be undone."),
    Plan.CANNOT: _("It will be left out; the reason is given with the ticket."),
}


def meaning_of(word: str) -> Text:
    """Return the sentence for an outcome or a plan, "" for a word that needs none."""
    return MEANINGS.get(word, "")


def describe_outcome(change: Change) -> Notice:
    """Return the banner for a change on record."""
    if change.outcome == Outcome.REJECTED:
        explanation = explain_reason(change.reason)
        step, quotation = explanation.next_step_unchanged, change.message
        return Notice(Tone.DANGER, explanation.title, NOTHING_CHANGED, step, quotation, change.request_id)
    quotation = change.message if change.reason else ""
    return Notice(*_verdict_on(change), quotation=quotation, request_id=change.request_id)


def _verdict_on(change: Change) -> tuple[Tone, Text, Text]:
    """Return tone, title and text for a change that was not refused."""
    outcome = shown_outcome(change)
    words = OUTCOMES[outcome]
    tone, title, text = outcome.tone, words.title, words.text
    was_accepted = change.http_status is not None and not change.reason
    if change.is_settled and outcome.is_open:
        return _undecided(change)
    if outcome is Outcome.NOT_APPLIED and not changed_nothing(change):
        title = _("Not saved in full: the CRM kept the old value of at least one field.")
        text = _("The outcome is given with each field. Save again to send what is missing.")
    elif outcome is Outcome.NOT_APPLIED and not was_accepted:
        title = _("Not saved: the CRM kept the old value.")
        text = _("Its answer was lost or was an error, and reading the ticket showed this. Try again.")
    elif outcome is Outcome.NOT_READABLE and not was_accepted:
        title = _("Sent, but not all of it can be checked.")
        text = _(
            "No usable answer came back. The CRM shows only part of what was sent, and that part is stored."
        )
    elif change.has_unchecked and outcome.is_saved:
        tone, text = Tone.INFO if outcome is Outcome.VERIFIED else tone, NOT_ALL_READ
    elif change.collateral and outcome is Outcome.VERIFIED:
        tone, title = Tone.WARN, _("Saved and verified, but other fields changed at the same time.")
    return tone, title, text


def _undecided(change: Change) -> tuple[Tone, Text, Text]:
    undecided = [name for name, found in change.results.items() if found == change.outcome]
    if change.outcome == Outcome.ACCEPTED:
        title = _("Accepted by the CRM, but it can no longer be checked.")
    elif applied_fields(change):
        title = _("Saved in part; the rest is not known.")
    else:
        title = _("The result of this save is not known.")
    text = _("No usable answer came back, and the CRM does not show what it stored.")
    if any(name in (change.read_back or {}) for name in undecided):
        text = _(
            "The CRM now holds another value; it is not known whether yours was ever stored. "
            "Look at the ticket."
        )
    return Tone.WARN, title, text


# --- bulk runs ---------------------------------------------------------------------------------------

ITEM_REASONS: dict[ItemReason, Text] = {
    ItemReason.CHANGED_SINCE: _("It was changed in the meantime."),
    ItemReason.NOT_AS_LISTED: _(
        "The check took this ticket's value from the CRM's list. Right before sending, the ticket itself "
        "held another value, which was stored shortly before the check or after it. Check again to see it."
    ),
    ItemReason.CHANGED_SINCE_EXPORT: _(
        "A value that you changed in the file was changed in the CRM, too, after the export. Nothing of this "
        "ticket is sent before you choose which one counts."
    ),
    ItemReason.KEPT_THEIRS: _("You chose to keep what the CRM holds."),
    ItemReason.UNCHANGED_IN_FILE: _("Its row asks for no change. The ticket was not read again."),
    ItemReason.READING_LOST: _("It can no longer be read, so it cannot be compared."),
    ItemReason.IN_PROGRESS: _("Another save of this ticket had not finished."),
    ItemReason.INTERNAL_ERROR: _("This tool failed; an administrator finds the details in the log."),
    ItemReason.NOT_UNDOABLE: _("The values before it are not known, so there is nothing to go back to."),
    ItemReason.NOT_CERTAIN: _("It is not known whether the run changed it, so nothing is taken back."),
    ItemReason.NOTHING_WANTED: _("Its row in the file has no value, so there is nothing to change."),
    ItemReason.RECIPE_STOPPED: _("The recipe cannot be used on this ticket."),
    ItemReason.BROKEN_RULE: _("A rule does not allow this change."),
    ItemReason.WOULD_LOSE: _(
        "The CRM would empty fields that cannot be read, and the check did not name them. "
        "Check it again to see them before it is sent."
    ),
    ItemReason.NOT_OFFERED: _(
        "Its row names an option that is not offered and that the ticket does not hold already."
    ),
    ItemReason.OTHER_TYPE: _(
        "A field of this ticket holds a value of another type, such as JSON, which this value would destroy. "
        "Change it in the ticket's own form."
    ),
}
PAUSES: dict[str, tuple[Text, Text]] = {
    Cause.KEY_REFUSED: (
        _("Paused: the CRM does not accept this tool's key."),
        _("Tell an administrator. Resume when the key works; the remaining tickets are sent then."),
    ),
    Cause.FORBIDDEN: (
        _("Paused: the CRM forbids one ticket after the other."),
        _("Ask an administrator whether the key may change these tickets, then resume or stop."),
    ),
    Cause.CRM_DOWN: (
        _("Paused: the CRM does not answer, or only with errors."),
        _("Nothing is lost. Resume when the CRM is back; the remaining tickets are sent then."),
    ),
    PauseReason.RESTORED: (
        _("Paused: the database was restored from a backup."),
        _(
            "What was sent after the backup is not known here. Look at the tickets, then resume or stop. "
            "Tickets that can be read are compared first; others would be sent their values again."
        ),
    ),
    PauseReason.NOT_ALLOWED: (
        _("Paused: the user who started it may no longer run bulk updates."),
        _("Stop it, or have an administrator give the right back and resume."),
    ),
    PauseReason.FIELDS_EMPTIED: (
        _("Paused: the CRM emptied fields that were not sent."),
        _(
            "Right after these tickets were saved, fields that this tool had not sent were empty. This CRM "
            "may empty every field that a request leaves out. No further ticket is sent."
        ),
    ),
    PauseReason.FIELDS_CHANGED: (
        _("Paused: fields that were not sent have changed."),
        _(
            "It may be an automation of the CRM, or a colleague at the same moment. You are asked once for "
            "each field of a run. No further ticket is sent."
        ),
    ),
    PauseReason.KEPT_OLD_VALUES: (
        _("Paused: the CRM accepts the changes but keeps the old values."),
        _("These tickets were accepted by the CRM and then read back unchanged. No further ticket is sent."),
    ),
}


def why_left_out(word: str) -> Text:
    """Return the sentence for the reason on record in a bulk item."""
    return ITEM_REASONS[ItemReason(word)] if word in list(ItemReason) else explain_reason(word).title
