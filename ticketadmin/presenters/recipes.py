"""Recipes as users read them: one line per change, and the result of using one on a ticket's form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from ticketadmin.models import Recipe, Tone, User
from ticketadmin.presenters.changes import option_labels
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice
from ticketadmin.presenters.page import FormPage, Page, page
from ticketadmin.presenters.paging import TabLink
from ticketadmin.services.recipes.fill import Filled, problems_of
from ticketadmin.services.recipes.recipe import RecipeAction, RecipeChange, changes_of
from ticketadmin.services.recipes.stops import FIELD_GONE, Stop, describe_stop, describe_stops
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.schema import TicketSchema

MAX_LINE_TEXT = 120  # characters of a text in a line


@dataclass(frozen=True)
class PresentedRecipe:
    """One recipe in a list or a menu. With `problems` it cannot be used on any ticket."""

    recipe: Recipe
    lines: tuple[str, ...]
    problems: tuple[str, ...]
    is_own: bool


@page("recipes/recipes.html")
class RecipesPage(Page):
    """The user's own recipes and those that colleagues share."""

    own: list[PresentedRecipe]
    shared: list[PresentedRecipe]
    tabs: list[TabLink]


@page("recipes/recipe.html")
class RecipePage(FormPage):
    """The form of a recipe; `recipe` is None for a new one."""

    recipe: Recipe | None


def present_recipes(recipes: Sequence[Recipe], user: User, schema: TicketSchema) -> list[PresentedRecipe]:
    """Return recipes as a user reads them."""
    return [_presented(one, user, schema) for one in recipes]


def _presented(recipe: Recipe, user: User, schema: TicketSchema) -> PresentedRecipe:
    changes = changes_of(recipe.changes)
    problems = describe_stops(problems_of(changes, schema), schema)
    return PresentedRecipe(recipe, present_lines(changes, schema), problems, recipe.owner_id == user.pk)


def present_lines(changes: Sequence[RecipeChange], schema: TicketSchema) -> tuple[str, ...]:
    """Return one line per change."""
    return tuple(
        _line(change, schema.fields[change.field])
        if change.field in schema.fields
        else describe_stop(Stop(change.field, FIELD_GONE), schema)
        for change in changes
    )


_LINES: dict[RecipeAction, Any] = {
    RecipeAction.SET: gettext_lazy("%(field)s: “%(text)s”"),
    RecipeAction.CLEAR: gettext_lazy("%(field)s: cleared"),
    RecipeAction.BEFORE: gettext_lazy("%(field)s: before it “%(text)s”"),
    RecipeAction.AFTER: gettext_lazy("%(field)s: after it “%(text)s”"),
    RecipeAction.DAYS: ngettext_lazy(
        "%(field)s: %(n)d day after the day of use", "%(field)s: %(n)d days after the day of use", "n"
    ),
    RecipeAction.WORKING_DAYS: ngettext_lazy(
        "%(field)s: %(n)d working day after the day of use",
        "%(field)s: %(n)d working days after the day of use",
        "n",
    ),
}


def _line(change: RecipeChange, field: Field) -> str:
    days = change.days if change.do.is_day else 0
    return str(_LINES[change.do] % {"field": field.label, "text": _shown(change, field), "n": days})


def _shown(change: RecipeChange, field: Field) -> str:
    is_html = field.kind is Kind.HTML
    texts = map(strip_tags, change.texts) if is_html else option_labels(field, change.texts)
    return Truncator(", ".join(texts)).chars(MAX_LINE_TEXT)


def describe_filled(name: str, filled: Filled, schema: TicketSchema) -> Notice:
    """Return the banner over a form into which a recipe was filled, or was not. `name`: "" if it is gone."""
    if filled.problems:
        title, step = _("No recipe was used."), ""
        if name:
            title = _("The recipe “%(name)s” was not used.") % {"name": name}
            step = _("Correct this, or change the recipe under Recipes.")
        return Notice(
            Tone.DANGER,
            title,
            " ".join([*describe_stops(filled.problems, schema), str(NOTHING_CHANGED)]),
            step,
        )
    kept = _kept(filled, schema)
    if not filled.names:
        title = _("The recipe “%(name)s” filled in nothing.") % {"name": name}
        return Notice(Tone.INFO, title, kept)
    title = _("The recipe “%(name)s” filled in: %(fields)s.") % {
        "name": name,
        "fields": _labels(filled.names, schema),
    }
    text = " ".join(filter(None, [_("Nothing was sent yet."), kept]))
    return Notice(Tone.INFO, title, text, _("Look at what would be sent, then save."))


def describe_held_back(name: str, filled: Filled, others: Sequence[str], schema: TicketSchema) -> Notice:
    """Return the banner where “apply and save” did not save, because more was typed than the recipe says."""
    title = _("The recipe “%(name)s” was filled in, and nothing was saved.") % {"name": name}
    parts = [
        _("You also typed into: %(fields)s.") % {"fields": _labels(others, schema)} if others else "",
        _kept(filled, schema),
    ]
    step = _("Look at what would be sent, then save.")
    return Notice(Tone.INFO, title, " ".join(filter(None, parts)), step)


def _kept(filled: Filled, schema: TicketSchema) -> str:
    if not filled.kept:
        return ""
    return _("Kept as you typed: %(fields)s.") % {"fields": _labels(filled.kept, schema)}


def _labels(names: Sequence[str], schema: TicketSchema) -> str:
    return ", ".join(str(schema.field(name).label) for name in names)
