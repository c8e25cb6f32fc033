"""Downloading the list of tickets as XLSX or CSV: ticked rows, or all that match, with the columns shown."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from django.contrib import messages
from django.http import FileResponse, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.forms.listing import ListRequest
from ticketadmin.models import Reading, User
from ticketadmin.presenters.list_export import ListTable, csv_cells
from ticketadmin.presenters.listing import columns_of, field_of
from ticketadmin.services.audit.record import Target, audited_export
from ticketadmin.services.bulk.contents import MAX_WITH_CONTENTS, ContentReader
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import reading_state
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.index.listing import (
    MAX_ROWS_COUNTED,
    ListFilters,
    Query,
    Total,
    rows_in_order,
    total_of,
)
from ticketadmin.services.index.omnibox import MAX_CODES
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.spreadsheets.writing import write_workbook
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.client import CODE
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.downloads import XLSX, csv_download
from ticketadmin.views.redirects import see_other
from ticketadmin.views.tickets.list import asked_of, described_of

TICKETS = "tickets"
MAX_LIST_ADDRESS = 50_000  # characters of a list's address


@needs("export_tickets", "POST")
def export_tickets(request: UserRequest, kind: str) -> HttpResponse:
    """Send the tickets in `code`, else those that match the address `matching`, as csv or xlsx.

    No remote call is made, unless `contents` are wanted: then one per ticket, while the file is written.
    Nothing is sent if a filter in the address no longer exists, or if more tickets match than a file takes.
    """
    address = request.POST.get("matching", "")
    if len(address) > MAX_LIST_ADDRESS:
        return _refused(request, "", [_("The filters are too long. Narrow the list in another way.")])
    choices = get_choices(ask=False)
    asked, listed = asked_of(request, choices, QueryDict(address))
    if asked.dropped:
        return _refused(request, address, list(asked.dropped))
    query = Query(current_index(), _filters(request, asked), asked.order, listed)
    reader = ContentReader(choices) if request.POST.get("contents") else None
    if reason := _reason_against(total_of(query), with_contents=reader is not None):
        return _refused(request, address, [reason])
    ticked = {"codes": ",".join(query.filters.codes or ())} if "code" in request.POST else {}
    named = {name: ", ".join(asked.query.getlist(name)) for name in asked.query}
    filters = {**named, **ticked, "format": kind, "contents": "1" if reader else ""}
    names = [field_of(one.name) for one in columns_of(asked, described_of(choices))[1:] if one.is_shown]
    table = ListTable(names, load_schema(choices), reader.cell_of if reader else None)
    return _file(table, query, filters, reader, request.user)


def _filters(request: UserRequest, asked: ListRequest) -> ListFilters:
    """Return the filters of the list; for ticked rows, their codes alone."""
    if "code" not in request.POST:
        return asked.filters
    ticked = [code for code in request.POST.getlist("code")[:MAX_CODES] if CODE.fullmatch(code)]
    return replace(ListFilters(), codes=tuple(dict.fromkeys(ticked)))


def _reason_against(total: Total, *, with_contents: bool) -> str:
    """Return why this number of tickets cannot be downloaded; "" if it can."""
    if total.is_more:
        most = number_format(MAX_ROWS_COUNTED, force_grouping=True)
        return _("These are more than %(most)s tickets. Narrow the list by a filter.") % {"most": most}
    if not with_contents:
        return ""
    if total.count > MAX_WITH_CONTENTS:
        numbers = {
            "most": number_format(MAX_WITH_CONTENTS),
            "count": number_format(total.count, force_grouping=True),
        }
        return (
            _(
                "%(count)s tickets match. With contents, at most %(most)s can be downloaded at once, because "
                "each one is read from the CRM. Narrow the list, or download it without contents."
            )
            % numbers
        )
    if reading_state() is Reading.REFUSED:
        return _("The CRM does not let this tool read tickets. Download the list without contents.")
    return ""


def _file(
    table: ListTable, query: Query, filters: Mapping[str, str], reader: ContentReader | None, user: User
) -> HttpResponse:
    found, further = rows_in_order(query), None
    if reader:  # its reads change the index, and thereby the order of the list
        found, further = iter(list(islice(found, MAX_WITH_CONTENTS))), reader.audit_details
    tickets = audited_export(Target(TICKETS), found, filters=filters, user=user, further=further)
    columns, rows, kind = table.columns(), table.rows(tickets), filters["format"]
    name = f"tickets-{timezone.localdate().isoformat()}.{kind}"
    if kind == "xlsx":
        explained, record = table.explained(), table.record()
        file = write_workbook(_("Tickets"), columns, rows, explained=explained, record=record)
        return FileResponse(file, content_type=XLSX, as_attachment=True, filename=name)  # type: ignore[return-value] # a stream is a response to every caller
    lines = csv_lines([column.heading for column in columns], csv_cells(rows))
    return csv_download(lines, name)


def _refused(request: UserRequest, address: str, reasons: list[str]) -> HttpResponse:
    """Show the list again, with the reasons why nothing was downloaded."""
    messages.error(request, " ".join([_("Nothing was downloaded."), *reasons]))
    return see_other(f"{reverse('tickets')}?{address}" if address else reverse("tickets"))
