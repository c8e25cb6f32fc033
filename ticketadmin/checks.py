"""System checks of the settings: the product refuses to start with dangerous or incomplete ones."""

import ipaddress
import re
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Remark
from django.db import connection

from ticketadmin.models import IdentitySource
from ticketadmin.services.people.second_step import SecondStepPolicy
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.fields import CUSTOM_NAME

_LOOPBACK_NAMES = {"localhost", "testserver", ".localhost"}

SQLITE = (3, 38, 0)
A_CENTURY = 36_500  # days: beyond, a date of the calendar's first years is soon exceeded
# The least and the most that each number may be; None: any.
BOUNDS: dict[str, tuple[float, float | None]] = {
    **dict.fromkeys(("PROXIES", "CHOICES_MAX_AGE", "CONN_MAX_AGE"), (0, None)),
    **dict.fromkeys(("TICKET_API_MAX_PER_SECOND", "TICKET_INDEX_PER_SECOND"), (0, None)),
    **dict.fromkeys(
        ("KEEP_HISTORY_DAYS", "KEEP_BULK_DAYS", "KEEP_DRAFTS_DAYS", "KEEP_AUDIT_DAYS"), (0, A_CENTURY)
    ),
    **dict.fromkeys(("TICKET_API_TIMEOUT", "BODY_SECONDS"), (0.1, None)),
    **dict.fromkeys(
        ("SIGN_IN_FAILURES", "SIGN_IN_FAILURES_OF_PERSON", "SIGN_IN_FAILURES_AT_ADDRESS"), (1, None)
    ),
    **dict.fromkeys(("SIGN_IN_WAIT_MINUTES", "PASSWORD_RESET_MINUTES"), (1, A_CENTURY * 1440)),
    **dict.fromkeys(("SESSION_IDLE_MINUTES", "SESSION_HOURS"), (1, A_CENTURY * 24)),
    **dict.fromkeys(("BULK_MAX_IN_FLIGHT", "BULK_LEASE_SECONDS", "CONTENT_MAX_CHARACTERS"), (1, None)),
    **dict.fromkeys(("WEB_WORKERS", "WEB_THREADS"), (1, None)),
}
_FILES = ("TICKET_API_CA_FILE", "LDAP_CA_FILE", "OIDC_CA_FILE")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    host = host.strip("[]").lower()
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(number: str, problem: str, hint: str = "") -> Error:
    """Return the error with a number that never changes: operators may silence it or search for it."""
    return Error(problem, hint=hint, id=f"ticketadmin.{number}")


