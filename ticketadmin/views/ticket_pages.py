"""The ticket page as a response, for whatever came of a request: fresh, refused, in conflict, saved."""

from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ticketadmin.forms.tickets import TicketForm, form_of, rebased
from ticketadmin.models import Change
from ticketadmin.sanitizing import display_content, what_is_removed
from ticketadmin.services.bases import Base
from ticketadmin.services.choices import Choices, get_choices
from ticketadmin.services.edits import Set
from ticketadmin.services.explanations import NOTHING_CHANGED, explain, explain_reason
from ticketadmin.services.fields import catalogue
from ticketadmin.services.inputs import to_inputs
from ticketadmin.services.reading import ReadTicket
from ticketadmin.services.tickets import (
    SAVED,
    CheckFailed,
    EditConflict,
    NothingToSave,
    OpenedTicket,
    ReadingLost,
    Saved,
    SaveFailed,
    SaveInProgress,
    SaveProblem,
    opened_from,
)
from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError
from ticketadmin.views.access import person_of, request_id_of
from ticketadmin.views.presenting import (
    Notice,
    PresentedChange,
    describe_outcome,
    describe_problem,
    present_changes,
    present_edit,
)

READ_BACK_KEPT_FOR = 20  # seconds: long enough for the redirect after a save
SHOWN_CHANGES = 10


def ticket_page(
    request: HttpRequest,
    form: TicketForm,
    *,
    read: ReadTicket | None = None,
    saved: Change | None = None,
    preview: Mapping[str, Any] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the ticket page around a form."""
    base = form.base
    content = base.values.get("ticket_content")
    changes = recent_changes(request, base.code)
    context = {
        "code": base.code,
        "form": form,
        "base": base,
        "base_token": base.sign(person_of(request)),
        "read": read,
        "content": display_content(str(content)) if content else None,
        "preview": preview,
        "notice": notice,
        "saved": next((one for one in changes if saved and one.change.pk == saved.pk), None),
        "changes": changes,
    }
    return render(request, "tickets/ticket.html", context, status=status)


def unavailable_page(request: HttpRequest, code: str, notice: Notice, status: int) -> HttpResponse:
    """Render the page of a ticket that cannot be opened now."""
    context = {"code": code, "notice": notice, "changes": recent_changes(request, code)}
    return render(request, "tickets/unavailable.html", context, status=status)


def cannot_open_page(request: HttpRequest, code: str, error: TicketApiError) -> HttpResponse:
    """Say why the ticket could not be read."""
    return unavailable_page(
        request, code, describe_problem(error, request_id=request_id_of(request)), explain(error).status
    )


def wrong_base_page(request: HttpRequest, code: str) -> HttpResponse:
    """Answer 409: the form is not this person's, or was altered, so nothing typed in it is shown or sent."""
    title = _("This form was opened by somebody else, or it is damaged.")
    return unavailable_page(
        request, code, Notice("danger", title, NOTHING_CHANGED, _("Open the ticket again.")), 409
    )


def saved_response(request: HttpRequest, saved: Saved, form: TicketForm | None = None) -> HttpResponse:
    """Go to the ticket with the result of a save; a repeated post of one that failed sees the form again."""
    change = saved.change
    if change.outcome not in SAVED and form is not None:
        status = explain_reason(change.reason).status if change.reason else 409
        return ticket_page(request, form, notice=describe_outcome(change), status=status)
    cache.set(_read_back_key(change), saved, READ_BACK_KEPT_FOR)
    return redirect(reverse("ticket", args=[change.ticket_code]) + f"?saved={change.uuid}")


def just_read_back(change: Change) -> OpenedTicket | None:
    """Return the ticket as the save read it back a moment ago, so that the page after it costs no call."""
    saved: Saved | None = cache.get(_read_back_key(change))
    return (
        opened_from(change.ticket_code, saved.read_back, get_choices()) if saved and saved.read_back else None
    )


def _read_back_key(change: Change) -> str:
    return f"read-back:{change.uuid}"


def problem_response(request: HttpRequest, form: TicketForm, problem: SaveProblem) -> HttpResponse:
    """Return the form with everything typed in it and the reason why it was not saved."""
    match problem:
        case NothingToSave():
            text = _("Nothing was sent: the CRM already holds these values.")
            return ticket_page(request, form, notice=Notice("info", _("Nothing to save."), text))
        case EditConflict():
            return ticket_page(request, rebased(form, _base_in_conflict(problem)), status=409)
        case ReadingLost():
            title = _("The ticket can no longer be read, so your changes could not be compared with it.")
            next_step = _("Save again to send what you typed without that comparison.")
            blind = rebased(form, Base(form.base.code))
            return ticket_page(
                request, blind, notice=Notice("warn", title, NOTHING_CHANGED, next_step), status=409
            )
        case SaveInProgress():
            title = _("An earlier save of this ticket by you has not finished.")
            next_step = _("Wait a moment, then save again.")
            notice = Notice("warn", title, _("Nothing more was sent."), next_step)
            return ticket_page(request, form, notice=notice, status=409)
        case CheckFailed(error=error):
            notice = describe_problem(error, request_id=request_id_of(request))
            return ticket_page(request, form, notice=notice, status=explain(error).status)
        case SaveFailed(change=change, error=error):
            if isinstance(error, InvalidTicket):
                form.show_refused(error.fields)
            notice = describe_problem(error, change, request_id=request_id_of(request))
            return ticket_page(request, form, notice=notice, status=explain(error).status)
        case _:
            raise problem


def conflict_page(request: HttpRequest, conflict: EditConflict, choices: Choices) -> HttpResponse:
    """Show values that were to be stored without a form (an undo) as a choice in the ticket's form."""
    base = _base_in_conflict(conflict)
    fields = catalogue(base.values)
    mine = {one.name: to_inputs(fields[one.name], one.mine) for one in base.conflicts}
    form = TicketForm(base=base, fields=fields, choices=choices, inputs=mine)
    return ticket_page(request, form, read=conflict.theirs, status=409)


def _base_in_conflict(conflict: EditConflict) -> Base:
    theirs = conflict.theirs
    return Base(theirs.code, theirs.values, theirs.read_at, conflict.merged.conflicts)


def fresh_page(
    request: HttpRequest, opened: OpenedTicket, notice: Notice | None = None, status: int = 200
) -> HttpResponse:
    """Render the page of a ticket that was just opened."""
    return ticket_page(request, form_of(opened), read=opened.read, notice=notice, status=status)


def preview_of(form: TicketForm) -> dict[str, Any]:
    """Return what saving the form would send, and what cleaning would drop from the content."""
    content = form.edit.wishes.get("ticket_content")
    typed = form.data.get("ticket_content", "") if isinstance(content, Set) else ""
    return {
        "rows": present_edit(form.edit, form.base.values, form.ticket_fields),
        "removed": what_is_removed(str(typed)) if typed else [],
        "content": display_content(str(content.value)) if isinstance(content, Set) else None,
    }


def recent_changes(request: HttpRequest, code: str) -> list[PresentedChange]:
    """Return the newest changes of a ticket that this person may see."""
    person = person_of(request)
    changes = Change.objects.for_ticket(code).select_related("undo_of")
    if not person.may("view_all_history"):
        changes = changes.filter(actor=person)
    return present_changes(list(changes[:SHOWN_CHANGES]), person)
