"""People and what their role lets them do.

A role is a permission group, made by migration 0002. Views and services ask for the permission,
never for the role's name, so that an administrator can make further groups.
"""

from typing import Any

from django.contrib.auth.models import AbstractUser, Permission
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The groups that exist from the start."""

    STAFF = "staff", _("Staff")
    LEAD = "lead", _("Team lead")
    ADMINISTRATOR = "administrator", _("Administrator")


_STAFF = frozenset({"edit_tickets"})
_LEAD = _STAFF | {"run_bulk_updates", "view_all_history", "undo_any_change", "share_views"}
_ADMINISTRATOR = _LEAD | {"view_connection", "administer"}

ROLES: dict[Role, frozenset[str]] = {
    Role.STAFF: _STAFF,
    Role.LEAD: _LEAD,
    Role.ADMINISTRATOR: _ADMINISTRATOR,
}


class Theme(models.TextChoices):
    """How the pages look."""

    SYSTEM = "system", _("Like the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A person who signs in."""

    language = models.CharField(
        _("language"), max_length=8, blank=True, choices=[("en", "English"), ("vi", "Tiếng Việt")]
    )
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    shortcuts_enabled = models.BooleanField(_("keyboard shortcuts"), default=True)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        permissions = [
            ("edit_tickets", "Can open and edit tickets"),
            ("run_bulk_updates", "Can run bulk updates"),
            ("view_all_history", "Can see everybody's changes"),
            ("undo_any_change", "Can undo anybody's changes"),
            ("share_views", "Can share saved views"),
            ("view_connection", "Can see the connection page"),
            ("administer", "Can manage people, custom fields and status settings"),
        ]

    @property
    def display_name(self) -> str:
        """The name colleagues know: the full name, else the sign-in name."""
        return self.get_full_name() or self.username

    def may(self, permission: str) -> bool:
        """Tell whether this person holds one of our permissions, by its short name."""
        return self.has_perm(f"ticketadmin.{permission}")

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """As Django's, but every permission of ours comes from one query instead of two."""
        app, _dot, name = perm.partition(".")
        if app != "ticketadmin" or obj is not None:
            return super().has_perm(perm, obj)
        return self.is_active and (self.is_superuser or name in self._our_permissions)

    @cached_property
    def _our_permissions(self) -> frozenset[str]:
        held = Permission.objects.filter(content_type__app_label="ticketadmin")
        return frozenset(held.filter(Q(group__user=self) | Q(user=self)).values_list("codename", flat=True))
