"""What administrators require of a change before it is sent. Checked in `services/rules`, nowhere else."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TicketRule(models.Model):
    """What setting a field, perhaps to one value, requires: other fields, a reason, membership of a group.

    Lists hold names, of fields and of groups. A group that is renamed or deleted lets no user through until
    the rule is changed: a rule never becomes weaker by itself.
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
