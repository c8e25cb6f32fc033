"""Which recipes a user has, and making, sharing and deleting them. Leads share; owners change their own."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Q, QuerySet

from ticketadmin.models import AuditAction, Prepared, Recipe, Slot, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require
from ticketadmin.services.recipes.recipe import RecipeChange
from ticketadmin.services.values.ordering import in_order
from ticketadmin.text import folded

MAX_RECIPES = 100  # of one user
MAX_NAME = 60  # characters, as the column has them
MAX_SHOWN = 200  # in one menu
MAX_CHANGES = 60  # fields of one recipe
RIGHT, SHARING = "edit_tickets", "run_bulk_updates"


class RecipeProblem(Exception):
    """A recipe cannot be kept. Nothing was changed."""


class TooManyRecipes(RecipeProblem):
    """The user has MAX_RECIPES already."""


class NameTaken(RecipeProblem):
    """The user has another recipe of this name."""


def recipes_for(user: User) -> list[Recipe]:
    """Return the user's own recipes and the shared ones, by name; MAX_SHOWN at most. One query."""
    return in_order(_SHOWN.rows(user=user.pk), lambda one: one.name)


def find_recipe(user: User, named: str) -> Recipe | None:
    """Return the recipe with this number, if the user may use it."""
    if not (named.isdecimal() and len(named) <= 18):
        return None
    return _usable(user).filter(pk=int(named)).first()


def recipes_named(user: User, typed: str) -> list[Recipe]:
    """Return the recipes that a user means by a name: the one of that name, else those that start so.

    Their own come before shared ones.
    """
    wanted = folded(typed[:200].strip())
    if not wanted:
        return []
    usable = sorted(recipes_for(user), key=lambda one: one.owner_id != user.pk)
    exact = [one for one in usable if folded(one.name) == wanted]
    return exact[:1] or [one for one in usable if folded(one.name).startswith(wanted)]


def _usable(user: User | Slot) -> QuerySet[Recipe]:
    return Recipe.objects.filter(Q(owner=user) | Q(is_shared=True))


_SHOWN = Prepared(lambda: _usable(Slot("user", BigIntegerField())).select_related("owner")[:MAX_SHOWN])


def keep_recipe(
    actor: User,
    name: str,
    changes: Sequence[RecipeChange],
    *,
    is_shared: bool = False,
    recipe: Recipe | None = None,
) -> Recipe:
    """Make a recipe, or change one of the actor's own, and return it.

    Raises Forbidden, TooManyRecipes or NameTaken.
    """
    require(actor, RIGHT)
    was_shared = bool(recipe and recipe.is_shared)
    if is_shared and not was_shared:
        require(actor, SHARING)
    if recipe is None and Recipe.objects.filter(owner=actor).count() >= MAX_RECIPES:
        raise TooManyRecipes
    kept = recipe or Recipe(owner=actor)
    before = kept.changes
    kept.name, kept.is_shared = name, is_shared
    kept.changes = [change.as_json() for change in changes[:MAX_CHANGES]]
    try:
        with transaction.atomic():
            kept.save()
            if is_shared or was_shared:
                _record(kept, before if was_shared else None)
    except IntegrityError as error:
        raise NameTaken from error
    return kept


def delete_recipe(actor: User, recipe: Recipe) -> None:
    """Delete a recipe of one's own. Raises Forbidden."""
    require(actor, RIGHT)
    with transaction.atomic():
        if recipe.is_shared:
            record(AuditAction.SETTING_DELETED, Target.of(recipe), before={"changes": recipe.changes})
        recipe.delete()


def _record(recipe: Recipe, before: list[object] | None) -> None:
    """Put into the audit log what a shared recipe says: colleagues use it."""
    after = {"is_shared": recipe.is_shared, "changes": recipe.changes}
    if before is None:
        record(AuditAction.SETTING_CREATED, Target.of(recipe), after=after)
    else:
        record(AuditAction.SETTING_CHANGED, Target.of(recipe), before={"changes": before}, after=after)
