"""User accounts: admitting users whom the company's service authenticated, and ending their sessions.

Editing the rows is Django's admin; what is recorded about them is in `services/audit/tracking.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import AuditAction, AuditEntry, BulkUpdate, Change, IdentitySource, Role, User
from ticketadmin.services.audit.record import Target, acting_via, record
from ticketadmin.services.audit.tracking import one_entry_for_roles
from ticketadmin.services.people.access import require_over
from ticketadmin.services.people.binding import bind_by_link, note_claim
from ticketadmin.text import printable


class NotAdmitted(Exception):
    """The user is authenticated but may not sign in. `message` says why."""

    message = _("You cannot sign in here. Ask an administrator.")


class Disabled(NotAdmitted):
    """An administrator switched the account off."""

    message = _("Your account is switched off here. Ask an administrator.")


class NameTaken(NotAdmitted):
    """Another account has the user name: one with a password kept here, or of another service."""

    message = _("Another account already has your name. Ask an administrator whether it is yours.")


class NotBound(NotAdmitted):
    """An account of this name is not connected yet, and a matching name does not prove that it is theirs."""

    message = _(
        "There is an account with your name, and it has not been confirmed as yours yet. Open the link "
        "that an administrator gave you, or ask for one."
    )


class NoRole(NotAdmitted):
    """None of the user's groups is mapped to a role."""

    message = _("You have no role here yet. Ask an administrator.")


class SourceUnavailable(Exception):
    """The directory or provider cannot be reached, or its answer is invalid."""

    message = _(
        "The company's sign-in service cannot be reached, so your name and password could not be checked. "
        "Nothing is wrong with your password. Try again in a moment."
    )


@dataclass(frozen=True)
class ExternalUser:
    """A user as the directory or provider that just authenticated them describes them."""

    source: IdentitySource
    username: str
    subject: str | None = None
    """A permanent identifier, where the source has one; a name can change or be given to another user."""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    groups: Collection[str] = ()


def admit(external: ExternalUser) -> User:
    """Return the user's account, created at their first sign-in, with current names and roles.

    Raises Disabled, NameTaken, NotBound or NoRole. A role that was taken away is removed even where the user
    is not admitted.
    """
    external = _cleaned(external)
    try:
        user = _find_or_make(external)
    except IntegrityError:  # made by another request just now
        user = _find_or_make(external)
    if not user.is_active:
        raise _refused(Disabled(), user)
    with acting_via(external.source.value):
        _update(user, external)
        _give_roles(user, external.groups)
    if not (user.is_superuser or user.groups.exists() or user.user_permissions.exists()):
        raise _refused(NoRole(), user)
    return user


def _refused(reason: NotAdmitted, account: User) -> NotAdmitted:
    """Record the refused sign-in to this account and return the reason."""
    details = {"reason": type(reason).__name__}
    record(AuditAction.SIGN_IN_REFUSED, Target.of(account), details=details)
    return reason


def _cleaned(external: ExternalUser) -> ExternalUser:
    """Return the user with printable texts; a source without permanent ids identifies users by name."""
    username = printable(User.normalize_username(external.username), limit=150)
    by_name = directory_subject(external.source, username) if username else None
    return replace(
        external,
        username=username,
        subject=external.subject or by_name,
        first_name=printable(external.first_name, limit=150),
        last_name=printable(external.last_name, limit=150),
        email=printable(external.email, limit=254),
    )


def directory_subject(source: IdentitySource, username: str) -> str:
    """Return the subject of a user whose source has no permanent ids."""
    return f"{source.value} {username.casefold()}"


def _find_or_make(external: ExternalUser) -> User:
    if not external.username:
        raise NotAdmitted
    if external.subject and (known := User.objects.filter(subject=external.subject).first()):
        return known
    if known := _known_by_name(external):
        return known
    named = User.objects.filter(username__iexact=external.username).first()
    if named is None:
        with transaction.atomic(), acting_via(external.source.value):
            return User.objects.create_user(
                external.username, source=external.source, subject=external.subject
            )
    if external.subject and named.subject == external.subject:
        return named  # made by another request between the two queries
    if named.source != external.source or named.subject:
        raise _refused(NameTaken(), named)
    if bind_by_link(named, str(external.subject)):
        return named
    name = f"{external.first_name} {external.last_name}".strip()
    note_claim(named, subject=str(external.subject), name=name or external.username, email=external.email)
    raise _refused(NotBound(), named)


def _known_by_name(external: ExternalUser) -> User | None:
    """Return the account that was connected by name before the directory had ids; connect it by its id."""
    by_name = User.objects.filter(
        subject=directory_subject(external.source, external.username), source=external.source
    ).first()
    if by_name is None or external.subject is None:
        return by_name
    with transaction.atomic():
        if User.objects.filter(pk=by_name.pk, subject=by_name.subject).update(subject=external.subject):
            record(AuditAction.ACCOUNT_BOUND, Target.of(by_name), details={"way": "id"}, user=by_name)
    by_name.subject = external.subject
    return by_name


def _update(user: User, external: ExternalUser) -> None:
    values = {name: getattr(external, name) for name in ("first_name", "last_name", "email")}
    changed = {name: value for name, value in values.items() if value and value != getattr(user, name)}
    for name, value in changed.items():
        setattr(user, name, value)
    if changed:
        user.save(update_fields=changed)


def _give_roles(user: User, groups: Collection[str]) -> None:
    """Set the three roles by the settings' mapping; other groups are not touched."""
    if not any(settings.ROLE_GROUPS.values()):
        return
    held = {role for role in Role if set(settings.ROLE_GROUPS[role.value]) & set(groups)}
    ours = {Role(group.name): group for group in Group.objects.filter(name__in=Role.values)}
    with transaction.atomic(), one_entry_for_roles(user):
        user.groups.remove(*(group for role, group in ours.items() if role not in held))
        user.groups.add(*(group for role, group in ours.items() if role in held))


def sign_out_everywhere(account: User, *, user: User) -> None:
    """End every session of the user, on every device. For another user's this needs `administer`."""
    if account.pk != user.pk:
        require_over(user, account)
    with transaction.atomic():
        User.objects.filter(pk=account.pk).update(session_generation=F("session_generation") + 1)
        record(AuditAction.SIGNED_OUT_EVERYWHERE, Target.of(account), user=user)
    account.refresh_from_db(fields=["session_generation"])


def has_acted(user: User) -> bool:
    """Return whether the user ever signed in or is named in a record: such an account is not deleted."""
    return (
        user.last_login is not None
        or AuditEntry.objects.filter(actor=user).exists()
        or Change.objects.filter(actor=user).exists()
        or BulkUpdate.objects.filter(owner=user).exists()
    )
