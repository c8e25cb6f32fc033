"""What came of a change, as a tone, a title and a sentence, for banners and for the tips of histories."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.models import Change, Outcome
from ticketadmin.services.saving.readback import applied_fields, changed_nothing, shown_outcome

Text = str | Promise

_OUTCOMES: dict[str, tuple[str, Text, Text]] = {
    Outcome.VERIFIED: (
        "success",
        gettext_lazy("Saved and verified."),
        gettext_lazy("The ticket was read back from the CRM and holds these values."),
    ),
    Outcome.STORED_DIFFERENTLY: (
        "warn",
        gettext_lazy("Saved, but the CRM stored something else."),
        gettext_lazy("Compare what was sent with what the CRM holds now."),
    ),
    Outcome.NOT_APPLIED: (
        "danger",
        gettext_lazy("Not saved: the CRM accepted the request but kept the old value."),
        gettext_lazy("At least one field is unchanged in the CRM. Try again, or tell an administrator."),
    ),
    Outcome.NOT_READABLE: (
        "info",
        gettext_lazy("Sent and accepted, but it cannot be checked."),
        gettext_lazy("The CRM said yes. It does not let this tool read these fields back."),
    ),
    Outcome.ACCEPTED: (
        "warn",
        gettext_lazy("Accepted by the CRM, not checked yet."),
        gettext_lazy("Reading the ticket back failed. It is checked when the ticket is opened again."),
    ),
    Outcome.PENDING: (
        "info",
        gettext_lazy("A save is in progress."),
        gettext_lazy("It was sent and no answer is on record yet."),
    ),
    Outcome.UNKNOWN: (
        "warn",
        gettext_lazy("It is not known whether this was saved."),
        gettext_lazy("The request was sent, but no usable answer came back."),
    ),
}
_NOT_IN_FULL = (
    "danger",
    gettext_lazy("Not saved in full: the CRM kept the old value of at least one field."),
    gettext_lazy("The outcome stands with each field. Save again to send what is missing."),
)
_KEPT_WITHOUT_A_YES = (
    "danger",
    gettext_lazy("Not saved: the CRM kept the old value."),
    gettext_lazy("Its answer was lost or was an error, and reading the ticket showed this. Try again."),
)
_NOT_ALL_CHECKED = (
    "info",
    gettext_lazy("Sent, but not all of it can be checked."),
    gettext_lazy(
        "No usable answer came back. Of what was sent, the CRM shows only a part, and that is stored."
    ),
)
_ANOTHER_VALUE = gettext_lazy(
    "The CRM now holds another value; whether yours was ever stored cannot be told. Look at the ticket."
)
_NOT_SHOWN = gettext_lazy("No usable answer came back, and the CRM does not show what it stored.")


def words_of(change: Change) -> tuple[str, Text, Text]:
    """Return tone, title and text for what is known of a change that was not refused."""
    outcome = shown_outcome(change)
    if change.is_settled and outcome in {Outcome.UNKNOWN, Outcome.ACCEPTED}:
        return _words_of_undecided(change)
    if outcome == Outcome.NOT_APPLIED and not changed_nothing(change):
        return _NOT_IN_FULL
    was_accepted = change.http_status is not None and not change.reason
    if outcome == Outcome.NOT_APPLIED and not was_accepted:
        return _KEPT_WITHOUT_A_YES
    if outcome == Outcome.NOT_READABLE and not was_accepted:
        return _NOT_ALL_CHECKED
    if change.collateral and outcome == Outcome.VERIFIED:
        return (
            "warn",
            _("Saved and verified, but other fields changed at the same time."),
            _OUTCOMES[outcome][2],
        )
    return _OUTCOMES[outcome]


def _words_of_undecided(change: Change) -> tuple[str, Text, Text]:
    undecided = [name for name, found in change.results.items() if found == change.outcome]
    is_held = any(name in (change.read_back or {}) for name in undecided)
    if change.outcome == Outcome.ACCEPTED:
        title: Text = _("Accepted by the CRM, but it can no longer be checked.")
    elif applied_fields(change):
        title = _("Saved in part; of the rest it cannot be told.")
    else:
        title = _("It is not known what became of this save.")
    return "warn", title, _ANOTHER_VALUE if is_held else _NOT_SHOWN
