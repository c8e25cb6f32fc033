"""Bulk updates in the browser: the list of runs, choosing, the dry run, progress, results.

One address a bulk update, from its preparation to its result: it can be sent to a colleague at any time.
"""

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk import RECIPE, ChangesForm, ConfirmForm, without_consents
from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.forms.file_choices import FileChoicesForm
from ticketadmin.models import BulkFile, BulkState, BulkUpdate, ItemOutcome, User
from ticketadmin.presenters.bulk import present_run
from ticketadmin.presenters.changes import Notice, page_links, whose_tabs
from ticketadmin.presenters.outcome_file import present_endings
from ticketadmin.presenters.rules import show_rules
from ticketadmin.presenters.run_page import run_page
from ticketadmin.presenters.uploaded_file import present_file, present_question
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.bulk import reversals
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
from ticketadmin.services.people.access import Forbidden
from ticketadmin.services.recipes.keep import MAX_NAME, MAX_RECIPES, keep_recipe, recipes_for
from ticketadmin.services.recipes.sharing import NameTaken, TooMany
from ticketadmin.services.rules.checking import rules_of
from ticketadmin.services.saving.change_reason import CHANGE_REASON, read_change_reason
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import in_background, needs, person_of
from ticketadmin.views.bulk.given_back import given_back
from ticketadmin.views.redirects import see_other


@needs("run_bulk_updates")
@require_safe
def bulk_list(request: HttpRequest) -> HttpResponse:
    """Show bulk updates, everybody's or one's own, newest first."""
    before, owner = (whole_number(request.GET.get(name, "")) for name in ("before", "person"))
    page = runs_page(owner=owner, before=before)
    query = urlencode({"person": owner}) if owner else ""
    context = {
        "runs": [present_run(one) for one in page.rows],
        "is_mine": owner == request.user.pk,
        "tabs": whose_tabs(request.GET, "person", person_of(request)),
        "pages": page_links("bulk_list", before=before is not None, older=page.next_before, query=query),
    }
    return render(request, "bulk/list.html", context)


@needs("run_bulk_updates")
@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest, bulk: UUID) -> HttpResponse:
    """Show one bulk update as far as it is; a POST takes the changes that were chosen."""
    one = _found(bulk)
    if one.state == BulkState.DRAFT:
        return _changes_page(request, one)
    if request.method == "POST":
        return see_other(_address(one))
    return _run_page(request, one)


@in_background
@needs("run_bulk_updates")
@require_safe
def bulk_progress(request: HttpRequest, bulk: UUID) -> HttpResponse:
    """Return the parts of the page that move, for a script."""
    one = _found(bulk)
    mark_seen(one, person_of(request))
    page = run_page(one, request.GET, person_of(request))
    return render(request, "bulk/_live.html", {"page": page, "form": ConfirmForm()})


@needs("run_bulk_updates")
@require_safe
def bulk_results(request: HttpRequest, bulk: UUID) -> HttpResponse:
    """Download what came of each ticket, for a spreadsheet."""
    one = _found(bulk)
    refresh_outcomes(one)
    target = Target("bulkupdate", str(one.uuid), one.owner_name)
    rows = audited_export(target, result_table(one), filters={}, actor=person_of(request))
    lines = csv_lines(RESULT_COLUMNS, rows)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="bulk-{one.uuid}.csv"'
    return answer  # type: ignore[return-value] # a stream is a response to every caller


@needs("run_bulk_updates")
@require_safe
def bulk_outcome_file(request: HttpRequest, bulk: UUID) -> HttpResponse:
    """Download the uploaded file with how each of its tickets ended."""
    one = _found(bulk)
    refresh_outcomes(one)
    title = _("The file cannot be given back with its outcomes.")
    try:
        made = file_with_outcomes(one, present_endings(one), actor=person_of(request))
    except FileGone:
        text = _("It is no longer kept. Download the results as CSV instead.")
        return _run_page(request, one, Notice("info", title, text), 409)
    except ValidationError as error:
        return _run_page(request, one, Notice("info", title, error.messages[0]), 409)
    target = Target("bulkupdate", str(one.uuid), one.owner_name)
    pieces = audited_export(
        target, made.pieces, filters={}, actor=person_of(request), further=lambda: {"rows": made.rows}
    )
    name = one.notes.get("file", "")
    return given_back(pieces, name=name, word="outcomes", is_workbook=made.is_workbook)


