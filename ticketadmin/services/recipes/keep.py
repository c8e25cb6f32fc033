"""The recipes of a user: finding, making and changing them."""

from collections.abc import Sequence
from dataclasses import asdict

from django.db.models import BigIntegerField, Q, QuerySet, Subquery

from ticketadmin.models import JsonRows, Prepared, Recipe, Slot, User, json_rows, rows_in
from ticketadmin.services.recipes.recipe import RecipeChange
from ticketadmin.services.recipes.sharing import keep_own
from ticketadmin.services.values.ordering import in_order
from ticketadmin.text import folded, plain_letters

MAX_RECIPES = 100  # of one user
MAX_RECIPE_NAME = 60  # characters, as the column has them
MAX_RECIPES_SHOWN = 200  # in one menu
MAX_CHANGES = 60  # fields of one recipe


def recipes_for(user: User) -> list[Recipe]:
    """Return the user's own recipes and the shared ones, by name; MAX_RECIPES_SHOWN at most. One query."""
    return in_order(_SHOWN.rows(user=user.pk), lambda one: one.name)


def find_recipe(user: User, number: int | None) -> Recipe | None:
    """Return the recipe with this number, if the user may use it."""
    return _usable(user).filter(pk=number).first() if number else None


def recipes_named(user: User, typed: str) -> list[Recipe]:
    """Return the recipes that a typed name may mean: the one of that name, else those that start with it.

    Diacritics may be left out. The user's own come before shared ones.
    """
    wanted, plain = folded(typed[:200]), plain_letters(typed[:200].strip())
    if not wanted:
        return []
    usable = sorted(recipes_for(user), key=lambda one: one.owner_id != user.pk)
    exact = [one for one in usable if folded(one.name) == wanted]
    start = [one for one in usable if folded(one.name).startswith(wanted)]
    return exact[:1] or start or [one for one in usable if plain_letters(one.name).startswith(plain)]


def _usable(user: User | Slot) -> QuerySet[Recipe]:
    return Recipe.objects.filter(Q(owner=user) | Q(is_shared=True))


def recipe_names_column(user: Slot) -> Subquery:
    """Return the recipes of `recipes_for` as a column of any query, for `recipe_names_in`: names alone."""
    shown = _usable(user).values("pk")[:MAX_RECIPES_SHOWN]
    return json_rows(Recipe.objects.filter(pk__in=shown), ("id", "name"))


def recipe_names_in(column: JsonRows) -> tuple[Recipe, ...]:
    """Return the recipes in `recipe_names_column`, by name."""
    return tuple(in_order(rows_in(Recipe, column), lambda one: one.name))


_SHOWN = Prepared(
    lambda: _usable(Slot("user", BigIntegerField())).select_related("owner")[:MAX_RECIPES_SHOWN]
)


def keep_recipe(
    user: User,
    name: str,
    changes: Sequence[RecipeChange],
    *,
    is_shared: bool = False,
    recipe: Recipe | None = None,
) -> Recipe:
    """Create a recipe, or change one of the user's own, and return it. Raises what `keep_own` raises."""
    kept = [asdict(change) for change in changes[:MAX_CHANGES]]
    values = {"name": name, "changes": kept, "is_shared": is_shared}
    return keep_own(user, recipe or Recipe(owner=user), values, most=MAX_RECIPES)
