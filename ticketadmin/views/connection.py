"""The connection page, for administrators: what works between this tool and the CRM, but never the key."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from ticketadmin.models import Outcome
from ticketadmin.presenters.connection import present_report
from ticketadmin.presenters.index import present_index
from ticketadmin.presenters.outcomes import explain_reason
from ticketadmin.presenters.sent_along import known_of_omitted
from ticketadmin.services.crm.check import check_api, connection_facts, last_report
from ticketadmin.services.crm.circuit_breaker import open_until
from ticketadmin.services.crm.omitted import omitted_fields, set_omitted_fields
from ticketadmin.services.erasing.retention import notice_ends, notices
from ticketadmin.services.index.capabilities import check_soon
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.state import index_state
from ticketadmin.services.operations.heartbeats import living
from ticketadmin.services.operations.readiness import queue_depth
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.redirects import see_other


@needs("view_connection")
@require_POST
def omitted_fields_setting(request: HttpRequest) -> HttpResponse:
    """Keep what an administrator says of the fields that a PUT leaves out."""
    set_omitted_fields(are_emptied=request.POST.get("are_emptied") == "yes", actor=person_of(request))
    return see_other(reverse("connection"))


@needs("view_connection")
@require_http_methods(["GET", "HEAD", "POST"])
def connection(request: HttpRequest) -> HttpResponse:
    """Show what is known of the connection; a POST asks the CRM anew."""
    if request.method == "POST":
        check_api()
        check_soon(current_index())
        return see_other(reverse("connection"))
    person = person_of(request)
    until, report = open_until(), last_report(person)
    facts = connection_facts(person)
    context = {
        "report": report,
        "steps": present_report(report) if report else [],
        "facts": facts,
        "errors": [(one, Outcome(one.outcome), explain_reason(one.reason).title) for one in facts.errors],
        "open_until": until if until and until > timezone.now() else None,
        "omitted": (omitted := omitted_fields()),
        "omitted_known": known_of_omitted(omitted),
        "workers": living(),
        "queue": queue_depth(),
        "notices": (found := notices(timezone.now())),
        "notice_ends": notice_ends() if found else None,
        "index": present_index(index_state(current_index())),
    }
    return render(request, "connection/connection.html", context)
