"""The permission check of every view. The middleware requires the sign-in itself."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from ticketadmin.models import User

P = ParamSpec("P")


class UserRequest(HttpRequest):
    """A request as views get it behind the sign-in, which the middleware requires. For types only."""

    user: User


View = Callable[Concatenate[UserRequest, P], HttpResponse]


def needs(permission: str, *methods: str) -> Callable[[View[P]], View[P]]:
    """Require a permission (its short name), else answer 403, and then one of the methods, else 405.

    HEAD comes with GET.
    """
    allowed = [*methods, "HEAD"] if "GET" in methods else methods

    def decorate(view: View[P]) -> View[P]:
        permitted = permission_required(f"ticketadmin.{permission}", raise_exception=True)
        return permitted(require_http_methods(allowed)(view))

    return decorate


def signed_in_user(request: HttpRequest) -> User:
    """Return the signed-in user. Raises PermissionDenied if there is none."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def is_scripted(request: HttpRequest) -> bool:
    """Return whether a script made the request: it cannot follow a redirect to the sign-in page."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def in_background(view: View[P]) -> View[P]:
    """Mark a view that pages poll: its requests do not count as the user's activity."""
    view.is_background = True  # type: ignore[attr-defined]
    return view


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether the browser prefetches a page that the user has not opened (Fetch, Sec-Purpose)."""
    return request.headers.get("Sec-Purpose", "").startswith("prefetch")
