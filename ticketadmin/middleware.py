"""Middleware: request ids, the user's language, security headers, and the sign-in requirement."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext as _

from ticketadmin.converters import whole_number
from ticketadmin.logs import event
from ticketadmin.metrics import REQUEST_SECONDS, REQUESTS
from ticketadmin.models import Channel, User
from ticketadmin.request_ids import request_named
from ticketadmin.services.audit.record import ActionOrigin, acting_from
from ticketadmin.views.access import is_scripted
from ticketadmin.views.addresses import client_address
from ticketadmin.views.error_pages import bad_request, method_not_allowed, session_ended
from ticketadmin.views.redirects import address_of_page
from ticketadmin.views.tickets.drafts import keep_without_session

type_of_next = Callable[[HttpRequest], HttpResponse]
access_log = logging.getLogger("ticketadmin.access")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_QUIET = {"healthz", "readyz", "metrics"}  # polled every few seconds by monitoring
_TAKEN = "GET, HEAD, POST"
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class _Middleware:
    def __init__(self, get_response: type_of_next) -> None:
        self.get_response = get_response


class RequestIdMiddleware(_Middleware):
    """Give the request an id: the proxy's `X-Request-ID` if it is harmless, else a new one.

    The id appears in logs, on error pages and in history, and is sent to the CRM, so that one
    incident can be traced through all of them.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # for templates
        with request_named(request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class AccessLogMiddleware(_Middleware):
    """Log and count each request: the route, the user's id and the ticket, never the query."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        route = (match.view_name if match else "") or "unknown"
        method = request.method if request.method in _METHODS else "OTHER"
        REQUESTS.labels(route, method, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        if route not in _QUIET:
            event(
                access_log,
                "request",
                method=method,
                route=route,
                status=response.status_code,
                ms=round(seconds * 1000, 1),
                user=getattr(getattr(request, "user", None), "pk", None),
                ticket=match.kwargs.get("code") if match else None,
                address=client_address(request),
            )
        return response


class AuditOriginMiddleware(_Middleware):
    """Set the origin for the audit log: the request's user and the client's address."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def user() -> User | None:
            return request.user if isinstance(request.user, User) else None

        with acting_from(ActionOrigin(Channel.WEB, client_address(request), user)):
            return self.get_response(request)


class SecurityHeadersMiddleware(_Middleware):
    """Headers against embedding, leaking and caching of pages that hold tickets."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store, private"
        return response


class PreferredLanguageMiddleware(_Middleware):
    """Answer in the language that the user chose, else in the browser's."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class MethodsMiddleware(_Middleware):
    """Allow only the three methods that our pages and scripts use; refuse others before any view runs.

    A 405 from a view becomes a readable page.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in _TAKEN.split(", "):
            return method_not_allowed(request, _TAKEN)
        response = self.get_response(request)
        if response.status_code == 405 and not is_scripted(request):
            return method_not_allowed(request, response.headers.get("Allow", _TAKEN))
        return response


class BodyLimitMiddleware(_Middleware):
    """Refuse a body larger than any page sends, before reading a byte of it, and one that was cut off.

    Django bounds the fields of a form but not its files, and reads both before authentication. Its CSRF check
    treats a body that was cut off as empty, and the view would see a form of empty boxes.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.headers.get("Content-Length", "")
        size = whole_number(length)
        if length.isdecimal() and (size is None or size > settings.MAX_BODY):
            return bad_request(request, RequestDataTooBig())
        try:
            request.POST  # noqa: B018 - read here, once
        except UnreadablePostError as error:
            return bad_request(request, error)
        return self.get_response(request)


class WithoutNulMiddleware(_Middleware):
    """Leave NUL out of queries and forms: PostgreSQL stores none, so each would end in a fault of this tool.

    No key types one, but pasted text may hold it.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.GET = _without_nul(request.GET)  # type: ignore[assignment]
        request.POST = _without_nul(request.POST)  # type: ignore[assignment]
        return self.get_response(request)


def _without_nul(data: QueryDict) -> QueryDict:
    if not any("\0" in text for name, texts in data.lists() for text in (name, *texts)):
        return data
    kept = QueryDict(mutable=True)
    for name, texts in data.lists():
        kept.setlist(name.replace("\0", ""), [text.replace("\0", "") for text in texts])
    return kept


class SignInMiddleware(LoginRequiredMiddleware):
    """Require a sign-in, and keep a form that was posted after the session ended.

    Scripts get 401 instead of a redirect, so that they can ask for the password in place.
    """

    def handle_no_permission(  # type: ignore[override] # Django's stubs know of redirects only
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """Keep the posted form if possible, then ask the user to sign in."""
        match = request.resolver_match
        code = str(match.kwargs.get("code", "")) if match else ""
        is_ticket_form = match is not None and match.url_name in {"ticket", "ticket_preview", "draft_keep"}
        is_posted = request.method == "POST"
        owner = keep_without_session(code, request.POST) if is_posted and is_ticket_form else None
        if is_scripted(request):
            return JsonResponse({"state": "signed_out", "kept": owner is not None}, status=401)
        if not is_posted:
            return super().handle_no_permission(request, view_func)
        if owner:
            messages.info(request, _("Your session had ended. What you typed is kept as your draft."))
        elif page := session_ended(request):
            return page
        else:
            text = _(
                "Your session had ended, so nothing was sent or stored. Your browser's Back button may still "
                "show what you typed."
            )
            messages.warning(request, text)
        return redirect_to_login(address_of_page(request, code=code))
