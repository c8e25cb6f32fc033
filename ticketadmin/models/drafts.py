"""What a user has typed and not yet saved."""

from django.conf import settings
from django.db import models

from .prepared import Slot


class DraftQuerySet(models.QuerySet["Draft"]):
    """The questions that the product asks of drafts."""

    def of(self, person_id: int | Slot) -> "DraftQuerySet":
        """Return a person's drafts that were not discarded, newest first."""
        return self.filter(actor_id=person_id, discarded_at=None).order_by("-updated_at")


class Draft(models.Model):
    """One person's unsaved values for one ticket. Only what differs from the form's base is kept.

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
