"""Connecting an existing account to a user of the company's directory or OpenID provider.

The attacker is a colleague, or can create accounts in the directory, and signs in with the name of an account
that an administrator created for that source, or moved to it, and that was never used. A name proves nothing:
such an account is connected by a one-time link that an administrator hands to its owner, or by an
administrator's choice among those who tried. A superuser's account is never connected: its password is kept
here.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ticketadmin.models import AuditAction, BindingLink, IdentityClaim, IdentitySource, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require_over

LINK_FOR = timedelta(days=3)
MAX_CLAIMS = 5  # for one account: among more, the owner would be hard to find

_link: ContextVar[str] = ContextVar("binding_link", default="")


class CannotBind(Exception):
    """The account is kept here, is a superuser's, or is connected already. Nothing was changed."""


def may_be_bound(user: User) -> bool:
    """Return whether the account waits to be connected."""
    return user.source != IdentitySource.LOCAL and user.subject is None and not user.is_superuser


@contextmanager
def using_link(token: str) -> Iterator[None]:
    """Let a sign-in within this context use the one-time link that the browser followed."""
    reset = _link.set(token)
    try:
        yield
    finally:
        _link.reset(reset)


def make_link(account: User, *, user: User) -> str:
    """Return the secret of a new one-time link, which replaces the last. Raises Forbidden and CannotBind."""
    _check(account, user)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        BindingLink.objects.update_or_create(
            user=account, defaults={"digest": _digest(token), "expires_at": timezone.now() + LINK_FOR}
        )
        record(AuditAction.BINDING_LINK_MADE, Target.of(account), user=user)
    return token


def user_of_link(token: str) -> User | None:
    """Return the account that a link is for, while it works."""
    found = BindingLink.objects.filter(digest=_digest(token), expires_at__gt=timezone.now())
    link = found.select_related("user").first()
    return link.user if link and may_be_bound(link.user) and link.user.is_active else None


def choose_claim(account: User, claim_id: int, *, user: User) -> None:
    """Connect the account to one of those who tried.

    Raises Forbidden, CannotBind and IdentityClaim.DoesNotExist.
    """
    _check(account, user)
    claim = IdentityClaim.objects.get(pk=claim_id, user=account, source=account.source)
    _bind(account, claim.subject, user=user, way="choice")


def bind_by_link(user: User, subject: str) -> bool:
    """Connect the account if this sign-in carries its one-time link; return whether it did."""
    token = _link.get()
    if not (token and may_be_bound(user)):
        return False
    with transaction.atomic():
        used = BindingLink.objects.filter(user=user, digest=_digest(token), expires_at__gt=timezone.now())
        if not used.delete()[0]:
            return False
        _bind(user, subject, user=user, way="link")
    return True


def note_claim(user: User, *, subject: str, name: str, email: str) -> None:
    """Remember who tried to sign in with the account's name, for an administrator to choose from."""
    if not may_be_bound(user):
        return
    now = timezone.now()
    values = {"name": name[:300], "email": email[:254], "seen_at": now, "source": user.source}
    known = IdentityClaim.objects.filter(user=user)
    if not known.filter(subject=subject).update(**values) and known.count() < MAX_CLAIMS:
        IdentityClaim.objects.create(user=user, subject=subject, **values)


def _check(account: User, user: User) -> None:
    require_over(user, account)
    if not may_be_bound(account):
        raise CannotBind


def _bind(account: User, subject: str, *, user: User, way: str) -> None:
    with transaction.atomic():
        if User.objects.filter(subject=subject).exists():
            raise CannotBind
        if not User.objects.filter(pk=account.pk, subject=None, is_superuser=False).update(subject=subject):
            raise CannotBind
        account.subject = subject
        IdentityClaim.objects.filter(user=account).delete()
        BindingLink.objects.filter(user=account).delete()
        record(AuditAction.ACCOUNT_BOUND, Target.of(account), details={"way": way}, user=user)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
