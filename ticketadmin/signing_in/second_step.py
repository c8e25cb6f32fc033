"""Between password and session: sign-ins that still need a code, and sessions that passed the second step.

The password alone opens no session. Until the code comes, the anonymous session holds the user, a time limit
and the session hash, which a new password invalidates. A session stores the second step that it passed; if
that is not the user's (set up or renewed since, or a session made otherwise), it ends.
"""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import load_backend, logout
from django.contrib.auth import login as begin_session
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.deprecation import MiddlewareMixin

from ticketadmin.models import User
from ticketadmin.services.people.second_step import is_demanded, is_on, stamp
from ticketadmin.views.access import is_scripted

PENDING, PASSED = "second_step_pending", "second_step"
_TIME = 600  # seconds in which the code has to come
# The routes open to a user who still has to set it up.
_ALLOWED = frozenset(
    """second_step sign_out sign_out_all session session_back preferences account password_change sign_in
    accessibility favicon healthz readyz metrics""".split()
)


def sign_in(request: HttpRequest, user: User, *, next_page: str) -> bool:
    """Begin the session of a user whose password was right; return False if a code comes first."""
    if not is_on(user):
        begin_session(request, user)
        return True
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "backend": user.backend,
        "hash": user.get_session_auth_hash(),
        "until": int(time.time()) + _TIME,
        "next": next_page,
    }
    return False


def pending_user(request: HttpRequest) -> User | None:
    """Return the user who gave the right password in this session and still has to give a code."""
    noted: dict[str, Any] = request.session.get(PENDING) or {}
    if noted.get("until", 0) < time.time():
        return None
    user = load_backend(noted["backend"]).get_user(noted["user"])
    if not isinstance(user, User) or not user.is_active or not is_on(user):
        return None
    return user if constant_time_compare(user.get_session_auth_hash(), noted["hash"]) else None


def finish_sign_in(request: HttpRequest, user: User) -> str:
    """Begin the session of a user whose code was right, and return the page that was requested."""
    noted = request.session.pop(PENDING)
    begin_session(request, user, backend=noted["backend"])
    note_passed(request, user)
    return str(noted["next"])


def note_passed(request: HttpRequest, user: User) -> None:
    """Mark this session as having passed the second step."""
    request.session[PASSED] = stamp(user)


class SecondStepMiddleware(MiddlewareMixin):
    """End a session that did not pass its user's second step; redirect users who still have to set it up."""

    def process_request(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User) and is_on(user) and request.session.get(PASSED) != stamp(user):
            logout(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., HttpResponse], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Allow only the pages for setting it up, where the settings require it."""
        user, match = request.user, request.resolver_match
        if not isinstance(user, User) or match is None:
            return None
        if match.url_name in _ALLOWED and not match.namespace:
            return None
        if is_on(user) or not is_demanded(user):
            return None
        if is_scripted(request):
            return JsonResponse({"state": "second_step"}, status=403)
        return redirect("second_step")
