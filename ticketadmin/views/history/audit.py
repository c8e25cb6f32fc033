"""The audit log: its page and its export, for administrators."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.audit import AuditFilterForm
from ticketadmin.models import AUDIT_LOG
from ticketadmin.presenters.audit import AuditPage, present_entries
from ticketadmin.presenters.paging import filters_in, page_links
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.history.audit import AUDIT_COLUMNS, audit_page, audit_rows, audit_table
from ticketadmin.services.history.export import csv_lines
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.downloads import csv_download
from ticketadmin.views.pages import show


@needs("administer")
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show entries, newest first, as the filters in the address ask."""
    form = AuditFilterForm(request.GET)
    form.is_valid()
    found = audit_page(person_of(request), form.filters, before=whole_number(request.GET.get("before", "")))
    page = AuditPage(
        form=form,
        query=filters_in(request.GET),
        pages=page_links("audit", request.GET, found.next_before),
        rows=present_entries(found.rows),
    )
    return show(request, page, status=200 if form.is_valid() else 422)


@needs("administer")
@require_safe
def audit_csv(request: HttpRequest) -> HttpResponse:
    """Stream everything that the filters ask for, one line an entry. The export is itself recorded."""
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        return audit(request)
    viewer = person_of(request)
    table = audit_table(audit_rows(viewer, form.filters))
    rows = audited_export(Target(AUDIT_LOG), table, filters=vars(form.filters), actor=viewer)
    return csv_download(csv_lines(AUDIT_COLUMNS, rows), "audit.csv")
