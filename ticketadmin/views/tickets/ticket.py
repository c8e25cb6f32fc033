"""One ticket: open it, change it, preview, save."""

import uuid
from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from ticketadmin.forms.tickets import TicketForm, keep_as_draft, posted_form
from ticketadmin.models import Change, User
from ticketadmin.presenters.ticket_page import preview_of
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.drafts.drafts import CLEAR, TooManyDrafts
from ticketadmin.services.people.access import may_see
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.errors import NothingToSave, SaveProblem
from ticketadmin.services.saving.form_base import Base, WrongBase
from ticketadmin.services.saving.intent import SaveContext
from ticketadmin.services.saving.readback import settle_ticket
from ticketadmin.services.saving.save import OpenedTicket, open_ahead, open_ticket, save_ticket
from ticketadmin.services.values.inputs import Inputs, to_inputs
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.views.access import is_prefetch, is_scripted, needs, person_of
from ticketadmin.views.pages import show
from ticketadmin.views.tickets.prefetching import REFUSED, may_prefetch
from ticketadmin.views.tickets.responses import (
    Beside,
    after_save,
    cannot_open_page,
    opened_page,
    problem_response,
    saved_response,
    ticket_page,
    wrong_base_page,
)


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request: HttpRequest, code: str) -> HttpResponse:
    """Show a ticket with its form, or save what was posted."""
    return _save(request, code) if request.method == "POST" else _show(request, code)


@needs("edit_tickets")
@require_POST
def preview(request: HttpRequest, code: str) -> HttpResponse:
    """Show what saving the posted form would send: a fragment for scripts, else the whole page."""
    user = person_of(request)
    try:
        form = posted_form(request.POST, code=code, person=user, choices=get_choices())
    except WrongBase:
        return wrong_base_page(request, code)
    status = 200 if form.is_valid() else 422
    if is_scripted(request):
        return show(request, preview_of(form, user))
    return ticket_page(request, form, Beside(preview=preview_of(form, user)), status=status)


def _show(request: HttpRequest, code: str) -> HttpResponse:
    if is_prefetch(request):
        return _show_ahead(request, code)
    saved = _named_change(request, code, "saved")
    if saved and (page := after_save(request, saved)):
        return page
    settle_ticket(code)
    try:
        opened = open_ticket(
            code,
            actor=person_of(request),
            update_only=request.GET.get("read") == "off",
            refresh_choices=request.GET.get("choices") == "refresh",
        )
    except TicketApiError as error:
        return cannot_open_page(request, code, error)
    again = _inputs_to_send_again(request, code, opened)
    return opened_page(request, opened, again=again, beside=Beside(saved=saved))


def _show_ahead(request: HttpRequest, code: str) -> HttpResponse:
    """Render a ticket that the user points at, within the budget; write nothing (see `prefetching`)."""
    user = person_of(request)
    if not may_prefetch(request, user):
        return HttpResponse(status=REFUSED)
    try:
        opened = open_ahead(code, actor=user)
    except TicketApiError:
        opened = None
    if opened is None:
        return HttpResponse(status=REFUSED)
    if hasattr(request, "_messages"):  # they are for the page that the user opens next
        del request._messages
    return opened_page(request, opened)


def _save(request: HttpRequest, code: str) -> HttpResponse:
    try:
        form = posted_form(request.POST, code=code, person=person_of(request), choices=get_choices())
        submission = uuid.UUID(request.POST.get("submission", ""))
    except (WrongBase, ValueError):
        return wrong_base_page(request, code)
    return save_form(request, form, submission)


def save_form(request: HttpRequest, form: TicketForm, submission: uuid.UUID) -> HttpResponse:
    """Save a posted form and answer with what came of it; the form comes back with everything in it."""
    person = person_of(request)
    if not form.is_valid():
        _keep(request, form.base, person)
        return ticket_page(request, form, status=409 if form.base.conflicts else 422)
    context = SaveContext(
        person, submission, change_reason=form.change_reason, accepts_losing=form.accepts_losing
    )
    try:
        saved = save_ticket(form.wanted, context)
    except SaveProblem as problem:
        if not isinstance(problem, NothingToSave):
            _keep(request, form.base, person)
        return problem_response(request, form, problem)
    if saved.change.is_saved:
        form.drop_from_draft(saved.change)
    return saved_response(request, saved, form)


def _keep(request: HttpRequest, base: Base, person: User) -> None:
    """Keep what was typed as a draft, too; the page that answers holds it in any case."""
    with suppress(TooManyDrafts):
        keep_as_draft(request.POST, base, actor=person)


def _named_change(request: HttpRequest, code: str, parameter: str) -> Change | None:
    """Return the change of this ticket that a query parameter names, if this user may see it."""
    named = request.GET.get(parameter)
    if not named:
        return None
    try:
        change = Change.objects.filter(uuid=uuid.UUID(named), ticket_code=code).first()
    except ValueError as error:
        raise Http404 from error
    if change is None or not may_see(person_of(request), change):
        raise Http404
    return change


def _inputs_to_send_again(request: HttpRequest, code: str, opened: OpenedTicket) -> dict[str, Inputs]:
    change = _named_change(request, code, "again")
    if change is None:
        return {}
    inputs = {name: to_inputs(opened.schema.field(name), value) for name, value in change.wanted.items()}
    cleared = [name for name, texts in inputs.items() if not texts and name not in opened.base.values]
    if change.change_reason:
        inputs[CHANGE_REASON] = [change.change_reason]
    return {**inputs, CLEAR: cleared} if cleared else inputs
