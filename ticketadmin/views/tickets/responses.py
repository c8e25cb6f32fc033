"""The ticket page as a response, for each result of a request: fresh, refused, in conflict, saved."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from csp.decorators import csp_update
from django.core.signing import Signer
from django.http import HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.forms.tickets import TicketForm, form_of, rebased
from ticketadmin.models import Change, Tone
from ticketadmin.presenters.changes import present_changes, present_values
from ticketadmin.presenters.conflicts import present_conflict
from ticketadmin.presenters.content import display_content
from ticketadmin.presenters.neighbours import LIST, customer_tickets
from ticketadmin.presenters.outcomes import (
    CORRECT_MARKED,
    NOTHING_CHANGED,
    Notice,
    describe_outcome,
    explain,
    explain_reason,
)
from ticketadmin.presenters.problems import (
    describe_in_progress,
    describe_problem,
    describe_refused,
    quote_by_field,
)
from ticketadmin.presenters.recipes import present_recipes
from ticketadmin.presenters.rules import broken_by_box, show_rules
from ticketadmin.presenters.sent_along import losing_notice, sent_along_notice
from ticketadmin.presenters.ticket_page import Beside, KeptDraft, TicketPage, UnavailablePage
from ticketadmin.request_ids import current_request_id
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.drafts.drafts import CLEAR_INPUT, draft_elsewhere, restore_draft
from ticketadmin.services.history.changes import newest_of_ticket
from ticketadmin.services.index.rows import index_to_write
from ticketadmin.services.recipes.keep import recipes_for
from ticketadmin.services.rules.checking import rules_of
from ticketadmin.services.saving.errors import (
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveFailed,
    SaveInProgress,
    SaveProblem,
    WouldLoseFields,
)
from ticketadmin.services.saving.form_base import Base, base_of
from ticketadmin.services.saving.proving import Saved
from ticketadmin.services.saving.save import OpenedTicket, opened_from
from ticketadmin.services.saving.sent_along import fields_lost
from ticketadmin.services.values.inputs import Inputs, to_inputs
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError
from ticketadmin.views.access import UserRequest
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other
from ticketadmin.views.tickets.neighbours import carried_place, carried_query

ALREADY_THERE = gettext_lazy("Nothing was sent: the CRM already holds these values.")
NOTHING_TYPED = gettext_lazy("Nothing was typed or chosen, so nothing was sent.")
READ_BACK = "read_back"  # in the session, from a save to the page after it


NOTHING_BESIDE = Beside()


def ticket_page(
    request: UserRequest, form: TicketForm, beside: Beside = NOTHING_BESIDE, *, status: int = 200
) -> HttpResponse:
    """Render the ticket page around a form."""
    user, base, saved = request.user, form.base, beside.saved
    customer = beside.read.account_name if beside.read else None
    show_rules(form, rules_of(form.schema), form.schema)
    content = base.values.get("ticket_content")
    changes = present_changes(newest_of_ticket(user, base.code), user, form.schema)
    images_token = _images_token(request, base.code)
    shows_images = constant_time_compare(request.GET.get("images", ""), images_token)
    status_name = base.values.get("status_name")
    statuses = get_statuses(form.schema.choices)
    page = TicketPage(
        **vars(beside),
        form=form,
        base_token=base.sign(user),
        read_is_off=request.GET.get("read") == "off",
        status=statuses.named(str(status_name)) if status_name else None,
        quick_statuses=() if base.conflicts else statuses.with_button,
        content=display_content(str(content), show_images=shows_images) if content else None,
        images_token=images_token,
        conflicts=[present_conflict(form, one) for one in base.conflicts],
        omitted=None if beside.named_losses else _omitted_notice(form),
        losing=tuple(dict.fromkeys([*_losing(form), *beside.named_losses])),
        was_discarded=bool(request.GET.get("discarded")),
        visit=uuid.uuid4().hex[:16],
        saved_item=next((one for one in changes if saved and one.change.pk == saved.pk), None),
        kept_rows=present_values(beside.kept_theirs, form.schema) if beside.kept_theirs else (),
        changes=changes,
        place=carried_place(request, base.code),
        recipes=present_recipes(recipes_for(user), user, form.schema),
        chosen_recipe=request.POST.get("recipe") or request.GET.get("recipe", ""),
        others=customer_tickets(index_to_write(), base.code, statuses, customer=customer),
    )
    response = show(request, page, status=status)
    return _with_images(request, response) if shows_images else response


def _omitted_notice(form: TicketForm) -> Notice | None:
    return sent_along_notice(form.schema, _losing(form), is_unread=not form.base.was_read)


def _losing(form: TicketForm) -> tuple[str, ...]:
    return fields_lost((), form.base if form.base.was_read else None, form.schema)


def _images_token(request: UserRequest, code: str) -> str:
    """Return the token that enables a ticket's images for this user alone; a mail cannot hold it."""
    return Signer(salt="ticketadmin.images").signature(f"{request.user.pk}:{code}")


