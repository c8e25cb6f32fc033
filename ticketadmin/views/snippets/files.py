"""Files of snippets: the download, and the upload with its dry run."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.forms.snippets import ImportForm
from ticketadmin.presenters.snippets import ImportPage, plan_page
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.snippets.importing import (
    Outdated,
    RowStatus,
    WrongSeal,
    apply_import,
    plan_import,
    seal_plan,
)
from ticketadmin.services.snippets.table import FileRow, exported_snippets, file_lines
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.downloads import csv_download
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed, see_other

SNIPPETS = "snippets"


@needs("edit_tickets", "POST")
def snippets_csv(request: UserRequest) -> HttpResponse:
    """Send the user's snippets as a CSV file; for users who may share, also the shared ones of colleagues."""
    rows = exported_snippets(request.user).iterator(chunk_size=100)
    lines = file_lines(audited_export(Target(SNIPPETS), rows, filters={"format": "csv"}, user=request.user))
    return csv_download(lines, f"snippets-{timezone.localdate().isoformat()}.csv")


@needs("edit_tickets", "GET", "POST")
def snippets_import(request: UserRequest) -> HttpResponse:
    """Accept a file and show what it would change; with `plan`, make exactly the changes that were shown."""
    if request.method != "POST":
        return show(request, ImportPage(ImportForm()))
    if "plan" in request.POST:
        return _apply(request, request.POST["plan"])
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(request, ImportPage(form), status=422)
    return _plan(request, form.cleaned_data["file"])


def _apply(request: UserRequest, sealed: str) -> HttpResponse:
    try:
        counts = apply_import(request.user, sealed)
    except WrongSeal:
        problem = _("What was shown is too old or damaged. Nothing was written. Upload the file again.")
        messages.error(request, problem)
        return see_other(reverse("snippets_import"))
    except Outdated as error:
        return _plan(request, error.rows, is_outdated=True)
    numbers = {"new": counts[RowStatus.NEW], "changed": counts[RowStatus.CHANGED]}
    return confirmed(request, _("Snippets: %(new)d new, %(changed)d changed.") % numbers, "snippets")


def _plan(request: UserRequest, rows: tuple[FileRow, ...], *, is_outdated: bool = False) -> HttpResponse:
    planned = plan_import(request.user, rows)
    page = plan_page(planned, seal_plan(request.user, rows, planned), is_outdated=is_outdated)
    return show(request, page, status=409 if is_outdated else 200)
