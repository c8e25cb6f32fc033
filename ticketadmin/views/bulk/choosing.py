"""The first step of a bulk update: which tickets, and the template for a file of them."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk_choosing import ChooseForm
from ticketadmin.models import BulkFile
from ticketadmin.presenters.file_help import ChoosePage, NoErrorFilePage
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.bulk.error_file import file_with_errors
from ticketadmin.services.bulk.template import template_csv, template_xlsx
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.downloads import XLSX, given_back
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other


@needs("run_bulk_updates")
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_new(request: HttpRequest) -> HttpResponse:
    """Take codes, a saved view or a file; codes may also come with the address or from selected rows."""
    person, choices = person_of(request), get_choices()
    if request.method != "POST":
        initial = {"codes": request.GET.get("codes", "").replace(",", "\n")}
        return show(request, ChoosePage(ChooseForm(person=person, choices=choices, initial=initial)))
    data = request.POST.copy()
    if (selected := data.getlist("code")) and not data.get("matching"):  # that button says "all"
        data["codes"] = "\n".join(selected)
    form = ChooseForm(data, request.FILES, person=person, choices=choices)
    if not form.is_valid():
        return show(request, ChoosePage(form), status=422)
    address = reverse("bulk", args=[form.save().uuid])
    recipe = whole_number(data.get("recipe", ""))
    return see_other(f"{address}?recipe={recipe}" if recipe else address)


@needs("run_bulk_updates")
@require_safe
def bulk_file_errors(request: HttpRequest, file: UUID) -> HttpResponse:
    """Download an uploaded file with what is wrong in it beside each row."""
    person = person_of(request)
    kept = get_object_or_404(BulkFile.objects.select_related("bulk"), uuid=file)
    if kept.bulk is None and kept.owner_id != person.pk:
        raise Http404
    try:
        made = file_with_errors(kept, load_schema(get_choices()), actor=person)
    except ValidationError as error:
        return show(request, NoErrorFilePage(error.messages[0]), status=409)
    target = Target("bulkfile", str(kept.uuid), kept.name)
    pieces = audited_export(
        target, made.pieces, filters={}, actor=person, further=lambda: {"rows": made.rows}
    )
    return given_back(pieces, name=kept.name, word="errors", is_workbook=made.is_workbook)


@needs("run_bulk_updates")
@require_safe
def bulk_template(request: HttpRequest, kind: str) -> HttpResponse:
    """Download a table with a column for each field, as csv or xlsx."""
    schema = load_schema(get_choices())
    if kind == "csv":
        answer = HttpResponse("".join(template_csv(schema)), content_type="text/csv; charset=utf-8")
    else:
        answer = HttpResponse(template_xlsx(schema), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="bulk-update.{kind}"'
    return answer
