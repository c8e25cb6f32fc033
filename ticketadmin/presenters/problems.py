"""Why a change was not made, as a banner: a call that failed, another save, what the save refused."""

from collections.abc import Mapping

from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from ticketadmin.models import Change, Outcome, Tone, User
from ticketadmin.presenters.outcomes import (
    MAY_HAVE_CHANGED,
    NOTHING_CHANGED,
    PARTLY_CHANGED,
    SEND_THE_REST,
    Notice,
    Text,
    explain,
)
from ticketadmin.presenters.rules import broken_notice
from ticketadmin.services.saving.errors import CheckFailed, ReadingLost, RuleBroken, SaveFailed, SaveProblem
from ticketadmin.services.saving.readback import applied_fields, certain_at, changed_nothing
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import Effect, TicketApiError


def describe_problem(error: TicketApiError, change: Change | None = None, *, request_id: str = "") -> Notice:
    """Return the banner for a call that failed; without a change nothing had been sent."""
    explanation = explain(error)
    if change is None or changed_nothing(change) or error.effect is Effect.NONE:
        tone, what_changed, next_step = Tone.DANGER, NOTHING_CHANGED, explanation.next_step_unchanged
    elif applied_fields(change):
        tone, what_changed, next_step = Tone.WARN, PARTLY_CHANGED, SEND_THE_REST
    else:
        tone, what_changed, next_step = Tone.WARN, MAY_HAVE_CHANGED, explanation.next_step
    return Notice(tone, explanation.title, what_changed, next_step, error.api_message, request_id)


def describe_in_progress(other: Change | None, user: User, next_step: Text) -> Notice:
    """Return the banner for a save that could not begin, because another save of its ticket is running.

    A save whose process is known to have ended no longer blocks anything. For any other, the banner says how
    long it blocks at most, should it have been cut off.
    """
    if other is None or other.actor_id == user.pk:
        title = _("Your earlier save of this ticket has not finished.")
        text = _("Nothing more was sent.")
    else:
        title = _("%(name)s is saving this ticket at the moment.") % {"name": other.actor_name}
        text = _("Nothing was sent.")
    if other is not None and other.outcome == Outcome.PENDING:
        until = {"time": time_format(timezone.localtime(certain_at(other)), "H:i:s")}
        text += (
            " " + _("If that save was cut off, it blocks this ticket until %(time)s at the latest.") % until
        )
    return Notice(Tone.WARN, title, text, next_step)


def describe_refused(
    problem: SaveProblem, schema: TicketSchema | None = None, *, request_id: str = ""
) -> tuple[Notice, int]:
    """Return the banner for a save that did not succeed, and the HTTP status of the page that shows it.

    Raises the problem itself where what to do next depends on the page.
    """
    match problem:
        case RuleBroken(unmet=unmet):
            return broken_notice(unmet, schema or load_schema()), 422
        case ReadingLost():
            title = _("The ticket can no longer be read, so your changes could not be compared with it.")
            return Notice(Tone.WARN, title, NOTHING_CHANGED), 409
        case CheckFailed(error=error):
            return describe_problem(error, request_id=request_id), explain(error).status
        case SaveFailed(change=change, error=error):
            return describe_problem(error, change, request_id=request_id), explain(error).status
        case _:
            raise problem


def quote_by_field(message: str, fields: Mapping[str, tuple[str, ...]], schema: TicketSchema) -> str:
    """Return what the CRM says of the request, then what it says of each of these fields, by its label."""
    words = (f"{schema.field(name).label}: {' '.join(said)}" for name, said in fields.items())
    return " · ".join(filter(None, (message, *words)))
