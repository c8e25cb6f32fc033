"""Pages for what went wrong outside a form: no right, no page, our own error, a request that is none."""

import sys

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.views.access import is_scripted
from ticketadmin.views.tickets.drafts import keep_without_session
from ticketadmin.views.tickets.posted_again import posted_again


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400 or 413 to a request that cannot be read: too large, cut off, or not made by a browser."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    if is_scripted(request):
        return JsonResponse({"problem": _why(exception)}, status=status)
    return render(request, "400.html", {"text": _why(exception), "status": status}, status=status)


def _why(exception: Exception | None) -> str:
    if isinstance(exception, DisallowedHost):
        return _("The name in the address is not one that this tool answers to. Ask an administrator.")
    if isinstance(exception, RequestDataTooBig):
        return _(
            "What was sent is larger than this tool takes. Nothing was changed in the CRM. Go back and "
            "shorten it; a large picture belongs on a server, with its address in the content."
        )
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        return _("The form has more fields than this tool takes. Nothing was changed in the CRM.")
    if isinstance(exception, SessionInterrupted):  # found out when the request had done its work
        return _(
            "You were signed out, perhaps in another tab, while this was being done. If you were saving, the "
            "ticket's history says whether anything was sent to the CRM. Sign in again."
        )
    return _(
        "What was sent is damaged or was cut off on the way. Nothing was changed in the CRM. Go back, "
        "reload the page and send the form again."
    )


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer 405: the address is there, but not for this kind of request."""
    response = render(request, "405.html", status=405)
    response["Allow"] = allowed
    return response


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: signed in, but not allowed."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404: no such page here."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while our database is away.

    Without anything that could fail again: no database, no session, no context processors. A ticket's form is
    repeated on the page.
    """
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = 503 if is_away else 500
    again = posted_again(request) if is_away else None
    context = {"request": request, "again": again}
    response = HttpResponse(loader.get_template(f"{status}.html").render(context), status=status)
    if is_away:
        response["Retry-After"] = "10"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid token, usually from a page open during a sign-in in another tab.

    A ticket's form is kept for the user whose form it is, which its signed base says.
    """
    match = request.resolver_match
    code = match.kwargs.get("code") if match else None
    is_kept = bool(code) and "base" in request.POST and keep_without_session(str(code), request.POST)
    response = render(request, "csrf_failure.html", {"code": code, "is_kept": is_kept}, status=403)
    response["X-Token-Refused"] = "1"  # a script asks for a new token and posts again
    return response


def locked_out(request: HttpRequest, response: object = None, credentials: object = None) -> HttpResponse:
    """Answer 429 to a client that failed to sign in too often; whether the name exists is not said."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    problem = ngettext(
        "Too many failed attempts to sign in. Try again in %(n)d minute.",
        "Too many failed attempts to sign in. Try again in %(n)d minutes.",
        minutes,
    ) % {"n": minutes}
    if is_scripted(request):
        return JsonResponse({"problem": problem}, status=429)
    return render(request, "429.html", {"problem": problem}, status=429)