def _with_images(request: UserRequest, response: HttpResponse) -> HttpResponse:
    """Let this one page load images from elsewhere: the user asked for it."""
    csp_update({"img-src": ["https:"]})(lambda _request: response)(request)
    return response


def unavailable_page(request: UserRequest, code: str, notice: Notice, status: int) -> HttpResponse:
    """Render the page of a ticket that cannot be opened now."""
    changes = present_changes(newest_of_ticket(request.user, code), request.user)
    page = UnavailablePage(code, notice, changes, may_update_blind=status >= 500)
    return show(request, page, status=status)


def cannot_open_page(request: UserRequest, code: str, error: TicketApiError) -> HttpResponse:
    """Say why the ticket could not be read."""
    notice = describe_problem(error, request_id=current_request_id())
    return unavailable_page(request, code, notice, explain(error).status)


def wrong_base_page(request: UserRequest, code: str) -> HttpResponse:
    """Answer 409: the form is not this user's, or was altered, so nothing typed in it is shown or sent."""
    title = _("This form was opened by another user, or it is damaged.")
    return unavailable_page(
        request, code, Notice(Tone.DANGER, title, NOTHING_CHANGED, _("Open the ticket again.")), 409
    )


def saved_response(request: UserRequest, saved: Saved, form: TicketForm | None = None) -> HttpResponse:
    """Go to the ticket with the result of a save; a repeated post of one that failed sees the form again."""
    change = saved.change
    if not change.is_saved and form is not None:
        status = explain_reason(change.reason).status if change.reason else 409
        return ticket_page(request, form, Beside(notice=describe_outcome(change)), status=status)
    if saved.read_back:
        request.session[READ_BACK] = {
            "change": str(change.uuid),
            "ticket": saved.read_back.as_json(),
            "kept_theirs": dict(saved.kept_theirs or {}),
        }
    return see_other(saved_address(request, change))


def saved_address(request: UserRequest, change: Change) -> str:
    """Return the address of the ticket's page after a save, with the list that the user came from."""
    query = carried_query(request)
    named = {"saved": str(change.uuid)} | ({} if query is None else {LIST: query})
    return reverse("ticket", args=[change.ticket_code], query=named)


def after_save(request: UserRequest, change: Change) -> HttpResponse | None:
    """Return the page after a save from what the save read back a moment ago: it costs no remote call.

    None if nothing was read, or when the page is loaded again.
    """
    kept = request.session.pop(READ_BACK, None)
    if kept is None or kept["change"] != str(change.uuid):
        return None
    read = ReadTicket.from_json(kept["ticket"])
    opened = opened_from(change.ticket_code, read, get_choices())
    return opened_page(request, opened, beside=Beside(saved=change, kept_theirs=kept["kept_theirs"]))


