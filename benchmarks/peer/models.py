"""A ticket as a row of the peer's own database."""

from django.db import models


class PeerTicket(models.Model):
    """The nine fields of the contract."""

    ticket_code = models.CharField(max_length=64)
    ticket_title = models.CharField(max_length=255)
    ticket_content = models.TextField(blank=True)
    account_email = models.EmailField(blank=True)
    cate_name = models.CharField(max_length=200, blank=True, choices=[(f"c{n}", f"c{n}") for n in range(8)])
    status_name = models.CharField(max_length=200, choices=[(f"s{n}", f"s{n}") for n in range(6)])
    expected_at = models.DateField(null=True, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)
    emergency_phone = models.CharField(max_length=20, blank=True)

    class Meta:
        app_label = "peer"

    def __str__(self) -> str:
        return self.ticket_code
