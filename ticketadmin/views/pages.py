"""A page or a fragment as a response."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ticketadmin.presenters.page import Page


def show(request: HttpRequest, page: Page, *, status: int = 200) -> HttpResponse:
    """Render a page with its template, which sees it as `page`."""
    return render(request, page.template, {"page": page}, status=status)
