"""The append-only record of what was sent to the CRM and of its outcome."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .columns import NamedRow, later_text, nullable_json
from .outcomes import Outcome
from .prepared import Slot

MAX_CHANGE_REASON = 300  # characters
MAX_SYSTEM_ACCOUNT = 64  # characters


class Origin(models.TextChoices):
    """Where a change was requested: form, quick status, bulk update, command and so on."""

    FORM = "form", _("Ticket form")
    QUICK = "quick", _("Quick status")
    BULK = "bulk", _("Bulk update")
    UNDO = "undo", _("Undo")
    RESTORE = "restore", _("Restore")
    COMMAND = "command", _("Command line")


# A change with one of these outcomes is still open while `results` is empty.
_IS_OPEN = Q(outcome__in=[one for one in Outcome if one.is_open], results={})


class ChangeQuerySet(models.QuerySet["Change"]):
    """Queries over changes."""

    def for_ticket(self, code: str | Slot) -> "ChangeQuerySet":
        """Return the changes of one ticket, newest first."""
        return self.filter(ticket_code=code).order_by("-id")

    def unsettled(self) -> "ChangeQuerySet":
        """Return the changes whose effect on the CRM is still open."""
        return self.filter(_IS_OPEN)

    def saved(self) -> "ChangeQuerySet":
        """Return the changes whose values are safe in the CRM."""
        return self.filter(outcome__in=[one for one in Outcome if one.is_saved])

    def settled(self) -> "ChangeQuerySet":
        """Return the changes that reading the ticket again cannot settle any further."""
        return self.exclude(_IS_OPEN)


class Change(models.Model):
    """One save of one ticket by one user: what was wanted, sent and read back, and the outcome.

    Values are keyed by field name (`status_name`, `custom_fields.so_serial`); a name that is absent
    was unknown. The row is written before the request leaves, and finished when its outcome is known.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    submission = models.UUIDField(
        default=uuid4, help_text="One form as it was sent; repeated posts of it share it."
    )
    ticket_code = models.CharField(_("ticket"), max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="changes",
        verbose_name=_("user"),
    )
    actor_name = models.CharField(_("name at the time"), max_length=301)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.FORM)
    bulk = models.UUIDField(
        null=True, blank=True, help_text="The bulk update that this change is part of, if it is."
    )
    undo_of = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="undone_by")

    change_reason = later_text(
        _("reason"),
        max_length=MAX_CHANGE_REASON,
        help_text="Why, in the user's own words; kept here, never sent.",
    )

    system_account = later_text(
        max_length=MAX_SYSTEM_ACCOUNT,
        help_text="The operating system's account that ran the command, for a change from the command line.",
    )

    created_at = models.DateTimeField(_("when"))
    finished_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    wanted = models.JSONField(default=dict, help_text="Field → the value that should be stored.")
    payload = models.JSONField(default=dict, help_text="The body as it was sent.")
    before = nullable_json("Field → value read just before; everything known while open, then what changed.")
    read_back = nullable_json("Field → value read just after.")
    results = models.JSONField(default=dict, help_text="Field → outcome.")
    collateral = models.JSONField(default=dict, help_text="Field that was not sent → [before, after].")

    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices, default=Outcome.PENDING)
    reason = models.CharField(max_length=40, blank=True, help_text="The API error's machine word.")
    message = models.CharField(_("message"), max_length=500, blank=True, help_text="The CRM's own words.")
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    runner = models.CharField(  # noqa: DJ001 - a default would rewrite a big table
        max_length=120, null=True, blank=True, help_text="The process that saves it (services/saving/runner)."
    )
    waived_rules = nullable_json(
        "What rules required and was not met, where that did not prevent it (services/rules)."
    )
    signature = nullable_json(
        "The field that was set to the user's name, the name, and what came of it; null: none."
    )
    unchecked = nullable_json("Fields that were too large to be read back, where there are any.")

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["ticket_code", "-id"], name="change_ticket"),
            models.Index(fields=["actor", "-id"], name="change_actor"),
            models.Index(fields=["outcome", "-id"], name="change_outcome"),
            models.Index(fields=["actor", "outcome", "-id"], name="change_actor_outcome"),
            models.Index(fields=["created_at"], name="change_created"),
            models.Index(fields=["origin", "-id"], name="change_origin"),
            models.Index(fields=["bulk", "-id"], name="change_bulk", condition=models.Q(bulk__isnull=False)),
            models.Index(fields=["-id"], name="change_reasoned", condition=models.Q(change_reason__gt="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["actor", "submission"], name="change_once_per_submission"),
            models.UniqueConstraint(
                fields=["ticket_code"], condition=Q(outcome="pending"), name="change_ticket_in_flight"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_code} {self.outcome} {self.uuid}"

    @property
    def is_settled(self) -> bool:
        """Return whether reading the ticket again could not change its outcome."""
        return not Outcome(self.outcome).is_open or bool(self.results)

    @property
    def has_unchecked(self) -> bool:
        """Return whether a part of the ticket was too large to be compared."""
        return bool(self.unchecked)

    @property
    def is_from_form(self) -> bool:
        """Return whether the ticket's own form sent it."""
        return self.origin == Origin.FORM

    @property
    def is_saved(self) -> bool:
        """Return whether the values are safe in the CRM, so that the user's draft may go."""
        return Outcome(self.outcome).is_saved


class ChangedField(NamedRow):
    """One field that a change was to store: an index for filtering history by field."""

    change = models.ForeignKey(Change, models.CASCADE, related_name="fields")
    name = models.CharField(max_length=80)

    class Meta:
        indexes = [models.Index(fields=["name", "-change"], name="changed_field_name")]
