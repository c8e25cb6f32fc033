"""The permission check of every view. The middleware requires the sign-in itself."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from ticketadmin.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def needs(permission: str) -> Callable[[View[P]], View[P]]:
    """Require a permission (its short name); without it the view answers 403."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated or not request.user.may(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.needed_permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def person_of(request: HttpRequest) -> User:
    """Return the signed-in user. Raises PermissionDenied where there is none."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def request_id_of(request: HttpRequest) -> str:
    """Return this request's id, as logs and the CRM have it."""
    return str(getattr(request, "request_id", ""))


def is_scripted(request: HttpRequest) -> bool:
    """Return whether a script made the request: it cannot follow a redirect to the sign-in page."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def in_background(view: View[P]) -> View[P]:
    """Mark a view that pages poll: its requests do not count as the user's activity."""
    view.is_background = True  # type: ignore[attr-defined]
    return view


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether a browser asks ahead of its user, who has not opened the page (Fetch, Sec-Purpose)."""
    return request.headers.get("Sec-Purpose", "").startswith("prefetch")