def problem_response(request: UserRequest, form: TicketForm, problem: SaveProblem) -> HttpResponse:
    """Return the form with everything typed in it and the reason why it was not saved."""
    match problem:
        case NothingToSave():
            text = ALREADY_THERE if form.edit or form.base.was_read else NOTHING_TYPED
            settled = rebased(form, replace(form.base, conflicts=()))
            return ticket_page(
                request, settled, Beside(notice=Notice(Tone.INFO, _("Nothing to save."), text))
            )
        case EditConflict(theirs=theirs):
            in_conflict = rebased(form, _base_in_conflict(problem))
            return ticket_page(request, in_conflict, Beside(read=theirs), status=409)
        case ReadingLost(lost=lost):
            blind = rebased(form, form.base.without(lost) if lost else Base(form.base.code))
            return ticket_page(request, blind, Beside(notice=reading_lost(form, lost)), status=409)
        case WouldLoseFields(lost=lost):
            named = rebased(form, form.base.without(lost))  # so the page names them, and its form accepts it
            step = _("Fill these fields in, or save again: whatever is still empty then is lost.")
            notice = losing_notice(lost, form.schema, step)
            return ticket_page(request, named, Beside(notice=notice, named_losses=lost), status=409)
        case RuleBroken(unmet=unmet):
            form.show_refused(broken_by_box(unmet, form.schema))
        case SaveInProgress(change=other):
            next_step = _("Wait a moment, then save again.")
            notice = describe_in_progress(other, request.user, next_step)
            return ticket_page(request, form, Beside(notice=notice), status=409)
    notice, status = describe_refused(problem, form.schema, request_id=current_request_id())
    if isinstance(problem, SaveFailed) and isinstance(problem.error, InvalidTicket):
        notice = _with_fields(notice, problem.error, form)
    return ticket_page(request, form, Beside(notice=notice), status=status)


def _with_fields(notice: Notice, error: InvalidTicket, form: TicketForm) -> Notice:
    """Mark the fields that the CRM names; what it says of fields without a box is quoted in the banner."""
    marked = form.show_refused(error.fields)
    others = {name: said for name, said in error.fields.items() if name not in marked}
    step = CORRECT_MARKED if marked else notice.next_step
    return replace(notice, next_step=step, quotation=quote_by_field(error.api_message, others, form.schema))


def reading_lost(form: TicketForm, lost: Sequence[str]) -> Notice:
    """Return the banner for input that could not be compared, with how to send it anyway."""
    title = _("The ticket can no longer be read, so your changes could not be compared with it.")
    if lost:
        title = _(
            "The CRM no longer shows some fields, so your changes to them could not be compared: %(fields)s"
        )
        title %= {"fields": ", ".join(str(form.schema.field(name).label) for name in lost)}
    next_step = _("Save again to send what you typed without that comparison.")
    return Notice(Tone.WARN, title, NOTHING_CHANGED, next_step)


def conflict_page(request: UserRequest, conflict: EditConflict) -> HttpResponse:
    """Show the conflicts of a change without a form, such as an undo, as choices in the ticket's form."""
    base = _base_in_conflict(conflict)
    schema = load_schema(get_choices(), base.values)
    mine = {one.name: to_inputs(schema.field(one.name), one.mine) for one in base.conflicts}
    form = TicketForm(base=base, schema=schema, inputs=mine)
    beside = Beside(read=conflict.theirs, takes_back=True, kept_draft=_kept_draft(request, form))
    return ticket_page(request, form, beside, status=409)


def _kept_draft(request: UserRequest, form: TicketForm) -> KeptDraft | None:
    """Return the user's draft of the ticket where the form in conflict does not show it."""
    names = [one.name for one in form.base.conflicts]
    draft = draft_elsewhere(request.user, form.base.code, names)
    if draft is None:
        return None
    return KeptDraft(draft.typed_at, [form.schema.field(name).label for name in draft.replaced])


def _base_in_conflict(conflict: EditConflict) -> Base:
    theirs = conflict.theirs
    return replace(base_of(theirs, theirs.code), conflicts=conflict.merged.conflicts)


def opened_page(
    request: UserRequest,
    opened: OpenedTicket,
    *,
    again: Mapping[str, Inputs] | None = None,
    status: int = 200,
    beside: Beside = NOTHING_BESIDE,
) -> HttpResponse:
    """Render the page of a ticket that was just opened, with the user's draft in it.

    The values to send `again` are in their boxes, whatever the draft has there.
    """
    again = again or {}
    draft = restore_draft(request.user, opened, beside=again)
    if draft is None:
        return ticket_page(request, form_of(opened, again), replace(beside, read=opened.read), status=status)
    cleared = [*draft.inputs.get(CLEAR_INPUT, []), *again.get(CLEAR_INPUT, [])]
    form = form_of(opened, {**draft.inputs, **again, CLEAR_INPUT: cleared}, base=draft.base)
    status = 409 if draft.base.conflicts else status
    return ticket_page(request, form, replace(beside, read=opened.read, draft=draft), status=status)