@needs("run_bulk_updates")
@require_POST
def bulk_action(request: HttpRequest, bulk: UUID, action: str) -> HttpResponse:
    """Do what a button says: see `_ACTIONS`."""
    one, person = _found(bulk), person_of(request)
    if action == "confirm":
        return _confirm(request, one, person)
    if action == "choose":
        return _choose(request, one, person)
    if action == "keep-recipe":
        return _keep_recipe(request, one, person)
    if action not in _ACTIONS:
        raise Http404
    reason = ReasonForm(request.POST)
    if not reason.is_valid():
        return _run_page(request, one, Notice("danger", reason.problem, _("Nothing was done.")), 422)
    try:
        made = _ACTIONS[action](one, person, request)
    except Forbidden as error:
        raise PermissionDenied from error
    except bulks.NothingToDo:
        return _run_page(request, one, Notice("info", _("There is no ticket to do this for.")), 409)
    except bulks.NotNow:
        return _run_page(request, one, _not_now(), 409)
    if action == "discard":
        messages.success(request, _("The bulk update is discarded. Nothing of it was sent."))
        return see_other(reverse("bulk_list"))
    return see_other(_address(made or one))


def _retry(one: BulkUpdate, person: User, request: HttpRequest) -> BulkUpdate:
    unknown = [ItemOutcome.UNKNOWN] if "unknown" in request.POST else []
    return bulks.retry_bulk(one, actor=person, outcomes=unknown)


def _reason(request: HttpRequest) -> str:
    return read_change_reason(request.POST.get(CHANGE_REASON, ""))


# What each button does; those that make another bulk update return it.
_ACTIONS: dict[str, Callable[[BulkUpdate, User, HttpRequest], BulkUpdate | None]] = {
    "pause": lambda one, person, _request: bulks.pause_bulk(one, actor=person),
    "resume": lambda one, person, _request: bulks.resume_bulk(one, actor=person),
    "cancel": lambda one, person, _request: bulks.cancel_bulk(one, actor=person),
    "again": lambda one, person, _request: bulks.check_again(one, actor=person),
    "change": lambda one, person, _request: bulks.change_wishes(one, actor=person),
    "discard": lambda one, person, _request: bulks.discard_bulk(one, actor=person),
    "settle": lambda one, person, _request: bulks.settle_bulk(one, actor=person),
    "undo": lambda one, person, request: reversals.undo_bulk(
        one, actor=person, change_reason=_reason(request)
    ),
    "restore": lambda one, person, request: reversals.restore_bulk(
        one, actor=person, change_reason=_reason(request)
    ),
    "go-on": lambda one, person, _request: bulks.go_on_although(one, actor=person),
    "retry": _retry,
}


def _choose(request: HttpRequest, one: BulkUpdate, person: User) -> HttpResponse:
    """Take which values count where both an uploaded export and the CRM changed them."""
    form = FileChoicesForm(request.POST)
    nothing = Notice("info", _("Choose for a column or a ticket which value counts."), _("Nothing was done."))
    if not form.is_valid():
        return _run_page(request, one, nothing, 422)
    try:
        form.save(one, actor=person)
    except bulks.SealBroken:
        return _outdated_check(request, one)
    except bulks.NothingToDo:
        one.refresh_from_db()
        return _run_page(request, one, nothing, 422)
    except bulks.NotNow:
        return _run_page(request, one, _not_now(), 409)
    return see_other(_address(one))


def _outdated_check(request: HttpRequest, one: BulkUpdate) -> HttpResponse:
    title = _("This is not the check that you saw: it was made again meanwhile.")
    step = _("Look at it as it is now, then confirm.")
    one.refresh_from_db()
    return _run_page(request, one, Notice("warn", title, _("Nothing was sent."), step), 409)


def _confirm(request: HttpRequest, one: BulkUpdate, person: User) -> HttpResponse:
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _run_page(request, one, status=422, form=form)
    try:
        form.save(one, actor=person)
    except bulks.SealBroken:
        return _outdated_check(request, one)
    except bulks.NothingToDo:
        one.refresh_from_db()
        return _run_page(request, one, Notice("info", _("There is no ticket to send.")), 409)
    except bulks.NotNow:
        return _run_page(request, one, _not_now(), 409)
    return see_other(_address(one))


