"""Bulk updates in the browser: the list of runs, choosing, the dry run, progress, results.

A bulk update has one address from its preparation to its result, which can be sent to a colleague at any
time.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk import RECIPE, ChangesForm, ConfirmForm, without_consents
from ticketadmin.forms.bulk_file import FileChoicesForm
from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.forms.snippets import box_for_snippet
from ticketadmin.models import BulkState, BulkUpdate, ItemOutcome, Tone, User
from ticketadmin.presenters.bulk import BulkListPage, present_endings, present_run
from ticketadmin.presenters.bulk_changes import changes_page
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.paging import page_links, user_tabs
from ticketadmin.presenters.rules import show_rules
from ticketadmin.presenters.run_page import RunProgress, run_page
from ticketadmin.presenters.snippets import ReasonPage
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.bulk import followers, reversals
from ticketadmin.services.bulk import runs as bulks
from ticketadmin.services.bulk.files import FileGone, answers_in, read_again
from ticketadmin.services.bulk.outcome_file import file_with_outcomes
from ticketadmin.services.bulk.progress import (
    RESULT_COLUMNS,
    mark_seen,
    refresh_outcomes,
    result_table,
    runs_page,
)
from ticketadmin.services.bulk.recipes import changes_of_run
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.recipes.keep import MAX_RECIPE_NAME, keep_recipe, recipes_for
from ticketadmin.services.recipes.sharing import CannotKeep
from ticketadmin.services.rules.checking import rules_of
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import UserRequest, in_background, needs
from ticketadmin.views.downloads import csv_download, given_back
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed, see_other
from ticketadmin.views.snippets.inserting import insert_snippet, reason_page, wanted_box, wants_snippet

RunAction = Callable[[UserRequest, BulkUpdate], HttpResponse]


@needs("run_bulk_updates", "GET")
def bulk_list(request: UserRequest) -> HttpResponse:
    """Show the bulk updates of all users or of one, newest first."""
    before, owner = (whole_number(request.GET.get(name, "")) for name in ("before", "person"))
    found = runs_page(owner=owner, before=before)
    page = BulkListPage(
        runs=[present_run(one) for one in found.rows],
        is_mine=owner == request.user.pk,
        tabs=user_tabs(request.GET, request.user),
        pages=page_links("bulk_list", request.GET, found.next_before),
    )
    return show(request, page)


@needs("run_bulk_updates", "GET", "POST")
def bulk(request: UserRequest, bulk: UUID) -> HttpResponse:
    """Show one bulk update at its current step; a POST takes the chosen changes."""
    one = _found(bulk)
    if one.state == BulkState.DRAFT:
        return _changes_page(request, one)
    if request.method == "POST":
        return see_other(_address(one))
    return _run_page(request, one)


@in_background
@needs("run_bulk_updates", "GET")
def bulk_progress(request: UserRequest, bulk: UUID) -> HttpResponse:
    """Return the parts of the page that change while it runs, for a script."""
    one = _found(bulk)
    mark_seen(one, request.user)
    return show(request, RunProgress(**vars(run_page(one, request.GET, request.user))))


@needs("run_bulk_updates", "GET")
def bulk_results(request: UserRequest, bulk: UUID) -> HttpResponse:
    """Download the outcome of each ticket, for a spreadsheet."""
    one = _found(bulk)
    refresh_outcomes(one)
    target = Target("bulkupdate", str(one.uuid), one.owner_name)
    rows = audited_export(target, result_table(one), filters={}, user=request.user)
    return csv_download(csv_lines(RESULT_COLUMNS, rows), f"bulk-{one.uuid}.csv")


@needs("run_bulk_updates", "GET")
def bulk_outcome_file(request: UserRequest, bulk: UUID) -> HttpResponse:
    """Download the uploaded file with how each of its tickets ended."""
    one = _found(bulk)
    refresh_outcomes(one)
    title = _("The file cannot be given back with its outcomes.")
    try:
        made = file_with_outcomes(one, present_endings(one), user=request.user)
    except FileGone:
        text = _("It is no longer kept. Download the results as CSV instead.")
        return _run_page(request, one, Notice(Tone.INFO, title, text), 409)
    except ValidationError as error:
        return _run_page(request, one, Notice(Tone.INFO, title, error.messages[0]), 409)
    target = Target("bulkupdate", str(one.uuid), one.owner_name)
    pieces = audited_export(
        target, made.pieces, filters={}, user=request.user, further=lambda: {"rows": made.rows}
    )
    name = one.notes.get("file", "")
    return given_back(pieces, name=name, word="outcomes", is_workbook=made.is_workbook)


@needs("run_bulk_updates", "POST")
def bulk_action(request: UserRequest, bulk: UUID, action: str) -> HttpResponse:
    """Carry out the action of a button: see `_ACTIONS`."""
    one = _found(bulk)
    if action not in _ACTIONS:
        raise Http404
    if wants_snippet(request.POST):
        return _reason_page(request, one, action)
    return _ACTIONS[action](request, one)


def _act(act: Callable[..., BulkUpdate | None], *, takes_reason: bool = False) -> RunAction:
    """Return the action of a button that needs at most a reason."""

    def do(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return _run_page(request, bulk, Notice(Tone.DANGER, form.problem, _("Nothing was done.")), 422)
        given = {"change_reason": form.reason} if takes_reason else {}
        nothing = Notice(Tone.INFO, _("There is no ticket to do this for."))
        return _attempt(request, bulk, partial(act, bulk, user=request.user, **given), nothing)

    return do


def _attempt(
    request: UserRequest,
    bulk: BulkUpdate,
    act: Callable[[], BulkUpdate | None],
    nothing: Notice,
    status: int = 409,
) -> HttpResponse:
    """Show the run after an action, or the run that it made, or why the action was not carried out.

    `nothing` and `status` answer if there is no ticket to do it for.
    """
    try:
        made = act()
    except bulks.NotNow:
        title = _("This is no longer possible.")
        text = _("The bulk update has moved on since this page was loaded. It is shown as it is now.")
        return _run_page(request, bulk, Notice(Tone.WARN, title, text), 409)
    except bulks.SealBroken:
        title = _("This is not the check that you saw: the tickets were checked again in the meantime.")
        step = _("Look at it as it is now, then confirm.")
        nothing, status = Notice(Tone.WARN, title, _("Nothing was sent."), step), 409
    except bulks.NothingToDo:
        pass
    else:
        return see_other(_address(made or bulk))
    bulk.refresh_from_db()
    return _run_page(request, bulk, nothing, status)


def _discard(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    answer = _act(bulks.discard_bulk)(request, bulk)
    if answer.status_code != HTTPStatus.SEE_OTHER:
        return answer
    return confirmed(request, _("The bulk update was discarded. Nothing of it was sent."), "bulk_list")


def _retry(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    unknown = [ItemOutcome.UNKNOWN] if "unknown" in request.POST else []
    return _act(partial(followers.retry_bulk, outcomes=unknown))(request, bulk)


def _choose(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    """Store the user's choices between values that both an uploaded export and the CRM changed."""
    form = FileChoicesForm(request.POST)
    nothing = Notice(
        Tone.INFO, _("Choose for a column or a ticket which value counts."), _("Nothing was done.")
    )
    if not form.is_valid():
        return _run_page(request, bulk, nothing, 422)
    return _attempt(request, bulk, partial(form.save, bulk, user=request.user), nothing, 422)


