"""What typed content would become, while it is typed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from ticketadmin.presenters.content import display_content
from ticketadmin.presenters.ticket_page import ContentPreview
from ticketadmin.sanitizing import what_is_removed
from ticketadmin.views.access import needs
from ticketadmin.views.pages import show


@needs("edit_tickets")
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show the posted content as it would be stored and what cleaning drops; loads no image, sends nothing.

    Twice the length that a save accepts is refused outright; within it, a notice says what is too much.
    """
    typed = request.POST.get("ticket_content", "")
    if len(typed) > 2 * settings.CONTENT_MAX_CHARACTERS:
        return HttpResponse(status=413)
    return show(request, ContentPreview(display_content(typed), what_is_removed(typed)))