def _keep_recipe(request: HttpRequest, one: BulkUpdate, person: User) -> HttpResponse:
    """Keep the changes of a run that has ended as a recipe of one's own."""
    name, changes = request.POST.get("name", "").strip(), changes_of_run(one, load_schema())
    problem = ""
    if not name or len(name) > MAX_NAME:
        problem = _("Give the recipe a name of at most 60 characters.")
    elif not (one.has_ended and changes):
        problem = _("This bulk update has no common changes that a recipe could keep.")
    else:
        try:
            keep_recipe(person, name, changes)
        except TooMany:
            message = _("You have %(most)d recipes, which is the most. Delete one, then try again.")
            problem = message % {"most": MAX_RECIPES}
        except NameTaken:
            problem = _("You have another recipe of this name. Choose another name.")
    if problem:
        return _run_page(request, one, Notice("danger", _("The recipe was not saved."), problem), 422)
    messages.success(request, _("The recipe “%(name)s” is saved.") % {"name": name})
    return see_other(reverse("recipes"))


def _not_now() -> Notice:
    title = _("This is not possible any more.")
    text = _("The bulk update has moved on since this page was loaded. It is shown as it is now.")
    return Notice("warn", title, text)


def _changes_page(request: HttpRequest, one: BulkUpdate) -> HttpResponse:
    form = _changes_form(request, one, request.POST if request.method == "POST" else None)
    status, notice = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                notice = _take_answers(one, form, person_of(request))
                if not notice:
                    form.save(one, actor=person_of(request))
                    return see_other(_address(one))
                form = _changes_form(request, one, without_consents(request.POST))
            except bulks.NothingToDo:
                notice = Notice("info", _("Choose at least one change."), _("Every field is on “Keep”."))
            except bulks.NotNow:
                return see_other(_address(one))
    context = {"bulk": one, "form": form, "notice": notice, "count": one.items.count()}
    context["file"] = present_file(one.notes)
    if one.notes.get("error_rows"):
        context["kept_file"] = BulkFile.objects.filter(bulk=one).only("uuid").first()
    context["asked"] = [present_question(asked) for asked in form.asked]
    context["changeable"] = [present_question(asked) for asked in form.changeable]
    context["columns"] = [form.schema.field(name).label for name in form.from_file]
    return render(request, "bulk/changes.html", context, status=status)


def _changes_form(request: HttpRequest, one: BulkUpdate, data: QueryDict | None) -> ChangesForm:
    edit = Edit.from_json(one.wishes)
    form = ChangesForm(
        data,
        schema=load_schema(get_choices(), edit.wishes),
        notes=one.notes,
        edit=edit,
        change_reason=one.change_reason,
    )
    user = person_of(request)
    form.offer(recipes_for(user), actor=user, chosen=request.GET.get(RECIPE, ""))
    show_rules(form, rules_of(form.schema), form.schema)
    return form


def _take_answers(one: BulkUpdate, form: ChangesForm, person: User) -> Notice | None:
    """Read the file again where the user answered otherwise than before; return what they have to look at."""
    if form.answers == answers_in(one.notes):
        return None
    unchanged = _("Nothing was checked or sent yet.")
    try:
        has_news = read_again(one, actor=person, schema=form.schema, answers=form.answers)
    except FileGone:
        title = _("The file is no longer kept, so it cannot be read with these answers.")
        return Notice("danger", title, unchanged, _("Discard this bulk update and choose the file again."))
    except ValidationError as error:
        title = _("The file cannot be used with these answers.")
        return Notice("danger", title, f"{error.messages[0]} {unchanged}")
    if not has_news:
        return None
    title = _("The file was read with your answers: other rows have errors now.")
    return Notice("warn", title, unchanged, _("Look at them below, then go on."))


def _run_page(
    request: HttpRequest,
    one: BulkUpdate,
    notice: Notice | None = None,
    status: int = 200,
    form: ConfirmForm | None = None,
) -> HttpResponse:
    if one.state == BulkState.DRAFT:
        return redirect(_address(one))
    mark_seen(one, person_of(request))
    page = run_page(one, request.GET, person_of(request))
    context = {"page": page, "notice": notice, "form": form or ConfirmForm()}
    return render(request, "bulk/run.html", context, status=status)


def _found(uuid: UUID) -> BulkUpdate:
    return get_object_or_404(BulkUpdate.objects.select_related("parent"), uuid=uuid)


def _address(one: BulkUpdate) -> str:
    return reverse("bulk", args=[one.uuid])
