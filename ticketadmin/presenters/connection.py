"""The check of the connection as the page and the command show it: questions, answers, reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import Change, Heartbeat, Outcome, User
from ticketadmin.presenters.index import IndexFacts
from ticketadmin.presenters.outcomes import OUTCOMES, Text, explain_reason
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.sent_along import known_of_omitted
from ticketadmin.services.crm.check import (
    CheckAnswer,
    CheckQuestion,
    CheckStep,
    Facts,
    Report,
    connection_facts,
    last_report,
)
from ticketadmin.services.crm.circuit_breaker import circuit
from ticketadmin.services.crm.omitted import OmittedFields, omitted_fields
from ticketadmin.services.erasing.retention import DeletionNotice, notice_ends, notices
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.state import index_state
from ticketadmin.services.operations.heartbeats import living
from ticketadmin.services.operations.readiness import queue_depth
from ticketadmin.services.saving.custom_fields import sends_changed_keys
from ticketadmin.ticketapi.reasons import Reason

QUESTIONS: dict[CheckQuestion, Text] = {
    CheckQuestion.REACH: _("The CRM can be reached"),
    CheckQuestion.KEY: _("The key is accepted"),
    CheckQuestion.STATUSES: _("The list of statuses can be read"),
    CheckQuestion.CATEGORIES: _("The list of categories can be read"),
    CheckQuestion.LIST: _("Tickets can be listed"),
    CheckQuestion.READ: _("A ticket can be read"),
}
# The words for an answer, and the icon and class that show it.
ANSWERS: dict[CheckAnswer, tuple[Text, str, str]] = {
    CheckAnswer.WORKS: (_("yes"), "circle-check", "tone-text-success"),
    CheckAnswer.REFUSED: (_("no, the key may not"), "circle-minus", "muted"),
    CheckAnswer.FAILS: (_("no"), "circle-x", "tone-text-danger"),
    CheckAnswer.UNKNOWN: (_("not known"), "circle-minus", "muted"),
}
NOT_THERE = (_("no"), "circle-minus", "muted")


@dataclass(frozen=True)
class PresentedStep:
    """One question with its answer; `why` is "" if nothing went wrong."""

    label: Text
    answer: Text
    icon: str
    tone: str
    why: Text = ""
    ms: float | None = None


def present_report(report: Report) -> list[PresentedStep]:
    """Return the steps of a check in words."""
    return [
        PresentedStep(
            QUESTIONS[step.name],
            *(NOT_THERE if _is_not_there(step) else ANSWERS[step.state]),
            why=_why(step),
            ms=step.ms,
        )
        for step in report.steps
    ]


def _is_not_there(step: CheckStep) -> bool:
    """Return whether the address of a list is a 404, which says nothing about the key's rights."""
    return step.reason is Reason.NOT_FOUND and step.name is not CheckQuestion.READ


def _why(step: CheckStep) -> Text:
    """Return why an answer is not yes. A 404 for a list does not mean that a ticket's code is wrong."""
    if step.reason is None:
        return ""
    if _is_not_there(step):
        return _("Nothing is at this address. TICKET_API_URL may be wrong, or this CRM has no such list.")
    return explain_reason(step.reason).title


def custom_fields_sent(*, only_changed: bool) -> Text:
    """Return which custom fields a save sends, and what that may do to the others."""
    if only_changed:
        return _("A save sends only the changed ones. A trial has shown that this CRM keeps the others.")
    return _(
        "Saving one of them sends all of them as they were just read. What a colleague saves in another "
        "one between that read and the request is overwritten."
    )


@page("connection/connection.html")
class ConnectionPage(Page):
    """The connection page. `open_until` is None unless the circuit breaker holds calls back."""

    report: Report | None
    steps: Sequence[PresentedStep]
    facts: Facts
    failures: Sequence[tuple[Change, Outcome, Text]]  # saves of the last day, how each failed, and why
    open_until: datetime | None
    omitted: OmittedFields
    omitted_known: Text
    custom_fields: Text
    workers: Sequence[Heartbeat]
    queue: int
    notices: Sequence[DeletionNotice]
    notice_ends: datetime | None
    index: IndexFacts


def _why_failed(change: Change) -> Text:
    """Return the reason on record; without one the CRM answered with success, and the outcome says more."""
    return explain_reason(change.reason).title if change.reason else OUTCOMES[Outcome(change.outcome)].meaning


def connection_page(user: User) -> ConnectionPage:
    """Return what is known about the connection, without calling the CRM. Raises Forbidden."""
    report, facts, omitted = last_report(user), connection_facts(user), omitted_fields()
    breaker, found, workers = circuit(), notices(timezone.now()), living()
    return ConnectionPage(
        report=report,
        steps=present_report(report) if report else (),
        facts=facts,
        failures=[(one, Outcome(one.outcome), _why_failed(one)) for one in facts.errors],
        open_until=breaker.at if breaker.seconds_left else None,
        omitted=omitted,
        omitted_known=known_of_omitted(omitted),
        custom_fields=custom_fields_sent(only_changed=sends_changed_keys()),
        workers=workers,
        queue=queue_depth(),
        notices=found,
        notice_ends=notice_ends() if found else None,
        index=IndexFacts(index_state(current_index()), has_worker=bool(workers)),
    )
