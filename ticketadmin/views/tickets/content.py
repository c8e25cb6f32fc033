"""What typed content would become, while it is typed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from ticketadmin.presenters.content import display_content
from ticketadmin.sanitizing import what_is_removed
from ticketadmin.views.access import needs


@needs("edit_tickets")
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show the posted content as it would be stored and what cleaning drops; loads no image, sends nothing.

    Twice the length that a save accepts is refused outright; within it, a notice says what is too much.
    """
    typed = request.POST.get("ticket_content", "")
    if len(typed) > 2 * settings.CONTENT_MAX_CHARACTERS:
        return HttpResponse(status=413)
    context = {"shown": display_content(typed), "removed": what_is_removed(typed)}
    return render(request, "tickets/_content_preview.html", context)
