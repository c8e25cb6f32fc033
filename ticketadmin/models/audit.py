"""The audit log: who did what to accounts, settings and data of this tool. Saves of tickets are in `changes`.

Rows are appended and never changed. Only the retention setting removes them, by age.
"""

from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

# Target kinds that are not models; a model's kind is its lower-case name.
HISTORY, AUDIT_LOG, TICKET = "history", "auditlog", "ticket"


class AuditAction(models.TextChoices):
    """What was done."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    SIGN_IN_REFUSED = "sign_in_refused", _("Sign-in refused")
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere", _("Signed out everywhere")
    WAIT_ENDED = "wait_ended", _("Wait after failed sign-ins ended")

    USER_CREATED = "user_created", _("User created")
    USER_CHANGED = "user_changed", _("User changed")
    USER_SWITCHED_OFF = "user_switched_off", _("User switched off")
    USER_SWITCHED_ON = "user_switched_on", _("User switched on")
    USER_DELETED = "user_deleted", _("User deleted")
    ROLES_CHANGED = "roles_changed", _("Roles changed")
    PERMISSIONS_CHANGED = "permissions_changed", _("Permissions changed")
    PASSWORD_CHANGED = "password_changed", _("Own password changed")
    PASSWORD_SET = "password_set", _("Password set for a user")

    BINDING_LINK_MADE = "binding_link_made", _("Link to a company account created")
    ACCOUNT_BOUND = "account_bound", _("Account connected to a company account")
    SECOND_STEP_ON = "second_step_on", _("Two-step sign-in switched on")
    SECOND_STEP_OFF = "second_step_off", _("Two-step sign-in switched off")
    SECOND_STEP_RESET = "second_step_reset", _("Two-step sign-in reset")
    RECOVERY_CODES_MADE = "recovery_codes_made", _("Recovery codes created")
    RECOVERY_CODE_USED = "recovery_code_used", _("Recovery code used")

    SETTING_CREATED = "setting_created", _("Setting created")
    SETTING_CHANGED = "setting_changed", _("Setting changed")
    SETTING_DELETED = "setting_deleted", _("Setting deleted")
    VIEW_SHARED = "view_shared", _("View shared")
    VIEW_CHANGED = "view_changed", _("Shared view changed")
    VIEW_WITHDRAWN = "view_withdrawn", _("Shared view withdrawn")

    EXPORTED = "exported", _("Data exported")
    ERASED = "erased", _("Data erased")
    RUN_PAUSED = "run_paused", _("Bulk update of another user paused")
    RUN_RESUMED = "run_resumed", _("Bulk update of another user resumed")
    RUN_CANCELLED = "run_cancelled", _("Bulk update of another user cancelled")
    RUN_CONFIRMED = "run_confirmed", _("Bulk update of another user confirmed")
    RUN_DISCARDED = "run_discarded", _("Bulk update of another user discarded")


class Channel(models.TextChoices):
    """The kind of process that did it."""

    WEB = "web", _("Browser")
    COMMAND = "command", _("Command line")
    WORKER = "worker", _("Worker")


class AppendOnly(TypeError):
    """A row of the audit log was to be changed or deleted. A programming error, never a user's."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Reads, and removal by age; everything else that would change rows is refused."""

    def update(self, **_values: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly

    def expire(self, before: datetime, *, most: int) -> int:
        """Delete up to `most` of the entries made before a moment, oldest first, and return how many."""
        old = list(self.filter(created_at__lt=before).order_by("id").values_list("pk", flat=True)[:most])
        return models.QuerySet.delete(self.filter(pk__in=old))[0]


class AuditEntry(models.Model):
    """One thing that was done. Names are kept as they were at the time.

    `before` and `after` hold the values that changed, by field. `details` holds what else is needed to
    understand the entry, such as an export's filters and rows. `actor` protects the user from deletion.
    """

    created_at = models.DateTimeField(_("when"))
    action = models.CharField(_("action"), max_length=40)  # an AuditAction; a newer version may know more
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(_("who"), max_length=150, blank=True)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField(_("target"), max_length=200, blank=True)
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    details = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.GenericIPAddressField(_("address"), null=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["actor", "-id"], name="audit_actor"),
            models.Index(fields=["target_kind", "target_id", "-id"], name="audit_target"),
            models.Index(fields=["address", "-id"], name="audit_address"),
            models.Index(fields=["created_at"], name="audit_created"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_kind} {self.target_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append the entry. Raises AppendOnly for one that is stored already."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnly


class FailedSignIns(models.Model):
    """The number of failed sign-ins from an address within an hour that have no entry of their own.

    Those are the ones whose name is no account's: users type passwords into that box, so it is not kept.
    The worker turns each finished hour into one audit entry.
    """

    address = models.CharField(max_length=45, blank=True)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["address", "hour"], name="failed_once_per_hour")]

    def __str__(self) -> str:
        return f"{self.address} {self.hour:%Y-%m-%d %H} {self.count}"
