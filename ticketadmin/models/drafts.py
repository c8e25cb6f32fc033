"""What a person has typed and not yet saved."""

from django.conf import settings
from django.db import models


class Draft(models.Model):
    """One person's unsaved values for one ticket: the posted fields as typed, and the base they started from.

    `inputs` maps form field names to lists of texts, as a posted form does; nothing in it is validated.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    ticket_code = models.CharField(max_length=64)
    inputs = models.JSONField(default=dict)
    base = models.TextField(blank=True, help_text="The signed base of the form, as it was posted.")
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["actor", "ticket_code"], name="draft_one_per_ticket")]

    def __str__(self) -> str:
        return f"{self.ticket_code} ({self.actor_id})"
