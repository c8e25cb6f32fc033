"""The first step of a bulk update: which tickets, and the template for a file of them."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk_choosing import ChooseForm
from ticketadmin.models import BulkFile
from ticketadmin.presenters.file_help import ChoosePage, NoErrorFilePage, spelling_rows
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.bulk.error_file import file_with_errors
from ticketadmin.services.bulk.template import template_csv, template_xlsx
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.downloads import XLSX, given_back
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other
from ticketadmin.views.tickets.omnibox import long_text_leads_to


@needs("run_bulk_updates", "GET", "POST")
def bulk_new(request: UserRequest) -> HttpResponse:
    """Take codes, a saved view or a file; codes may also come with the address or from selected rows."""
    choices = get_choices()
    if request.method != "POST":
        initial = {"codes": request.GET.get("codes", "").replace(",", "\n")}
        form = ChooseForm(user=request.user, choices=choices, initial=initial)
        return show(request, ChoosePage(form, spelling_rows()))
    data = request.POST.copy()
    if typed := data.get("typed", ""):  # into the box of every page
        if elsewhere := long_text_leads_to(request, typed):
            return elsewhere
        data["codes"] = typed
    if (selected := data.getlist("code")) and not data.get("matching"):  # that button says "all"
        data["codes"] = "\n".join(selected)
    form = ChooseForm(data, request.FILES, user=request.user, choices=choices)
    if not form.is_valid():
        return show(request, ChoosePage(form, spelling_rows()), status=422)
    recipe = whole_number(data.get("recipe", ""))
    query = {"recipe": recipe} if recipe else None
    return see_other(reverse("bulk", args=[form.save().uuid], query=query))


@needs("run_bulk_updates", "GET")
def bulk_file_errors(request: UserRequest, file: UUID) -> HttpResponse:
    """Download an uploaded file with the errors beside each row."""
    kept = get_object_or_404(BulkFile.objects.select_related("bulk"), uuid=file)
    if kept.bulk is None and kept.owner_id != request.user.pk:
        raise Http404
    try:
        made = file_with_errors(kept, load_schema(get_choices()), user=request.user)
    except ValidationError as error:
        return show(request, NoErrorFilePage(error.messages[0]), status=409)
    target = Target("bulkfile", str(kept.uuid), kept.name)
    pieces = audited_export(
        target, made.pieces, filters={}, user=request.user, further=lambda: {"rows": made.rows}
    )
    return given_back(pieces, name=kept.name, word="errors", is_workbook=made.is_workbook)


@needs("run_bulk_updates", "GET")
def bulk_template(request: UserRequest, kind: str) -> HttpResponse:
    """Download a table with a column for each field, as csv or xlsx."""
    schema = load_schema(get_choices())
    if kind == "csv":
        answer = HttpResponse("".join(template_csv(schema)), content_type="text/csv; charset=utf-8")
    else:
        answer = HttpResponse(template_xlsx(schema), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="bulk-update.{kind}"'
    return answer
