"""Error pages: forbidden, not found, wrong method, invalid request, and a fault of this tool."""

import sys

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.models import User
from ticketadmin.presenters.error_pages import (
    DatabaseAwayPage,
    DraftKept,
    FaultPage,
    ProblemPage,
    UnsentFormPage,
)
from ticketadmin.presenters.page import Page
from ticketadmin.views.access import is_scripted
from ticketadmin.views.pages import show
from ticketadmin.views.posted_again import is_from_here, posted_again
from ticketadmin.views.tickets.drafts import keep_without_session


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400 or 413 to a request that cannot be read: too large, cut off, or not made by a browser."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    if is_scripted(request):
        return JsonResponse({"problem": _why(exception)}, status=status)
    return _problem(request, status, _("This cannot be read"), _why(exception))


def _why(exception: Exception | None) -> str:
    if isinstance(exception, DisallowedHost):
        return _("This tool is not set up for the host name in the address. Ask an administrator.")
    if isinstance(exception, RequestDataTooBig):
        return _(
            "What was sent is larger than this tool takes. Nothing was changed in the CRM. Go back and "
            "shorten it; a large picture belongs on a server, with its address in the content."
        )
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        return _("The form has more fields than this tool takes. Nothing was changed in the CRM.")
    if isinstance(exception, SessionInterrupted):  # detected after the request had done its work
        return _(
            "You were signed out, perhaps in another tab, while this was being done. If you were saving, the "
            "ticket's history says whether anything was sent to the CRM. Sign in again."
        )
    return _(
        "What was sent is damaged or was cut off on the way. Nothing was changed in the CRM. Go back, "
        "reload the page and send the form again."
    )


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """Answer 405: the address exists, but not for this method."""
    text = _(
        "It works only from a button or a link on one of this tool's pages. Nothing was changed. Start from "
        "the tickets."
    )
    response = _problem(request, 405, _("This address cannot be opened this way"), text)
    response["Allow"] = allowed
    return response


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: signed in, but not allowed. Leads to the tickets only if the user may open them."""
    user = getattr(request, "user", None)  # none where the request failed before it was looked up
    title, leads_on = _("You may not do this"), not isinstance(user, User) or user.may("edit_tickets")
    text = _(
        "Your role does not include this page or action. Nothing was changed. If you need it, ask an "
        "administrator."
    )
    if isinstance(user, User) and not (leads_on or user.group_names):
        title = _("You have no role yet")
        text = _("An administrator has to give you a role before you can open tickets. Nothing was changed.")
    return show(request, ProblemPage(403, title, text, leads_on=leads_on), status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404: no such page here."""
    text = _(
        "The address may be mistyped, or what it named is no longer here. A ticket code has 1 to 64 letters, "
        "digits, hyphens and underscores."
    )
    return _problem(request, 404, _("There is no such page"), text)


def _problem(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return show(request, ProblemPage(status, title, text), status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while this tool's database is away.

    Nothing that could fail again is used: no database, no session, no context processors. With 503, a
    ticket's form is repeated on the page.
    """
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if not is_away:
        return _show_alone(request, FaultPage(), 500)
    response = _show_alone(request, DatabaseAwayPage(posted_again(request)), 503)
    response["Retry-After"] = "10"
    return response


def _show_alone(request: HttpRequest, page: Page, status: int) -> HttpResponse:
    """Render a page without context processors, which read the session and the database."""
    written = loader.get_template(page.template).render({"request": request, "page": page})
    return HttpResponse(written, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid token, usually from a page open during a sign-in in another tab.

    A ticket's form is kept for the user that its signed base names. Another form is repeated, to be sent with
    a new token once the user has seen it; never one that another site may have made.
    """
    match, user = request.resolver_match, getattr(request, "user", None)
    code = str(match.kwargs.get("code", "")) if match else ""
    owner = keep_without_session(code, request.POST) if code and "base" in request.POST else None
    is_other = owner is not None and isinstance(user, User) and user != owner
    page = UnsentFormPage(
        code,
        kept=None if owner is None else DraftKept.OF_ANOTHER if is_other else DraftKept.OWN,
        again=posted_again(request) if owner is None and is_from_here(request) else None,
        is_signed_in=isinstance(user, User),
    )
    response = show(request, page, status=403)
    response["X-Token-Refused"] = "1"  # a script asks for a new token and posts again
    return response


def session_ended(request: HttpRequest) -> HttpResponse | None:
    """Answer 403 to a form that a user filled in before the session ended, and repeat it; None for others."""
    again = posted_again(request)
    if again is None or not again.typed:
        return None
    return show(request, UnsentFormPage(again=again, has_ended=True), status=403)


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
    return too_many(request, problem)


def too_many(request: HttpRequest, problem: str) -> HttpResponse:
    """Answer 429 to a visitor who has to wait; `problem` names what there were too many of."""
    page = ProblemPage(429, _("Wait a moment"), problem, is_locked_out=True)
    return show(request, page, status=429)
