"""The record of changes: its page, its CSV, and undo, restore and check again for one change."""

import uuid
from collections.abc import Callable

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from ticketadmin.converters import whole_number
from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.forms.history import HistoryFilterForm
from ticketadmin.models import HISTORY, Change, Origin, Tone
from ticketadmin.presenters.changes import HistoryPage, present_change, present_changes
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice
from ticketadmin.presenters.paging import filters_in, page_links, user_tabs
from ticketadmin.presenters.quick_status import Attempt
from ticketadmin.presenters.sent_along import status_notice
from ticketadmin.presenters.snippets import ReasonPage
from ticketadmin.presenters.ticket_page import Beside
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.history.changes import history_page, history_rows
from ticketadmin.services.history.export import HISTORY_COLUMNS, csv_lines, history_table
from ticketadmin.services.people.access import may_see
from ticketadmin.services.saving import readback
from ticketadmin.services.saving import undo as undoing
from ticketadmin.services.saving.errors import EditConflict, SaveProblem, WouldLoseFields
from ticketadmin.services.saving.intent import SaveContext
from ticketadmin.services.saving.proving import Saved
from ticketadmin.services.saving.save import open_ticket
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.views.access import UserRequest, is_scripted, needs
from ticketadmin.views.downloads import csv_download
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other
from ticketadmin.views.snippets.inserting import reason_page, wants_snippet
from ticketadmin.views.tickets.quick_status import (
    bad_reason,
    context_of,
    describe_save_problem,
    losing_page,
    quick_answer,
    quick_result,
)
from ticketadmin.views.tickets.responses import cannot_open_page, conflict_page, opened_page, saved_response

TakeBack = Callable[[Change, SaveContext], Saved]


@needs("edit_tickets", "GET")
def history(request: UserRequest) -> HttpResponse:
    """Show the changes that match the filters in the address, newest first."""
    form = HistoryFilterForm(request.GET, user=request.user)
    form.is_valid()
    rows = history_page(request.user, form.filters, before=whole_number(request.GET.get("before", "")))
    page = HistoryPage(
        form=form,
        query=filters_in(request.GET),
        pages=page_links("history", request.GET, rows.next_before),
        changes=present_changes(list(rows.rows), request.user),
        omitted=status_notice(get_choices(ask=False)),
        sees_all=request.user.may("view_all_history"),
        tabs=user_tabs(request.GET, request.user),
    )
    return show(request, page, status=200 if form.is_valid() else 422)


@needs("edit_tickets", "GET")
def history_csv(request: UserRequest) -> HttpResponse:
    """Stream the changes that match the filters, one line per field."""
    form = HistoryFilterForm(request.GET, user=request.user)
    if not form.is_valid():
        return history(request)
    table = history_table(history_rows(request.user, form.filters))
    rows = audited_export(Target(HISTORY), table, filters=vars(form.filters), user=request.user)
    return csv_download(csv_lines(HISTORY_COLUMNS, rows), "changes.csv")


@needs("edit_tickets", "POST")
def undo(request: UserRequest, change: uuid.UUID) -> HttpResponse:
    """Store the values that a change replaced."""
    return _take_back(request, change, undoing.undo_change)


@needs("edit_tickets", "POST")
def restore(request: UserRequest, change: uuid.UUID) -> HttpResponse:
    """Restore the fields that a change damaged without sending them."""
    return _take_back(request, change, undoing.restore_collateral)


@needs("edit_tickets", "POST")
def settle(request: UserRequest, change: uuid.UUID) -> HttpResponse:
    """Read the ticket again to find out what an open change did."""
    record = _visible(request, change)
    readback.settle_change(record)
    return see_other(reverse("ticket", args=[record.ticket_code]) + f"?saved={record.uuid}")


def _take_back(request: UserRequest, change: uuid.UUID, take_back: TakeBack) -> HttpResponse:
    record = _visible(request, change)
    if wants_snippet(request.POST):
        return _reason_page(request, record, take_back)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _not_taken_back(request, record, bad_reason(form), 422)
    try:
        saved = take_back(record, context_of(request, form, Origin.UNDO))
    except undoing.CannotUndo:
        title = _("This change cannot be taken back: the values before it are not known.")
        return _not_taken_back(request, record, Notice(Tone.WARN, title, NOTHING_CHANGED), 409)
    except WouldLoseFields as problem:
        return losing_page(request, record.ticket_code, problem, request.path)
    except SaveProblem as problem:
        if isinstance(problem, EditConflict) and not is_scripted(request):
            return conflict_page(request, problem)
        return _not_taken_back(request, record, *describe_save_problem(request, problem))
    return quick_result(request, saved) if is_scripted(request) else saved_response(request, saved)


def _reason_page(request: UserRequest, change: Change, take_back: TakeBack) -> HttpResponse:
    shown = present_change(change, request.user, load_schema())
    is_undo = take_back is undoing.undo_change
    page = ReasonPage(
        title=_("Undo this change?") if is_undo else _("Restore what was lost?"),
        verb=_("Undo") if is_undo else _("Restore"),
        action=request.path,
        back=reverse("ticket", args=[change.ticket_code]),
        form=ReasonForm(request.POST),
        code=change.ticket_code,
        rows=shown.rows if is_undo else shown.collateral,
    )
    return reason_page(request, page)


def _not_taken_back(request: UserRequest, change: Change, notice: Notice, status: int) -> HttpResponse:
    """Say why: in place for a script, else on the ticket's page."""
    if is_scripted(request):
        return quick_answer(request, change.ticket_code, Attempt(notice=notice), status)
    try:
        opened = open_ticket(change.ticket_code, user=request.user)
    except TicketApiError as error:
        return cannot_open_page(request, change.ticket_code, error)
    return opened_page(request, opened, status=status, beside=Beside(notice=notice))


def _visible(request: UserRequest, change: uuid.UUID) -> Change:
    record = get_object_or_404(Change, uuid=change)
    if not may_see(request.user, record):
        raise Http404
    return record
