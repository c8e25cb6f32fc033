"""What the frame of every page shows about the user: a context processor.

The frame (bar, menu, dialogs) is rendered once for equal values (`{% same_for %}`), so there are few of them,
and none depends on the page inside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.http import HttpRequest

from ticketadmin.models import ROLES, Role, User

# The pages that the bar links to, by route; on other pages none is marked as the current one.
IN_BAR = frozenset({"tickets", "history", "recipes", "bulk_list", "connection", "audit"})
BESIDE = {"snippets": "recipes"}  # a tab of the page that the bar links to


@dataclass(frozen=True)
class Reader:
    """The user as the frame of a page shows them; all fields are empty without a sign-in."""

    is_authenticated: bool = False
    username: str = ""
    display_name: str = ""
    language: str = ""
    theme: str = ""
    shortcuts_enabled: bool = False
    signs_in_elsewhere: bool = False
    permissions: frozenset[str] = frozenset()  # short names


def frame(request: HttpRequest) -> dict[str, Callable[[], Reader] | frozenset[str]]:
    """Return `reader`, made only if a template uses it, and `current`, the route if the bar has it."""
    match = request.resolver_match
    route = (match.url_name or "") if match else ""
    return {"reader": cache(lambda: _reader(request)), "current": IN_BAR & {BESIDE.get(route, route)}}


def _reader(request: HttpRequest) -> Reader:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return Reader()
    return Reader(
        True,
        user.username,
        user.display_name,
        user.language,
        user.theme,
        user.shortcuts_enabled,
        user.signs_in_elsewhere,
        frozenset(name for name in ROLES[Role.ADMINISTRATOR] if user.may(name)),
    )
