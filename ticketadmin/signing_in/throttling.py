"""Throttling of sign-ins. django-axes counts; this module defines what is counted and the limits.

The attackers: one address trying many passwords of one user; many addresses doing so; and one address
trying one password with every name. Each has its own limit. The answer does not reveal whether the name
exists, and attempts during the wait do not extend it.
"""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from ticketadmin.text import folded_login
from ticketadmin.views.addresses import counted_address

MAX_SIGN_IN_NAME = 254  # characters; longer names cannot sign in, and are cut before any processing


class SignInThrottle(AxesDatabaseHandler):
    """Counts failures of a name at an address, of a name anywhere, and of an address with any name.

    A sign-in without a name is the return from a provider, where guessing would happen; it is not counted
    here.
    """

    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return not _is_guess(credentials) or bool(super().is_allowed(request, credentials))

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if _is_guess(credentials):
            super().user_login_failed(sender, credentials, request, **kwargs)

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return AXES_FAILURE_LIMIT or more where any of the three limits is reached, else less."""
        limits = (
            settings.AXES_FAILURE_LIMIT,
            settings.SIGN_IN_FAILURES_OF_PERSON,
            settings.SIGN_IN_FAILURES_AT_ADDRESS,
        )
        used = [
            sum(attempts.values_list("failures_since_start", flat=True))
            * settings.AXES_FAILURE_LIMIT
            // limit
            for attempts, limit in zip(self.get_user_attempts(request, credentials), limits, strict=True)
        ]
        return int(max(used))

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of this name at this address alone.

        Otherwise a valid account of the attacker's would reset the counter of their address.
        """
        of_name_at_address: QuerySet[Any] = self.filter_user_attempts(request, credentials)[0]
        count: int = of_name_at_address.delete()[0]
        return count


def _is_guess(credentials: dict[str, Any] | None) -> bool:
    return bool((credentials or {}).get("username"))


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return the name under which an attempt counts: spellings that sign in the same user are one name."""
    given = (credentials or request.POST).get("username")
    return folded_login(str(given or "")[:MAX_SIGN_IN_NAME])[:150]


def address_for_axes(request: HttpRequest) -> str | None:
    """Return the address under which an attempt counts, as django-axes wants it."""
    return counted_address(request) or None
