"""Snippets: named texts that a user inserts at the cursor of a text box."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Snippet(models.Model):
    """One snippet. `name` and `content` are in the form of `services/snippets/snippet.py`.

    `content` is cleaned HTML or, where it has no element, plain text.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="snippets")
    name = models.CharField(_("name"), max_length=40)
    content = models.TextField(_("text"))
    is_shared = models.BooleanField(_("for everybody"), default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("snippet")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="snippet_name_once_per_user")]

    def __str__(self) -> str:
        return self.name
