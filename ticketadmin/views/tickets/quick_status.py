"""Quick status: a fragment for scripts that replaces the button, or a page of its own."""

import uuid
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.forms.snippets import box_for_snippet
from ticketadmin.forms.tickets import submission_of
from ticketadmin.models import Origin, Reading, Tone
from ticketadmin.presenters.changes import present_change
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice
from ticketadmin.presenters.problems import describe_in_progress, describe_refused, quote_by_field
from ticketadmin.presenters.quick_status import Attempt, LosingPage, LosingPart, QuickResult, StatusPage
from ticketadmin.presenters.rules import rules_of_status
from ticketadmin.presenters.sent_along import losing_notice, signature_before, status_notice
from ticketadmin.request_ids import current_request_id
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.saving.errors import (
    EditConflict,
    NothingToSave,
    RuleBroken,
    SaveFailed,
    SaveInProgress,
    SaveProblem,
    WouldLoseFields,
)
from ticketadmin.services.saving.form_base import WrongBase, load_base
from ticketadmin.services.saving.intent import SaveContext
from ticketadmin.services.saving.proving import Saved
from ticketadmin.services.saving.quick_status import UnknownStatus, set_status
from ticketadmin.services.values.fields import STATUS
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.errors import InvalidTicket
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.views.access import UserRequest, is_scripted, needs
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other
from ticketadmin.views.snippets.inserting import insert_snippet, wanted_box, wants_snippet
from ticketadmin.views.tickets.responses import ALREADY_THERE, saved_address


@needs("edit_tickets", "GET", "POST")
def status(request: UserRequest, code: str) -> HttpResponse:
    """Offer the statuses of the CRM for a ticket, or set one."""
    if request.method == "POST":
        return _with_snippet(request, code) if wants_snippet(request.POST) else _set(request, code)
    return show(request, _page_to_confirm(request, code, request.GET.get("to", "").strip()))


def _page_to_confirm(request: UserRequest, code: str, wanted: str) -> StatusPage:
    """Return the page that confirms the status of an address, or says that the CRM has no such status."""
    if not wanted:
        return _page_of(request, code, Attempt())
    try:
        return _page_of(request, code, Attempt(get_choices().statuses.resolve(wanted)))
    except ValidationError as error:
        page = _page_of(request, code, Attempt(notice=_no_status(error)))
        return replace(page, searched=f"{code} {wanted}")


def _no_status(error: Exception) -> Notice:
    """Return the banner for a name that is no status of the CRM, by what the error says of it."""
    text = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    return Notice(Tone.WARN, text, NOTHING_CHANGED)


def _set(request: UserRequest, code: str) -> HttpResponse:
    wanted, seen = request.POST.get("status", ""), request.POST.get("seen") or None
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return quick_answer(
            request, code, Attempt(wanted, bad_reason(form), seen=seen, needs_reason=True), 422
        )
    try:
        saved = set_status(code, wanted, seen=seen, context=context_of(request, form, Origin.QUICK))
    except UnknownStatus as error:
        return quick_answer(request, code, Attempt(notice=_no_status(error)), 422)
    except EditConflict as conflict:
        return quick_answer(request, code, Attempt(wanted, now=conflict.theirs.values.get(STATUS)), 409)
    except NothingToSave:
        return quick_answer(request, code, Attempt(already=wanted), 200)
    except SaveProblem as problem:
        notice, http_status = describe_save_problem(request, problem)
        return quick_answer(
            request, code, _refused(Attempt(wanted, notice, seen=seen), form, problem), http_status
        )
    return quick_result(request, saved)


def _with_snippet(request: UserRequest, code: str) -> HttpResponse:
    """Show the page with a snippet in the box for the reason, or with those to choose from. Sets nothing."""
    form = ReasonForm(request.POST)
    box = box_for_snippet(form, wanted_box(request.POST))
    step = insert_snippet(request, box, code=code, next_step=_("Look at the reason, then continue."))
    wanted, seen = request.POST.get("wanted", ""), request.POST.get("seen")
    tried = Attempt(wanted, step.notice, seen=seen, losing=sorted(form.accepts_losing))
    page = replace(_page_of(request, code, tried), reason_form=ReasonForm(step.data), snippets=step.choice)
    return show(request, page, status=step.status)


def context_of(request: UserRequest, form: ReasonForm, origin: Origin) -> SaveContext:
    """Return the context of a change whose form has nothing but a reason."""
    return SaveContext(
        request.user,
        submission_of(request.POST) or uuid.uuid4(),
        origin,
        change_reason=form.reason,
        accepts_losing=form.accepts_losing,
    )


