"""The design system on one page, for developers: only there while DEBUG is on."""

from django.http import HttpResponse

from ticketadmin.presenters.styleguide import StyleGuidePage
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.pages import show


@needs("administer", "GET")
def styleguide(request: UserRequest) -> HttpResponse:
    """Show every component in its states."""
    return show(request, StyleGuidePage())
