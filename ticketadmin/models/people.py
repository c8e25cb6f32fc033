"""Users, and what their roles permit.

A role is a permission group, made by migration 0002. Views and services ask for the permission,
never for the role's name, so that further groups can be made.
"""

from typing import Any

from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db import models
from django.db.models import OuterRef, Q
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ticketadmin.text import normalize

from .json_rows import json_list
from .prepared import Prepared, Slot


class Role(models.TextChoices):
    """The groups that exist from the start."""

    STAFF = "staff", _("Staff")
    LEAD = "lead", _("Team lead")
    ADMINISTRATOR = "administrator", _("Administrator")


_STAFF = frozenset({"edit_tickets"})
_LEAD = _STAFF | {
    "run_bulk_updates", "view_all_history", "undo_any_change", "share_views", "export_tickets",
}  # fmt: skip
_ADMINISTRATOR = _LEAD | {"view_connection", "administer"}

ROLES = {Role.STAFF: _STAFF, Role.LEAD: _LEAD, Role.ADMINISTRATOR: _ADMINISTRATOR}


class Theme(models.TextChoices):
    """How the pages look."""

    SYSTEM = "system", _("Like the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class IdentitySource(models.TextChoices):
    """The identity source of a user: exactly one each."""

    LOCAL = "local", _("Password kept here")
    LDAP = "ldap", _("LDAP directory")
    OIDC = "oidc", _("OpenID Connect")


def _held_permissions(user: Any) -> models.QuerySet[Permission]:
    ours = Permission.objects.filter(content_type__app_label="ticketadmin")
    return ours.filter(Q(group__user=user) | Q(user=user))


def _names_of_groups(user: Any) -> models.QuerySet[Group, Any]:
    return Group.objects.filter(user=user).values_list("name", flat=True)


class User(AbstractUser):
    """A user account."""

    source = models.CharField(
        _("signs in with"), max_length=8, choices=IdentitySource.choices, default=IdentitySource.LOCAL
    )
    # The user's permanent identity at the source: "issuer subject" at an OpenID provider, where names and
    # addresses can change; "ldap name" in a directory without ids. Null until the account is connected.
    subject = models.CharField(max_length=600, null=True, blank=True, unique=True, editable=False)
    # Since when signing in requires a code of an app; see services/people/second_step.py.
    second_step_since = models.DateTimeField(null=True, editable=False)
    # Incremented to end every session of the user.
    session_generation = models.PositiveIntegerField(default=0, editable=False)

    language = models.CharField(
        _("language"), max_length=8, blank=True, choices=[("en", "English"), ("vi", "Tiếng Việt")]
    )
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    list_columns = models.CharField(max_length=1_000, blank=True, default="", editable=False)
    shortcuts_enabled = models.BooleanField(_("keyboard shortcuts"), default=True)

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [
            ("edit_tickets", "Can open and edit tickets"),
            ("run_bulk_updates", "Can run bulk updates"),
            ("view_all_history", "Can see everyone's changes"),
            ("undo_any_change", "Can undo anyone's changes"),
            ("share_views", "Can share saved views"),
            ("export_tickets", "Can download lists of tickets"),
            ("view_connection", "Can see the connection page"),
            ("administer", "Can manage users, custom fields and status settings"),
        ]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Return the name to store: NFKC, as Django does it, but in linear time."""
        return normalize("NFKC", username) if isinstance(username, str) else username

    @classmethod
    def of_session(cls, user_id: int, *, source: IdentitySource | None = None) -> "User | None":
        """Return the active user of a session with their permissions and groups, in one query.

        None if there is none, or one of another source than the given one.
        """
        user = _ACTIVE.first(user=user_id)
        if user is None or (source is not None and user.source != source):
            return None
        vars(user)["_our_permissions"] = frozenset(getattr(user, "held_permissions", None) or ())
        vars(user)["_groups_of_session"] = frozenset(getattr(user, "held_groups", None) or ())
        return user

    @property
    def is_local(self) -> bool:
        """Return whether the password is kept here; an administrator then manages name and role."""
        return self.source == IdentitySource.LOCAL

    @property
    def signs_in_elsewhere(self) -> bool:
        """Return whether this tool never sees the password: an OpenID Connect provider does."""
        return self.source == IdentitySource.OIDC

    @property
    def display_name(self) -> str:
        """The full name, else the sign-in name."""
        return self.get_full_name() or self.username

    @property
    def role_names(self) -> list[str]:
        """The labels of the user's groups."""
        known = dict(Role.choices)
        return sorted(str(known.get(name, name)) for name in _names_of_groups(self))

    @property
    def group_names(self) -> frozenset[str]:
        """The names of the user's groups: those that came with the session, else read by a query."""
        known: frozenset[str] | None = vars(self).get("_groups_of_session")
        return frozenset(_names_of_groups(self)) if known is None else known

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        salt = "ticketadmin.User.session"
        value = f"{self.password} {self.session_generation}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def may(self, permission: str) -> bool:
        """Return whether the user holds one of this app's permissions, by its short name."""
        return self.has_perm(f"ticketadmin.{permission}")

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """As Django's, but with one query for all of this app's permissions, or none in a session."""
        app, _dot, name = perm.partition(".")
        if app != "ticketadmin" or obj is not None:
            return super().has_perm(perm, obj)
        return self.is_active and (self.is_superuser or name in self._our_permissions)

    @cached_property
    def _our_permissions(self) -> frozenset[str]:
        return frozenset(_held_permissions(self).values_list("codename", flat=True))


def _active() -> models.QuerySet[User]:
    held = json_list(_held_permissions(OuterRef("pk")), "codename")
    groups = json_list(Group.objects.filter(user=OuterRef("pk")), "name")
    active = User.objects.filter(pk=Slot("user", User._meta.pk), is_active=True)
    return active.annotate(held_permissions=held, held_groups=groups)


_ACTIVE = Prepared(_active)


class ResetRequest(models.Model):
    """A request for a password reset; counted so that no mailbox is flooded."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.address} {self.created_at:%Y-%m-%d %H:%M}"


class IdentityClaim(models.Model):
    """A sign-in by the name of an account that is not connected to the company's sign-in yet."""

    user = models.ForeignKey(User, models.CASCADE, related_name="claims")
    source = models.CharField(max_length=8, choices=IdentitySource.choices)
    subject = models.CharField(max_length=600)
    name = models.CharField(max_length=301, blank=True)
    email = models.CharField(max_length=254, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["-seen_at"]
        constraints = [models.UniqueConstraint(fields=["user", "subject"], name="claim_once_per_subject")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.source}"


class BindingLink(models.Model):
    """The one-time link by which an account's owner connects it to the company's sign-in."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True)
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id} {self.expires_at:%Y-%m-%d %H:%M}"


class RecoveryCode(models.Model):
    """One code that replaces a lost authenticator app, once; only its keyed digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"{self.user_id}"