@register()
def api_is_configured(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that the CRM's address and key are set and that the key cannot travel unencrypted."""
    parts = urlsplit(settings.TICKET_API_URL)
    hint = "Scheme and host only, for example https://crm.example.com; /api/v6.1 is added."
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        yield refusal("E001", "TICKET_API_URL is missing or not an address.", hint)
    elif "/api/" in f"{parts.path}/":
        yield refusal("E001", "TICKET_API_URL names more than the address of the CRM.", hint)
    elif parts.scheme != "https" and not is_loopback(parts.hostname):
        hint = "Use https://, so that the API key cannot be read in transit."
        yield refusal("E003", "TICKET_API_URL is not https.", hint)
    if not settings.TICKET_API_KEY and not _holds_text(settings.TICKET_API_KEY_FILE):
        hint = "Set TICKET_API_KEY, or TICKET_API_KEY_FILE to a readable file that holds the key."
        file = settings.TICKET_API_KEY_FILE
        problem = f"{file} holds no API key or is not readable." if file else "No API key is set."
        yield refusal("E002", problem, hint)


@register()
def api_settings_are_known(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check the settings that allow only certain values."""
    if settings.TICKET_API_READ not in {"auto", "off"}:
        yield refusal("E006", "TICKET_API_READ must be auto or off.")
    if settings.TICKET_API_CUSTOM_FIELDS not in {"whole", "changed"}:
        yield refusal("E012", "TICKET_API_CUSTOM_FIELDS must be whole or changed.")
    if sign_field() and not CUSTOM_NAME.fullmatch(sign_field()):
        hint = "The key of a custom field as the CRM names it, for example changed_by."
        yield refusal("E010", "TICKET_API_SIGN_FIELD must be a key.", hint)
    keys = settings.TICKET_API_CODE_KEYS
    if not keys or not all(re.fullmatch(r"[A-Za-z_]{1,64}", key) for key in keys):
        hint = "For example ticket_code, or ticket_code,current_ticket_code."
        yield refusal("E007", "TICKET_API_CODE_KEYS must be names.", hint)


@register()
def process_is_safe(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that sessions cannot be forged and DEBUG pages are not public."""
    if not settings.DEBUG and settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
        yield refusal("E004", "SECRET_KEY is the default.", "Set SECRET_KEY to 50 or more random characters.")
    public = [host for host in settings.ALLOWED_HOSTS if not is_loopback(host)]
    if settings.DEBUG and public:
        hint = "DEBUG pages show settings and code: only on loopback."
        yield refusal("E005", f"DEBUG is on with public hosts: {', '.join(public)}.", hint)
    elif "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts: links in mails for a new password lead to the host that a request names."
        yield refusal("E009", "ALLOWED_HOSTS is *.", hint)


@register()
def numbers_are_in_bounds(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that no number is one that switches a limit off or deletes everything, such as -1 for days."""
    for name, (least, most) in BOUNDS.items():
        number = getattr(settings, name)
        if number < least:
            yield refusal("E008", f"{name} is {number:g}: it must be at least {least:g}.")
        elif most is not None and number > most:
            yield refusal("E008", f"{name} is {number:g}: it must be at most {most:g}.")


@register()
def files_can_be_read(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check the files of certificates, without which every call to their server would fail."""
    for name in _FILES:
        path = getattr(settings, name)
        if path and not _holds_text(path):
            yield refusal("E013", f"{name}: {path} holds no certificates or is not readable.")


@register()
def networks_can_be_read(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check the addresses that may read the metrics."""
    for network in settings.METRICS_ADDRESSES:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            hint = "For example 10.0.0.5 or 10.0.0.0/24."
            yield refusal("E014", f"METRICS_ADDRESSES names “{network}”, which is not an address.", hint)


@register()
def sqlite_is_new_enough(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that SQLite has what Django's minimum lacks: JSON in queries, RETURNING, UPDATE … FROM."""
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < SQLITE:
        hint = "Use a newer Python or system, or PostgreSQL with DATABASE_URL."
        yield refusal("E011", f"SQLite {sqlite3.sqlite_version} is older than 3.38.", hint)


def _holds_text(path: str) -> bool:
    try:
        return bool(path and Path(path).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


# --- signing in ----------------------------------------------------------------------------------

_LDAP = ("LDAP_BIND_DN", "LDAP_BIND_PASSWORD", "LDAP_USER_BASE", "LDAP_GROUP_BASE", "LDAP_CA_FILE")
_OIDC = ("OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET", "OIDC_CA_FILE")
_ENVIRONMENT = {"OIDC_RP_CLIENT_ID": "OIDC_CLIENT_ID", "OIDC_RP_CLIENT_SECRET": "OIDC_CLIENT_SECRET"}


def is_protected_address(address: str) -> bool:
    """Return whether traffic to this address is protected: TLS, or a loopback address."""
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
    if settings.SECOND_STEP not in set(SecondStepPolicy):
        yield refusal("E025", "SECOND_STEP has an unknown value.", f"One of {', '.join(SecondStepPolicy)}.")
    if set(settings.SECOND_STEP_SOURCES) - set(IdentitySource.values):
        yield refusal(
            "E025", "SECOND_STEP_SOURCES has unknown values.", f"Some of {', '.join(IdentitySource.values)}."
        )


@register()
def passwords_are_not_sent_in_clear(**_kwargs: Any) -> Iterator[CheckMessage]:
    """Check that passwords and tokens are only sent over encrypted transport."""
    servers = settings.LDAP_URL.replace(",", " ").split()
    if not settings.LDAP_START_TLS and not all(map(is_protected_address, servers)):
        yield refusal("E024", "LDAP_URL is not encrypted.", "Use ldaps://, or LDAP_START_TLS=on.")
    if settings.OIDC_ISSUER and not is_protected_address(settings.OIDC_ISSUER):
        yield refusal("E024", "OIDC_ISSUER is not https.", "Use https://.")


def _half(switch: str, needed: list[str], all_of_it: tuple[str, ...]) -> str:
    if not getattr(settings, switch):
        stray = [name for name in all_of_it if getattr(settings, name)]
        return f"{_names(stray)} without {switch}." if stray else ""
    missing = [name for name in needed if not getattr(settings, name)]
    return f"{switch} without {_names(missing)}." if missing else ""


def _names(settings_names: list[str]) -> str:
    return ", ".join(_ENVIRONMENT.get(name, name) for name in settings_names)