def _confirm(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _run_page(request, bulk, status=422, form=form)
    nothing = Notice(Tone.INFO, _("There is no ticket to send."))
    return _attempt(request, bulk, partial(form.save, bulk, user=request.user), nothing)


def _keep_recipe(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    """Save the changes of a run that has ended as a recipe of the user."""
    name, changes = request.POST.get("name", "").strip(), changes_of_run(bulk, load_schema())
    problem = ""
    if not name or len(name) > MAX_RECIPE_NAME:
        problem = _("Give the recipe a name of at most 60 characters.")
    elif not (bulk.has_ended and changes):
        problem = _("This bulk update has no common changes that a recipe could keep.")
    else:
        try:
            keep_recipe(request.user, name, changes)
        except CannotKeep as error:
            problem = error.messages[0]
    if problem:
        return _run_page(request, bulk, Notice(Tone.DANGER, _("The recipe was not saved."), problem), 422)
    return confirmed(request, _("The recipe “%(name)s” was saved.") % {"name": name}, "recipes")


_ACTIONS: dict[str, RunAction] = {
    "pause": _act(bulks.pause_bulk),
    "resume": _act(bulks.resume_bulk),
    "cancel": _act(bulks.cancel_bulk),
    "again": _act(bulks.check_again),
    "change": _act(bulks.change_wishes),
    "settle": _act(followers.settle_bulk),
    "go-on": _act(bulks.resume_despite_damage),
    "undo": _act(reversals.undo_bulk, takes_reason=True),
    "restore": _act(reversals.restore_bulk, takes_reason=True),
    "retry": _retry,
    "discard": _discard,
    "choose": _choose,
    "confirm": _confirm,
    "keep-recipe": _keep_recipe,
}


def _reason_page(request: UserRequest, bulk: BulkUpdate, action: str) -> HttpResponse:
    """Show the reason for undoing or restoring a run, with a snippet in it. Nothing is made."""
    pages = {"undo": (_("Undo this run?"), _("Undo this run"))}
    pages["restore"] = (_("Restore other fields?"), _("Restore other fields…"))
    if action not in pages:
        raise Http404
    title, verb = pages[action]
    return reason_page(
        request, ReasonPage(title, verb, request.path, _address(bulk), ReasonForm(request.POST))
    )


def _changes_with_snippet(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    """Show the changes as they were typed, with the snippets to choose from or with the chosen one."""
    form = _changes_form(request, bulk, request.POST)
    box = box_for_snippet(form, wanted_box(request.POST))
    step = insert_snippet(request, box, next_step=_("Continue to check the tickets."))
    form = _changes_form(request, bulk, step.data, is_checked=False)
    return show(request, changes_page(bulk, form, step.notice, step.choice), status=step.status)


def _changes_page(request: UserRequest, bulk: BulkUpdate) -> HttpResponse:
    if wants_snippet(request.POST):
        return _changes_with_snippet(request, bulk)
    if request.method != "POST":
        return show(request, changes_page(bulk, _changes_form(request, bulk, None)))
    form, notice = _changes_form(request, bulk, request.POST), None
    try:
        if form.is_valid():
            notice = _take_answers(bulk, form, request.user)
            if not notice:
                form.save(bulk, user=request.user)
                return see_other(_address(bulk))
            form = _changes_form(request, bulk, without_consents(request.POST))
    except bulks.NothingToDo:
        notice = Notice(Tone.INFO, _("Choose at least one change."), _("Every field is on “Keep”."))
    except bulks.NotNow:
        return see_other(_address(bulk))
    return show(request, changes_page(bulk, form, notice), status=422)


def _changes_form(
    request: UserRequest, bulk: BulkUpdate, data: QueryDict | None, *, is_checked: bool = True
) -> ChangesForm:
    edit = Edit.from_json(bulk.wishes)
    form = ChangesForm(
        data,
        schema=load_schema(get_choices(), edit.wishes),
        notes=bulk.notes,
        edit=edit,
        change_reason=bulk.change_reason,
        is_checked=is_checked,
    )
    form.offer(recipes_for(request.user), user=request.user, chosen=request.GET.get(RECIPE, ""))
    show_rules(form, rules_of(form.schema), form.schema)
    return form


def _take_answers(bulk: BulkUpdate, form: ChangesForm, user: User) -> Notice | None:
    """Read the file again if the user's answers changed; return the notice to look at first, if any."""
    if form.answers == answers_in(bulk.notes):
        return None
    unchanged = _("Nothing was checked or sent yet.")
    try:
        has_news = read_again(bulk, user=user, schema=form.schema, answers=form.answers)
    except FileGone:
        title = _("The file is no longer kept, so it cannot be read with these answers.")
        return Notice(Tone.DANGER, title, unchanged, _("Discard this bulk update and choose the file again."))
    except ValidationError as error:
        title = _("The file cannot be used with these answers.")
        return Notice(Tone.DANGER, title, f"{error.messages[0]} {unchanged}")
    if not has_news:
        return None
    title = _("The file was read with your answers: other rows have errors now.")
    return Notice(Tone.WARN, title, unchanged, _("Look at them below, then continue."))


def _run_page(
    request: UserRequest,
    bulk: BulkUpdate,
    notice: Notice | None = None,
    status: int = 200,
    form: ConfirmForm | None = None,
) -> HttpResponse:
    if bulk.state == BulkState.DRAFT:
        return redirect(_address(bulk))
    mark_seen(bulk, request.user)
    page = run_page(bulk, request.GET, request.user, form=form, notice=notice)
    return show(request, page, status=status)


def _found(uuid: UUID) -> BulkUpdate:
    return get_object_or_404(BulkUpdate.objects.select_related("parent"), uuid=uuid)


def _address(bulk: BulkUpdate) -> str:
    return reverse("bulk", args=[bulk.uuid])
