"""Named rows of a user, which all users can share: recipes, snippets, and saved views of the ticket list."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .columns import NamedRow


class Recipe(NamedRow):
    """One recipe. `changes` is a list of `{"field", "do", "texts"}` (see `services/recipes/recipe.py`)."""

    AUDITED = "changes"  # the column that the audit log keeps of a shared row

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recipes")
    name = models.CharField(_("name"), max_length=60)
    is_shared = models.BooleanField(_("for everyone"), default=False)
    changes = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="recipe_name_once_per_user")]


class Snippet(NamedRow):
    """One snippet. `name` and `content` are in the form of `services/snippets/snippet.py`.

    `content` is cleaned HTML or, if it has no element, plain text.
    """

    AUDITED = "content"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="snippets")
    name = models.CharField(_("name"), max_length=40)
    content = models.TextField(_("text"))
    is_shared = models.BooleanField(_("for everyone"), default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("snippet")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="snippet_name_once_per_user")]


class SavedView(NamedRow):
    """One set of filters, as in the query string of the tickets page."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="views")
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=1_000)
    is_shared = models.BooleanField(_("for everyone"), default=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="view_name_once_per_person")]
