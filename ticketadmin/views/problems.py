"""Pages for what went wrong outside a form: no right, no page, our own error, an expired form."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from ticketadmin.views.drafts import keep_without_session


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: signed in, but not allowed."""
    return render(request, "403.html", _context(request), status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404: no such page here."""
    return render(request, "404.html", _context(request), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without anything that could fail again: no database, no session, no context processors."""
    return HttpResponse(loader.get_template("500.html").render(_context(request)), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid token: usually a page left open over a sign-in elsewhere.

    A ticket's form is kept for the person whose form it is, which its signed base says.
    """
    match = request.resolver_match
    code = match.kwargs.get("code") if match else None
    is_kept = bool(code) and "base" in request.POST and keep_without_session(str(code), request.POST)
    context = {**_context(request), "code": code, "is_kept": is_kept}
    response = render(request, "csrf_failure.html", context, status=403)
    response["X-Token-Refused"] = "1"  # a script asks for a new token and posts again
    return response


def _context(request: HttpRequest) -> dict[str, str]:
    return {"request_id": getattr(request, "request_id", "")}
