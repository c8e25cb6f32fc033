"""What administrators describe, because the CRM does not: custom fields, how statuses look, and rules.

Rules are checked in `services/rules`, nowhere else.
"""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .columns import NamedRow

KEY_LETTER = "[A-Za-z0-9_-]"  # of a custom field's key
MAX_FIELD_KEY = 64


class FieldKind(models.TextChoices):
    """How a custom field's value is typed, stored and compared."""

    TEXT = "text", _("Text")
    LONG_TEXT = "long_text", _("Long text")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date, stored as YYYY-MM-DD")
    EPOCH_DATE = "epoch_date", _("Date, stored as seconds since 1970")
    SELECT = "select", _("One of several options")
    MULTI_SELECT = "multi_select", _("Several options")
    YES_NO = "yes_no", _("Yes or no")


class CustomField(models.Model):
    """A field of `custom_fields`, described here because the API does not list its definitions."""

    key = models.CharField(
        _("key"),
        max_length=MAX_FIELD_KEY,
        unique=True,
        validators=[RegexValidator(rf"^{KEY_LETTER}+\Z", _("Letters, digits, - and _ only."))],
        help_text=_("As the CRM names it, for example so_serial."),
    )
    label = models.CharField(_("label"), max_length=120)
    kind = models.CharField(_("type"), max_length=16, choices=FieldKind.choices, default=FieldKind.TEXT)
    choices_text = models.TextField(
        _("options"),
        blank=True,
        help_text=_("For options: one per line, as value = label. The value is what the CRM stores."),
    )
    help_text = models.CharField(_("help"), max_length=200, blank=True)
    required = models.BooleanField(_("required"), default=False, help_text=_("It cannot be cleared."))
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_listed = models.BooleanField(
        _("in the ticket list"),
        default=False,
        help_text=_("The list can show it, sort and filter by it, and search finds its text."),
    )

    class Meta:
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")
        ordering = ["order", "label"]

    def __str__(self) -> str:
        return self.label

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """The options as (stored value, label) pairs."""
        pairs = (line.partition("=") for line in self.choices_text.splitlines() if line.strip())
        return tuple((value.strip(), label.strip() or value.strip()) for value, _equals, label in pairs)

    def clean(self) -> None:
        """Refuse a choice field without options, and options that share a value."""
        values = [value for value, _label in self.choices]
        if self.kind in {FieldKind.SELECT, FieldKind.MULTI_SELECT} and not values:
            raise ValidationError({"choices_text": _("Name at least one option.")}, code="no_options")
        if len(values) != len(set(values)):
            raise ValidationError({"choices_text": _("Two options have the same value.")}, code="same_value")


class Hue(models.TextChoices):
    """The palette for statuses; each name is a class in the stylesheet."""

    GREY = "grey", _("Grey")
    BLUE = "blue", _("Blue")
    TEAL = "teal", _("Teal")
    GREEN = "green", _("Green")
    LIME = "lime", _("Lime")
    YELLOW = "yellow", _("Yellow")
    ORANGE = "orange", _("Orange")
    RED = "red", _("Red")
    PINK = "pink", _("Pink")
    PURPLE = "purple", _("Purple")


class StatusSetting(NamedRow):
    """How one of the CRM's statuses is shown and offered here."""

    name = models.CharField(_("status"), max_length=200, unique=True, help_text=_("Spelled as in the CRM."))
    hue = models.CharField(_("colour"), max_length=8, choices=Hue.choices, default=Hue.GREY)
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    is_done = models.BooleanField(_("done"), default=False, help_text=_("Tickets in it are never overdue."))
    quick_button = models.BooleanField(_("quick button"), default=True)

    class Meta:
        verbose_name = _("status setting")
        verbose_name_plural = _("status settings")
        ordering = ["order", "name"]


class TicketRule(models.Model):
    """What setting a field, perhaps to one value, requires: other fields, a reason, membership of a group.

    The lists hold names of fields and of groups. After a group is renamed or deleted, it lets no user through
    until the rule is changed: a rule never becomes weaker by itself.
    """

    field = models.CharField(_("when this field is changed"), max_length=80)
    value = models.CharField(
        _("to this value"), max_length=255, blank=True, help_text=_("Empty: to any value, or to none.")
    )
    required_fields = models.JSONField(
        _("these fields must be filled in"), default=list, blank=True, help_text=_("After the change.")
    )
    allows_unreadable = models.BooleanField(
        _("allow it where that cannot be checked"),
        default=False,
        help_text=_("A field cannot be checked where the CRM does not show it to this tool."),
    )
    needs_reason = models.BooleanField(_("a reason is required"), default=False)
    groups = models.JSONField(
        _("only these groups may do it"),
        default=list,
        blank=True,
        help_text=_("None: everyone who may edit."),
    )

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["field", "value"]
        constraints = [models.UniqueConstraint(fields=["field", "value"], name="rule_once")]

    def __str__(self) -> str:
        return f"{self.field} → {self.value}" if self.value else self.field
