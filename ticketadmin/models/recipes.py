"""Recipes: named sets of changes that a user fills into a ticket's form."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Recipe(models.Model):
    """One recipe. `changes` is a list of `{"field", "do", "texts"}` (see `services/recipes/recipe.py`)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recipes")
    name = models.CharField(_("name"), max_length=60)
    is_shared = models.BooleanField(_("for everybody"), default=False)
    changes = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="recipe_name_once_per_user")]

    def __str__(self) -> str:
        return self.name
