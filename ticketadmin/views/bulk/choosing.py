"""The first step of a bulk update: which tickets, and the template for a file of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk_choosing import ChooseForm
from ticketadmin.services.bulk.template import template_csv, template_xlsx
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.redirects import see_other

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@needs("run_bulk_updates")
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_new(request: HttpRequest) -> HttpResponse:
    """Take codes, a saved view or a file; codes may also come with the address or from selected rows."""
    person, choices = person_of(request), get_choices()
    if request.method != "POST":
        initial = {"codes": request.GET.get("codes", "").replace(",", "\n")}
        return _page(request, ChooseForm(person=person, choices=choices, initial=initial))
    data = request.POST.copy()
    if (selected := data.getlist("code")) and not data.get("matching"):  # that button says "all"
        data["codes"] = "\n".join(selected)
    form = ChooseForm(data, request.FILES, person=person, choices=choices)
    if not form.is_valid():
        return _page(request, form, 422)
    address = reverse("bulk", args=[form.save().uuid])
    recipe = whole_number(data.get("recipe", ""))
    return see_other(f"{address}?recipe={recipe}" if recipe else address)


def _page(request: HttpRequest, form: ChooseForm, status: int = 200) -> HttpResponse:
    return render(request, "bulk/new.html", {"form": form, "row_errors": form.row_errors}, status=status)


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
