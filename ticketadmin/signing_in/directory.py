"""Name and password checked by the company's LDAP directory.

The attacker types an LDAP filter as a name, an empty password (which many directories accept as an
anonymous bind), or the name of a user with a local password. Names are escaped by
django-auth-ldap, empty passwords never reach the directory, and signing in never changes a user's source.
"""

import logging
import re
import uuid
from typing import Any

import ldap
from django.conf import settings
from django.dispatch import receiver
from django_auth_ldap.backend import LDAPBackend, ldap_error
from django_auth_ldap.config import LDAPSearch, NestedMemberDNGroupType, PosixGroupType

from ticketadmin.models import IdentitySource, User
from ticketadmin.services.people.accounts import ExternalUser, SourceUnavailable, admit

logger = logging.getLogger(__name__)

# How a directory refuses a user whose password is right but whose account is locked or expired.
_REFUSALS = (ldap.UNWILLING_TO_PERFORM, ldap.CONSTRAINT_VIOLATION, ldap.INAPPROPRIATE_AUTH)
_CONNECT_WITHIN, _ANSWER_WITHIN = 5, 5
# What identifies an entry permanently: RFC 4530, and Active Directory's own.
_IDS = ("entryUUID", "objectGUID")
_GUID_BYTES = 16


def _options() -> dict[int, Any]:
    options: dict[int, Any] = {
        ldap.OPT_NETWORK_TIMEOUT: _CONNECT_WITHIN,
        ldap.OPT_TIMEOUT: _ANSWER_WITHIN,
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
    }
    if settings.LDAP_CA_FILE:
        options[ldap.OPT_X_TLS_CACERTFILE] = settings.LDAP_CA_FILE
    options[ldap.OPT_X_TLS_NEWCTX] = 0  # last: it makes the TLS settings count
    return options


def _group_settings() -> dict[str, Any]:
    if not settings.LDAP_GROUP_BASE:
        return {}
    search = LDAPSearch(settings.LDAP_GROUP_BASE, ldap.SCOPE_SUBTREE)
    member = settings.LDAP_GROUP_MEMBER
    is_posix = member == "memberUid"
    kind = PosixGroupType(name_attr="cn") if is_posix else NestedMemberDNGroupType(member, name_attr="cn")
    return {"GROUP_SEARCH": search, "GROUP_TYPE": kind}


class DirectoryBackend(LDAPBackend):
    """django-auth-ldap with our settings, which hands what the directory says to `admit`.

    `authenticate` raises SourceUnavailable, and NotAdmitted when the password was right.
    """

    default_settings = {
        "SERVER_URI": settings.LDAP_URL,
        "START_TLS": settings.LDAP_START_TLS,
        "BIND_DN": settings.LDAP_BIND_DN,
        "BIND_PASSWORD": settings.LDAP_BIND_PASSWORD,
        "CONNECTION_OPTIONS": _options(),
        "USER_SEARCH": LDAPSearch(
            settings.LDAP_USER_BASE,
            ldap.SCOPE_SUBTREE,
            settings.LDAP_USER_FILTER,
            ["*", *_IDS],  # operational attributes, which the star does not include
        ),
        "ALWAYS_UPDATE_USER": False,
        **_group_settings(),
    }

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """Return the account, admitted by the directory's current entry, and False: it is complete."""
        external = ExternalUser(
            source=IdentitySource.LDAP,
            subject=_subject(ldap_user),
            username=(_first(ldap_user, settings.LDAP_NAME_ATTRIBUTE) or username).lower(),
            first_name=_first(ldap_user, "givenName"),
            last_name=_first(ldap_user, "sn"),
            email=_first(ldap_user, "mail"),
            groups=ldap_user.group_names if settings.LDAP_GROUP_BASE else (),
        )
        return admit(external), False

    def get_user(self, user_id: int) -> User | None:
        return User.of_session(user_id, source=IdentitySource.LDAP)


def _subject(ldap_user: Any) -> str | None:
    """Return the permanent id of an entry; None if the directory has no such attribute."""
    for attribute in _IDS:
        for value in (ldap_user.attrs or {}).get(attribute) or []:
            if found := _unique_id(value):
                return f"{IdentitySource.LDAP.value} {attribute} {found}"
    return None


def _unique_id(value: str | bytes) -> str:
    """Return a UUID as it is written; objectGUID comes as 16 bytes, decoded if they happen to be UTF-8."""
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) == _GUID_BYTES:
        return str(uuid.UUID(bytes_le=raw))
    return value.lower() if isinstance(value, str) and re.fullmatch(r"[0-9A-Fa-f-]{32,36}", value) else ""


def _first(ldap_user: Any, attribute: str) -> str:
    values = (ldap_user.attrs or {}).get(attribute) or [""]
    return values[0] if isinstance(values[0], str) else ""


@receiver(ldap_error, sender=DirectoryBackend)
def directory_failed(context: str, exception: ldap.LDAPError, **_kwargs: Any) -> None:
    """Distinguish a refusal from a directory that is unreachable or rejects our settings."""
    if context == "authenticate" and isinstance(exception, _REFUSALS):
        return
    logger.error("The directory cannot be used (%s): %s", context, type(exception).__name__)
    raise SourceUnavailable from exception
