"""The ticket index: which tickets the CRM has, as far as reads have shown. A read model, never a save's base.

One `TicketIndex` is kept for each CRM address, with its tickets, its sweep and what this CRM's list can do.
Content is never stored here. What the columns mean and who writes them: `services/index/rows.py`.
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .columns import NamedRow


class ReadFrom(models.TextChoices):
    """What the newest values of a row come from."""

    LIST = "list", _("the CRM's list")
    TICKET = "ticket", _("the ticket itself")
    SENT = "sent", _("a save that could not be read back")


class TicketIndex(models.Model):
    """The index of one CRM address, and the state of the sweep that fills it.

    `cursor` is where the sweep under way continues: `{"offset": n, "after": id, "rows": n, "idle": n}`.
    `capabilities` is what `services/index/capabilities.py` found out. All times are the database's clock.
    """

    address = models.CharField(max_length=300, unique=True)
    capabilities = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the capabilities were checked.")

    worker = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    wanted_at = models.DateTimeField(null=True, blank=True, help_text="When a user last looked at a list.")
    newest_at = models.DateTimeField(null=True, blank=True, help_text="When the newest were last read.")
    sweep = models.PositiveIntegerField(default=0, help_text="Number of the sweep under way, or of the last.")
    sweep_started_at = models.DateTimeField(null=True, blank=True)
    sweep_finished_at = models.DateTimeField(null=True, blank=True, help_text="When a sweep last ended.")
    sweep_rows = models.PositiveIntegerField(default=0, help_text="Rows of the last complete sweep.")
    unaddressable = models.JSONField(
        default=list, help_text="Codes that the last complete sweep met and no address here can hold."
    )
    is_sweeping = models.BooleanField(default=False)
    cursor = models.JSONField(default=dict)

    problem = models.CharField(max_length=40, blank=True, help_text="Why the last read of the list failed.")
    problem_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.address

    def keep(self, **values: Any) -> None:
        """Set these columns, here and in the database."""
        vars(self).update(values)
        self.save(update_fields=list(values))


class IndexedTicket(models.Model):
    """One ticket as it was last seen.

    `values` holds the known fields as text, by API name (`ticket_title`, `account_name`, listed
    `custom_fields.<key>`); an absent name is unknown. The other columns are derived from it: `*_key` orders
    names by the Vietnamese alphabet and is null if the name is unknown, `words` is what search looks at.
    """

    index = models.ForeignKey(TicketIndex, models.CASCADE, related_name="tickets")
    code = models.CharField(max_length=64)
    number = models.BigIntegerField(null=True, blank=True, help_text="The CRM's id of the ticket.")
    values = models.JSONField(default=dict)
    words = models.TextField(blank=True)
    customer_words = models.TextField(blank=True, help_text="Those of the customer's name and e-mail alone.")
    digest = models.CharField(
        max_length=32, blank=True, help_text="Of the last read of the ticket itself, while its values hold."
    )

    code_key = models.BinaryField(max_length=200)
    title_key = models.BinaryField(max_length=200, null=True, blank=True)
    customer_key = models.BinaryField(max_length=200, null=True, blank=True)
    email_key = models.BinaryField(max_length=200, null=True, blank=True)
    phone_key = models.BinaryField(max_length=200, null=True, blank=True)
    category_key = models.BinaryField(max_length=200, null=True, blank=True)
    status_key = models.BinaryField(max_length=200, null=True, blank=True)
    expected_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)

    read_at = models.DateTimeField(null=True, help_text="When the newest read began.")
    read_from = models.CharField(max_length=8, choices=ReadFrom.choices, default=ReadFrom.LIST)
    changed_at = models.DateTimeField(null=True, help_text="When a read last brought other values.")
    swept = models.PositiveIntegerField(default=0, help_text="Number of the last sweep that listed it.")
    doubted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the list stopped showing it; its own read decides."
    )
    missing_at = models.DateTimeField(
        null=True, blank=True, help_text="When its own read was answered with “no such ticket”."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "code"], name="indexed_once_per_code")]
        indexes = [
            models.Index(fields=["index", "number", "id"], name="indexed_number"),
            models.Index(fields=["index", "code_key", "id"], name="indexed_code"),
            models.Index(fields=["index", "title_key", "id"], name="indexed_title"),
            models.Index(fields=["index", "customer_key", "id"], name="indexed_customer"),
            models.Index(fields=["index", "email_key", "id"], name="indexed_email"),
            models.Index(fields=["index", "phone_key", "id"], name="indexed_phone"),
            models.Index(fields=["index", "category_key", "id"], name="indexed_category"),
            models.Index(fields=["index", "status_key", "updated_at", "id"], name="indexed_status"),
            models.Index(fields=["index", "expected_on", "id"], name="indexed_expected"),
            models.Index(fields=["index", "created_at", "id"], name="indexed_created"),
            models.Index(fields=["index", "updated_at", "id"], name="indexed_updated"),
            models.Index(fields=["index", "changed_at"], name="indexed_changed"),
            models.Index(
                fields=["index", "doubted_at"], name="indexed_doubted", condition=Q(doubted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.code


class IndexedValue(NamedRow):
    """The value of one listed custom field of a ticket, to sort and filter by."""

    ticket = models.ForeignKey(IndexedTicket, models.CASCADE, related_name="listed")
    index = models.ForeignKey(TicketIndex, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    key = models.BinaryField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "name"], name="indexed_value_once")]
        indexes = [models.Index(fields=["index", "name", "key", "ticket"], name="indexed_value")]


class StatusCount(NamedRow):
    """How many tickets of an index have a status. Every write of rows updates it; no page counts rows.

    `key` is the status's sort key; empty if the status is unknown.
    """

    index = models.ForeignKey(TicketIndex, models.CASCADE, related_name="status_counts")
    key = models.BinaryField(max_length=200)
    name = models.CharField(max_length=250, blank=True)
    tickets = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "key"], name="status_count_once")]


class ErasedTicket(models.Model):
    """A ticket whose data was erased here, as a keyed digest of its code: the list must not bring it back."""

    digest = models.CharField(max_length=64, primary_key=True)
    erased_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest[:12]
