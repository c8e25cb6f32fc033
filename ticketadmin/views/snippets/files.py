"""Files of snippets: the download, and the upload with its dry run."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ticketadmin.forms.snippets import ImportForm
from ticketadmin.presenters.snippets import ImportPage, plan_page
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.snippets.importing import (
    Fate,
    Outdated,
    WrongSeal,
    apply_import,
    plan_import,
    seal_plan,
)
from ticketadmin.services.snippets.table import FileRow, exported_snippets, file_lines
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.downloads import csv_download
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other

SNIPPETS = "snippets"


@needs("edit_tickets")
@require_POST
def snippets_csv(request: HttpRequest) -> HttpResponse:
    """Send one's own snippets as a CSV file; with the right to share, those of colleagues, too."""
    user = person_of(request)
    rows = exported_snippets(user).iterator(chunk_size=100)
    lines = file_lines(audited_export(Target(SNIPPETS), rows, filters={"format": "csv"}, actor=user))
    return csv_download(lines, f"snippets-{timezone.localdate().isoformat()}.csv")


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def snippets_import(request: HttpRequest) -> HttpResponse:
    """Take a file and show what it would do; with `plan`, do exactly what was shown."""
    if request.method != "POST":
        return show(request, ImportPage(ImportForm()))
    if "plan" in request.POST:
        return _apply(request, request.POST["plan"])
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(request, ImportPage(form), status=422)
    return _plan(request, form.rows)


def _apply(request: HttpRequest, sealed: str) -> HttpResponse:
    try:
        counts = apply_import(person_of(request), sealed)
    except WrongSeal:
        problem = _("What was shown is too old or damaged. Nothing was written. Upload the file again.")
        messages.error(request, problem)
        return see_other(reverse("snippets_import"))
    except Outdated as error:
        return _plan(request, error.rows, is_outdated=True)
    message = _("Snippets: %(new)d new, %(changed)d changed.")
    messages.success(request, message % {"new": counts[Fate.NEW], "changed": counts[Fate.CHANGED]})
    return see_other(reverse("snippets"))


def _plan(request: HttpRequest, rows: tuple[FileRow, ...], *, is_outdated: bool = False) -> HttpResponse:
    user = person_of(request)
    planned = plan_import(user, rows)
    page = plan_page(planned, seal_plan(user, rows, planned), is_outdated=is_outdated)
    return show(request, page, status=409 if is_outdated else 200)
