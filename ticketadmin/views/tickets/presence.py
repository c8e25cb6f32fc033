"""Who else has a ticket open: one small answer to the page's heartbeat."""

from datetime import UTC, datetime

from django.http import HttpResponse

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
        loaded_at=_moment(request.POST.get("loaded_at", "")),
    )
    if present.key == request.POST.get("shown", ""):
        return HttpResponse(status=204)
    return show(request, PresencePart(present, code))


def _moment(text: str) -> datetime | None:
    """Return the moment in UTC; None for a text that is no time at which a page could have been loaded."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo and 2000 < moment.year < 3000 else None
    except (ValueError, OverflowError):
        return None
