"""The connection page, for administrators: what works between this tool and the CRM, but never the key."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from ticketadmin.presenters.connection import connection_page
from ticketadmin.services.crm.check import check_api
from ticketadmin.services.crm.omitted import set_omitted_fields
from ticketadmin.services.index.capabilities import check_soon
from ticketadmin.services.index.rows import current_index
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.pages import show
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
    return show(request, connection_page(person_of(request)))
