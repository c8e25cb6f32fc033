"""System checks of the sign-in settings: the product does not start with an incomplete configuration."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Remark

from ticketadmin.checks import is_loopback, refusal
from ticketadmin.models import Source
from ticketadmin.services.people.second_step import Demand

_LDAP = ("LDAP_BIND_DN", "LDAP_BIND_PASSWORD", "LDAP_USER_BASE", "LDAP_GROUP_BASE", "LDAP_CA_FILE")
_OIDC = ("OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET", "OIDC_CA_FILE")
_ENVIRONMENT = {"OIDC_RP_CLIENT_ID": "OIDC_CLIENT_ID", "OIDC_RP_CLIENT_SECRET": "OIDC_CLIENT_SECRET"}


def is_private_way(address: str) -> bool:
    """Return whether what goes to this address cannot be read on the way: TLS, or this machine."""
    parts = urlsplit(address)
    return parts.scheme in {"https", "ldaps", "ldapi"} or is_loopback(parts.hostname or "")


@register()
def a_user_can_sign_in(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that at least one sign-in method is configured and its packages are installed."""
    if not (settings.LOCAL_ACCOUNTS or settings.LDAP_URL or settings.OIDC_ISSUER):
        hint = "Set LOCAL_ACCOUNTS=on, or configure LDAP or OpenID Connect."
        yield refusal("E020", "No user could sign in.", hint)
    for is_on, package, extra in (
        (settings.LDAP_URL, "django_auth_ldap", "ldap"),
        (settings.OIDC_ISSUER, "mozilla_django_oidc", "oidc"),
    ):
        if is_on and find_spec(package) is None:
            hint = f"Install the extra: pip install 'ticketadmin[{extra}]'; see docs/signing-in.md."
            yield refusal("E021", f"{package} is not installed.", hint)


@register()
def check_sources(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that every configured source is configured completely."""
    needed = ["LDAP_USER_BASE"] + (["LDAP_GROUP_BASE"] if any(settings.ROLE_GROUPS.values()) else [])
    if problem := _half("LDAP_URL", needed, _LDAP):
        yield refusal("E022", problem, "See docs/signing-in.md.")
    elif settings.LDAP_URL and "%(user)s" not in settings.LDAP_USER_FILTER:
        yield refusal("E022", "LDAP_USER_FILTER names no user.", "For example (uid=%(user)s).")
    if problem := _half("OIDC_ISSUER", ["OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET"], _OIDC):
        yield refusal("E023", problem, "See docs/signing-in.md.")
    if (settings.LDAP_URL or settings.OIDC_ISSUER) and not any(settings.ROLE_GROUPS.values()):
        hint = "Set STAFF_GROUPS, LEAD_GROUPS or ADMINISTRATOR_GROUPS, or give roles by hand."
        yield Remark("No user gets a role by signing in.", hint=hint, id="ticketadmin.W020")


@register()
def second_step_is_known(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check the settings of two-step sign-in: a typing error must not switch it off."""
    if settings.SECOND_STEP not in set(Demand):
        yield refusal("E025", "SECOND_STEP is not known.", f"One of {', '.join(Demand)}.")
    if set(settings.SECOND_STEP_SOURCES) - set(Source.values):
        yield refusal("E025", "SECOND_STEP_SOURCES is not known.", f"Some of {', '.join(Source.values)}.")


@register()
def passwords_are_not_sent_in_clear(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that passwords and tokens are only sent over encrypted transport."""
    servers = settings.LDAP_URL.replace(",", " ").split()
    if not settings.LDAP_START_TLS and not all(map(is_private_way, servers)):
        yield refusal("E024", "LDAP_URL is not encrypted.", "Use ldaps://, or LDAP_START_TLS=on.")
    if settings.OIDC_ISSUER and not is_private_way(settings.OIDC_ISSUER):
        yield refusal("E024", "OIDC_ISSUER is not https.", "Use https://.")


def _half(switch: str, needed: list[str], all_of_it: tuple[str, ...]) -> str:
    if not getattr(settings, switch):
        stray = [name for name in all_of_it if getattr(settings, name)]
        return f"{_names(stray)} without {switch}." if stray else ""
    missing = [name for name in needed if not getattr(settings, name)]
    return f"{switch} without {_names(missing)}." if missing else ""


def _names(settings_names: list[str]) -> str:
    return ", ".join(_ENVIRONMENT.get(name, name) for name in settings_names)
