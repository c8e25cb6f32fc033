"""Who has a ticket open."""

from django.conf import settings
from django.db import models


class Presence(models.Model):
    """One browser tab in which a person has a ticket open. It counts while it was seen lately."""

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
