"""Pages for administrators: the connection to the CRM, never its key; the audit log; erasing data."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.converters import whole_number
from ticketadmin.forms.erasing import EraseForm
from ticketadmin.forms.history import AuditFilterForm
from ticketadmin.models import AUDIT_LOG
from ticketadmin.presenters.audit import AuditPage, present_entries
from ticketadmin.presenters.connection import connection_page
from ticketadmin.presenters.erasing import ErasingPage, rows_held
from ticketadmin.presenters.paging import filters_in, page_links
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.crm.check import check_api
from ticketadmin.services.crm.omitted import set_omitted_fields
from ticketadmin.services.erasing.erase import ErasureSubject, HeldData, StillOpen, erase, look_up
from ticketadmin.services.history.audit import AUDIT_COLUMNS, audit_page, audit_table
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.index.capabilities import check_soon
from ticketadmin.services.index.rows import current_index
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.downloads import csv_download
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed, see_other


@needs("view_connection", "POST")
def omitted_fields_setting(request: UserRequest) -> HttpResponse:
    """Store an administrator's answer on whether the CRM empties the fields that a PUT leaves out."""
    are_emptied = request.POST.get("are_emptied") == "yes"
    set_omitted_fields(are_emptied=are_emptied, user=request.user)
    if are_emptied:
        stored = _("Noted: the CRM empties what a request leaves out. Every save sends it along now.")
    else:
        stored = _("Noted: the CRM keeps what a request leaves out. A save sends only what was changed.")
    return confirmed(request, stored, "connection")


@needs("view_connection", "GET", "POST")
def connection(request: UserRequest) -> HttpResponse:
    """Show what is known about the connection; a POST checks it again."""
    if request.method == "POST":
        check_api()
        check_soon(current_index())
        return see_other(reverse("connection"))
    return show(request, connection_page(request.user))


@needs("administer", "GET")
def audit(request: UserRequest) -> HttpResponse:
    """Show the entries that match the filters in the address, newest first."""
    form = AuditFilterForm(request.GET)
    form.is_valid()
    found = audit_page(request.user, form.filters, before=whole_number(request.GET.get("before", "")))
    page = AuditPage(
        form=form,
        query=filters_in(request.GET),
        pages=page_links("audit", request.GET, found.next_before),
        rows=present_entries(found.rows),
    )
    return show(request, page, status=200 if form.is_valid() else 422)


@needs("administer", "GET")
def audit_csv(request: UserRequest) -> HttpResponse:
    """Stream the entries that match the filters, one line each. The export is itself recorded."""
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        return audit(request)
    table = audit_table(request.user, form.filters)
    rows = audited_export(Target(AUDIT_LOG), table, filters=vars(form.filters), user=request.user)
    return csv_download(csv_lines(AUDIT_COLUMNS, rows), "audit.csv")


@needs("administer", "GET", "POST")
def erasing(request: UserRequest) -> HttpResponse:
    """Show the box; a POST shows what is stored, and one with `confirm` erases it."""
    form = EraseForm(request.POST or None)
    if not (request.method == "POST" and form.is_valid()):
        return _page(request, form, status=422 if request.method == "POST" else 200)
    subject: ErasureSubject = form.cleaned_data["subject"]
    if "confirm" not in request.POST:
        return _page(request, form, look_up(subject, user=request.user))
    try:
        done = erase(subject, user=request.user)
    except StillOpen as problem:
        return _page(request, form, problem.found, status=409)
    erased = ngettext("%(n)s row was erased.", "%(n)s rows were erased.", done.total) % {
        "n": number_format(done.total)
    }
    return confirmed(request, f"{erased} {_('The CRM was not changed.')}", "erasing")


def _page(
    request: UserRequest, form: EraseForm, found: HeldData | None = None, status: int = 200
) -> HttpResponse:
    rows = rows_held(found) if found else []
    return show(request, ErasingPage(form, found, rows), status=status)
