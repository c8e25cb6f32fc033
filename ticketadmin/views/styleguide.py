"""The design system on one page, for developers: only there while DEBUG is on."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ticketadmin.presenters.styleguide import style_guide
from ticketadmin.views.access import needs
from ticketadmin.views.pages import show


@needs("administer")
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in its states."""
    return show(request, style_guide())
