"""Who else has a ticket open: one small answer to the page's heartbeat."""

from django.http import HttpResponse

from ticketadmin.converters import moment_of_page
from ticketadmin.presenters.ticket_page import PresencePart
from ticketadmin.services.drafts.presence import close_tab, record_presence
from ticketadmin.views.access import UserRequest, in_background, needs
from ticketadmin.views.pages import show


@in_background
@needs("edit_tickets", "POST")
def presence(request: UserRequest, code: str) -> HttpResponse:
    """Record this tab and return who else has the ticket open; 204 if the page shows that already."""
    tab = request.POST.get("tab", "")
    if request.POST.get("leaving"):
        close_tab(request.user, code, tab=tab)
        return HttpResponse(status=204)
    present = record_presence(
        request.user,
        code,
        tab=tab,
        is_editing=bool(request.POST.get("editing")),
        loaded_at=moment_of_page(request.POST.get("loaded_at", "")),
    )
    if present.key == request.POST.get("shown", ""):
        return HttpResponse(status=204)
    return show(request, PresencePart(present, code))
