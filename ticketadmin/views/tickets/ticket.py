"""One ticket: open it, change it, preview, save."""

import uuid
from contextlib import suppress

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from ticketadmin.forms.tickets import TicketForm, keep_as_draft, posted_form, submission_of
from ticketadmin.models import Change
from ticketadmin.presenters.content import display_content
from ticketadmin.presenters.ticket_page import Beside, ContentPreview, preview_of
from ticketadmin.sanitizing import removed_by_cleaning
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.drafts.drafts import CLEAR_INPUT, TooManyDrafts, drop_given_up
from ticketadmin.services.index.spelling import spelled_as_known
from ticketadmin.services.people.access import may_see
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.errors import NothingToSave, SaveProblem
from ticketadmin.services.saving.form_base import Base, WrongBase
from ticketadmin.services.saving.intent import SaveContext
from ticketadmin.services.saving.readback import settle_ticket
from ticketadmin.services.saving.save import OpenedTicket, open_ahead, open_ticket, save_ticket
from ticketadmin.services.values.inputs import Inputs, to_inputs
from ticketadmin.ticketapi.errors import NotFound, TicketApiError
from ticketadmin.views.access import UserRequest, is_prefetch, is_scripted, needs
from ticketadmin.views.pages import show
from ticketadmin.views.tickets.prefetching import PREFETCH_REFUSED, may_prefetch
from ticketadmin.views.tickets.responses import (
    after_save,
    cannot_open_page,
    opened_page,
    problem_response,
    saved_response,
    ticket_page,
    wrong_base_page,
)


@needs("edit_tickets", "GET", "POST")
def ticket(request: UserRequest, code: str) -> HttpResponse:
    """Show a ticket with its form, or save what was posted."""
    return _save(request, code) if request.method == "POST" else _show(request, code)


@needs("edit_tickets", "POST")
def preview(request: UserRequest, code: str) -> HttpResponse:
    """Show what saving the posted form would send: a fragment for scripts, else the whole page."""
    form = form_in(request, code)
    if form is None:
        return wrong_base_page(request, code)
    status = 200 if form.is_valid() else 422
    if is_scripted(request):
        return show(request, preview_of(form, request.user))
    beside = Beside(preview=preview_of(form, request.user), takes_back=_takes_back(request))
    return ticket_page(request, form, beside, status=status)


@needs("edit_tickets", "POST")
def content_preview(request: UserRequest) -> HttpResponse:
    """Show the posted content as it would be stored and what cleaning drops; loads no image, sends nothing.

    More than twice the length that a save accepts is refused; below that, a notice says how much is too much.
    """
    typed = request.POST.get("ticket_content", "")
    if len(typed) > 2 * settings.CONTENT_MAX_CHARACTERS:
        return HttpResponse(status=413)
    return show(request, ContentPreview(display_content(typed), removed_by_cleaning(typed)))


def _show(request: UserRequest, code: str) -> HttpResponse:
    if is_prefetch(request):
        return _show_ahead(request, code)
    saved = _named_change(request, code, "saved")
    if saved and (page := after_save(request, saved)):
        return page
    settle_ticket(code)
    try:
        opened = open_ticket(
            code,
            user=request.user,
            update_only=request.GET.get("read") == "off",
            refresh_choices=request.GET.get("choices") == "refresh",
        )
    except TicketApiError as error:
        return _known_otherwise(code, error) or cannot_open_page(request, code, error)
    again = _inputs_to_send_again(request, code, opened)
    return opened_page(request, opened, again=again, beside=Beside(saved=saved))


def _known_otherwise(code: str, error: TicketApiError) -> HttpResponse | None:
    """Redirect to the ticket that the index knows in other letter case, if the CRM has none of this code."""
    spelled = spelled_as_known([code]) if isinstance(error, NotFound) else {}
    return redirect("ticket", spelled[code]) if spelled else None


def _show_ahead(request: UserRequest, code: str) -> HttpResponse:
    """Render a ticket that the user points at, within the budget; write nothing (see `prefetching`)."""
    if not may_prefetch(request, request.user):
        return HttpResponse(status=PREFETCH_REFUSED)
    try:
        opened = open_ahead(code, user=request.user)
    except TicketApiError:
        opened = None
    if opened is None:
        return HttpResponse(status=PREFETCH_REFUSED)
    if hasattr(request, "_messages"):  # kept for the next page that the user opens
        del request._messages
    return opened_page(request, opened)


def _takes_back(request: UserRequest) -> bool:
    """Return whether the posted form was shown for an undo or a restore in conflict."""
    return "takes_back" in request.POST


def _save(request: UserRequest, code: str) -> HttpResponse:
    form, submission = form_in(request, code), submission_of(request.POST)
    if form is None or submission is None:
        return wrong_base_page(request, code)
    return save_form(request, form, submission)


def form_in(request: UserRequest, code: str) -> TicketForm | None:
    """Return the form of a ticket that was posted, None if it is not this user's or was altered."""
    try:
        return posted_form(request.POST, code=code, user=request.user, choices=get_choices())
    except WrongBase:
        return None


def save_form(request: UserRequest, form: TicketForm, submission: uuid.UUID) -> HttpResponse:
    """Save a posted form and answer with the result; a form that was not saved is shown as typed."""
    if not form.is_valid():
        keep_typed(request, form.base)
        beside = Beside(takes_back=_takes_back(request))
        return ticket_page(request, form, beside, status=409 if form.base.conflicts else 422)
    context = SaveContext(
        request.user, submission, change_reason=form.change_reason, accepts_losing=form.accepts_losing
    )
    try:
        saved = save_ticket(form.wanted, context)
    except SaveProblem as problem:
        if isinstance(problem, NothingToSave):
            drop_given_up(request.user, form.base.code, [one.name for one in form.base.conflicts])
        else:
            keep_typed(request, form.base)
        return problem_response(request, form, problem)
    if saved.change.is_saved:
        form.drop_from_draft(saved.change)
    return saved_response(request, saved, form)


def keep_typed(request: UserRequest, base: Base) -> None:
    """Store the typed text as a draft, too; the answering page holds it in any case."""
    with suppress(TooManyDrafts):
        keep_as_draft(request.POST, base, user=request.user)


def _named_change(request: UserRequest, code: str, parameter: str) -> Change | None:
    """Return the change of this ticket that a query parameter names, if this user may see it."""
    named = request.GET.get(parameter)
    if not named:
        return None
    try:
        change = Change.objects.filter(uuid=uuid.UUID(named), ticket_code=code).first()
    except ValueError as error:
        raise Http404 from error
    if change is None or not may_see(request.user, change):
        raise Http404
    return change


def _inputs_to_send_again(request: UserRequest, code: str, opened: OpenedTicket) -> dict[str, Inputs]:
    change = _named_change(request, code, "again")
    if change is None:
        return {}
    inputs = {name: to_inputs(opened.schema.field(name), value) for name, value in change.wanted.items()}
    cleared = [name for name, texts in inputs.items() if not texts and name not in opened.base.values]
    if change.change_reason:
        inputs[CHANGE_REASON] = [change.change_reason]
    return {**inputs, CLEAR_INPUT: cleared} if cleared else inputs
