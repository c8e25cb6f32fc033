"""What users have typed and not yet saved, and who has a ticket open."""

from django.conf import settings
from django.db import models

from .prepared import Slot


class DraftQuerySet(models.QuerySet["Draft"]):
    """Queries over drafts."""

    def of(self, user_id: int | Slot) -> "DraftQuerySet":
        """Return a user's drafts that were not discarded, newest first."""
        return self.filter(actor_id=user_id, discarded_at=None).order_by("-updated_at")


class Draft(models.Model):
    """A user's unsaved values for one ticket. Only what differs from the form's base is kept.

    `inputs` maps form field names to lists of texts, as a posted form does; nothing in it is validated.
    `originals` holds the known values that those fields started from, `tabs` which browser tab typed each.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    ticket_code = models.CharField(max_length=64)
    inputs = models.JSONField(default=dict)
    originals = models.JSONField(default=dict)
    tabs = models.JSONField(default=dict)
    title = models.CharField(max_length=255, blank=True, help_text="The ticket's title when it was loaded.")
    updated_at = models.DateTimeField()
    discarded_at = models.DateTimeField(null=True, blank=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["actor", "ticket_code"], name="draft_one_per_ticket")]

    def __str__(self) -> str:
        return f"{self.ticket_code} ({self.actor_id})"


class Presence(models.Model):
    """One browser tab in which a user has a ticket open. It counts while it was seen recently."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    ticket_code = models.CharField(max_length=64)
    tab = models.CharField(max_length=40)
    is_editing = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ticket_code", "seen_at"], name="presence_ticket")]
        constraints = [
            models.UniqueConstraint(fields=["actor", "ticket_code", "tab"], name="presence_one_per_tab")
        ]

    def __str__(self) -> str:
        return f"{self.ticket_code} ({self.actor_id})"
