"""Session lifetime: an idle timeout and an absolute one.

Background requests (views marked `in_background`) are not activity: a ticket left open overnight
must not keep its session alive. The last activity is written at most once a minute. An ended session is
treated like none: what was typed is kept as for any signed-out request (see `SignInMiddleware`).
"""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions import middleware
from django.contrib.sessions.backends.base import UpdateError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

from ticketadmin.views.access import is_prefetch

_BEGAN, _ACTIVE = "began", "active"
_WRITE_EVERY = 60


@receiver(user_logged_in)
def begin_limits(request: HttpRequest, **_kwargs: Any) -> None:
    """Store when the session began, also for a sign-in in place; delete rows of expired sessions."""
    request.session.clear_expired()
    request.session[_BEGAN] = request.session[_ACTIVE] = int(time.time())


class SessionMiddleware(middleware.SessionMiddleware):
    """Keep the cookie of a session that ended elsewhere, which Django would delete with each answer.

    The answer to a request that an earlier page sent may come after the user signed in again in another tab,
    and would then delete the cookie of the new session.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = request.session
        if not session.is_empty() or session.modified:  # modified: this request signed out
            return super().process_response(request, response)
        if session.accessed:
            patch_vary_headers(response, ("Cookie",))
        return response


class SessionLimitsMiddleware(MiddlewareMixin):
    """End a session that reached one of its limits, before anything else uses its user."""

    def process_request(self, request: HttpRequest) -> None:
        if request.user.is_authenticated and _is_over(request):
            logout(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: Any, _kwargs: Any
    ) -> None:
        """Count a request as activity unless the page polls or the browser prefetches."""
        is_automatic = getattr(view, "is_background", False) or is_prefetch(request)
        if request.user.is_authenticated and not is_automatic:
            _touch(request)


def _is_over(request: HttpRequest) -> bool:
    now = time.time()
    began, active = request.session.get(_BEGAN, 0), request.session.get(_ACTIVE, 0)
    is_idle = now - active >= settings.SESSION_IDLE_MINUTES * 60
    return bool(is_idle or now - began >= settings.SESSION_HOURS * 3600)


def _touch(request: HttpRequest) -> None:
    session, now = request.session, int(time.time())
    if now - session[_ACTIVE] < min(_WRITE_EVERY, settings.SESSION_IDLE_MINUTES * 30):
        return
    was_modified, session[_ACTIVE] = session.modified, now
    try:
        session.save()  # at once, so that it overwrites as little as possible of what other requests store
    except UpdateError:  # signed out in another tab this very moment
        logout(request)
        return
    session.modified = was_modified
