"""The check of the connection as the page and the command show it: questions, answers, reasons in words."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.presenters.outcomes import explain_reason
from ticketadmin.services.crm.check import Answer, Question, Report

Text = str | Promise

QUESTIONS: dict[Question, Text] = {
    Question.REACH: _("The CRM can be reached"),
    Question.KEY: _("The key is accepted"),
    Question.STATUSES: _("The list of statuses can be read"),
    Question.CATEGORIES: _("The list of categories can be read"),
    Question.LIST: _("Tickets can be listed"),
    Question.READ: _("A ticket can be read"),
}
# What is said of an answer, and the icon and class that show it.
ANSWERS: dict[Answer, tuple[Text, str, str]] = {
    Answer.WORKS: (_("yes"), "circle-check", "tone-text-success"),
    Answer.REFUSED: (_("no, the key may not"), "circle-minus", "muted"),
    Answer.FAILS: (_("no"), "circle-x", "tone-text-danger"),
    Answer.UNKNOWN: (_("not known"), "circle-minus", "muted"),
}


@dataclass(frozen=True)
class PresentedStep:
    """One question with its answer; `why` is "" where nothing went wrong."""

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
            *ANSWERS[step.state],
            why=explain_reason(step.reason).title if step.reason else "",
            ms=step.ms,
        )
        for step in report.steps
    ]
