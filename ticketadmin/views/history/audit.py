"""The audit log: its page and its export, for administrators."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.audit import AuditFilterForm
from ticketadmin.models import AUDIT_LOG
from ticketadmin.presenters.audit import present_entries
from ticketadmin.presenters.changes import page_links
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.history.audit import AUDIT_COLUMNS, audit_page, audit_rows, audit_table
from ticketadmin.services.history.export import csv_lines
from ticketadmin.views.access import needs, person_of


@needs("administer")
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show entries, newest first, as the filters in the address ask."""
    form = AuditFilterForm(request.GET)
    form.is_valid()
    before = request.GET.get("before", "")
    page = audit_page(person_of(request), form.filters, before=whole_number(before))
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": form,
        "rows": present_entries(page.rows),
        "query": query.urlencode(),
        "is_filtered": any(query.values()),
        "pages": page_links("audit", before=bool(before), older=page.next_before, query=query.urlencode()),
    }
    return render(request, "audit/audit.html", context, status=200 if form.is_valid() else 422)


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
    response = StreamingHttpResponse(csv_lines(AUDIT_COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response  # type: ignore[return-value] # a stream is a response to every caller