def _refused(tried: Attempt, form: ReasonForm, problem: SaveProblem) -> Attempt:
    """Return the attempt with what a second one needs: a reason, or the fields that may be lost."""
    if isinstance(problem, WouldLoseFields):
        return replace(tried, losing=problem.lost, is_losing=True, needs_reason=bool(form.reason))
    needs_reason = isinstance(problem, RuleBroken) and problem.needs_reason
    return replace(tried, losing=sorted(form.accepts_losing), needs_reason=needs_reason)


def bad_reason(form: ReasonForm) -> Notice:
    """Return the banner for an invalid reason of a change without a form."""
    return Notice(Tone.DANGER, form.problem, NOTHING_CHANGED)


def quick_result(request: UserRequest, saved: Saved) -> HttpResponse:
    """Show the result of a change that has no form: in place for a script, else on the ticket's page."""
    change = saved.change
    code = change.ticket_code
    if not is_scripted(request):
        return see_other(saved_address(request, change))
    choices = get_choices()
    item = present_change(change, request.user, load_schema(choices))
    now = (change.read_back or change.wanted).get(STATUS, "")
    shown = get_statuses(choices).named(str(now))
    return quick_answer(request, code, Attempt(item=item, status=shown, base=_rebased(request, saved)), 200)


def _rebased(request: UserRequest, saved: Saved) -> str:
    """Return the base of the form on the same page with what was just stored, so that it is not stale."""
    change = saved.change
    if not change.is_saved or "base" not in request.POST:
        return ""
    try:
        base = load_base(request.POST["base"], code=change.ticket_code, user=request.user)
    except WrongBase:
        return ""
    stored = {name: value for name, value in (change.read_back or {}).items() if name in base.values}
    return replace(base, values={**base.values, **stored}).sign(request.user)


def losing_page(request: UserRequest, code: str, problem: WouldLoseFields, action: str) -> HttpResponse:
    """Name what a change that has no form would lose, with a form that posts it to `action` anyway."""
    notice, http_status = describe_save_problem(request, problem)
    kind = LosingPart if is_scripted(request) else LosingPage
    page = kind(code, notice, action, problem.lost, uuid.uuid4(), _reason_form(request))
    return show(request, page, status=http_status)


def describe_save_problem(request: UserRequest, problem: SaveProblem) -> tuple[Notice, int]:
    """Return the banner for a change without a form that was not made, and the HTTP status of its page."""
    request_id = current_request_id()
    match problem:
        case NothingToSave():
            return Notice(Tone.INFO, _("Nothing to save."), ALREADY_THERE), 200
        case EditConflict(merged=merged):
            title = ngettext(
                "The same field was changed meanwhile.",
                "The same fields were changed meanwhile.",
                len(merged.conflicts),
            )
            step = _("Undo on the ticket's page lets you choose between the values.")
            return Notice(Tone.WARN, title, NOTHING_CHANGED, step), 409
        case WouldLoseFields(lost=lost):
            step = _("Send it anyway, or fill these fields in on the ticket's page.")
            return losing_notice(lost, load_schema(), step), 409
        case SaveFailed(error=InvalidTicket(reason=Reason.INVALID) as error):
            notice, status = describe_refused(problem, request_id=request_id)
            step = _("The CRM does not take these values. Choose others in the ticket's form.")
            quotation = quote_by_field(error.api_message, error.fields, load_schema())
            return replace(notice, next_step=step, quotation=quotation), status
        case SaveInProgress(change=other):
            next_step = _("Wait a moment, then try again.")
            return describe_in_progress(other, request.user, next_step), 409
        case _:
            return describe_refused(problem, request_id=request_id)


def quick_answer(request: UserRequest, code: str, tried: Attempt, http_status: int) -> HttpResponse:
    """Show the result of a change that has no form: in place for a script, else on the page of statuses."""
    if not is_scripted(request):
        return show(request, _page_of(request, code, tried), status=http_status)
    result = QuickResult(code, uuid.uuid4(), _reason_form(request), tried)
    return show(request, result, status=http_status)


def _page_of(request: UserRequest, code: str, tried: Attempt) -> StatusPage:
    choices = get_choices()
    is_readable = choices.reading is not Reading.REFUSED
    schema, statuses = load_schema(choices), get_statuses(choices)
    return StatusPage(
        code=code,
        submission=uuid.uuid4(),
        reason_form=_reason_form(request),
        tried=tried,
        statuses=statuses.all,
        target=statuses.named(tried.wanted) if tried.wanted else None,
        rules=rules_of_status(tried.wanted, schema) if tried.wanted else (),
        signature=signature_before(request.user, schema, was_read=is_readable),
        omitted=status_notice(choices),
    )


def _reason_form(request: UserRequest) -> ReasonForm:
    """Return the box for the reason, with what was typed into it."""
    return ReasonForm(request.POST if request.method == "POST" else None)
