"""A recipe in a bulk update: stored with the run, and turned into the wishes of each ticket by the dry run.

The run keeps the recipe's changes and the moment as they were when the dry run started: changing the recipe
afterwards, or sending the next day, does not alter what was shown.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from django.utils import timezone

from ticketadmin.models import BulkItem, BulkUpdate, ItemReason, Plan, Recipe, User
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.recipes.fill import KnownTicket, Moment, edit_of_recipe
from ticketadmin.services.recipes.recipe import RecipeAction, RecipeChange, changes_of
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.values.inputs import to_inputs
from ticketadmin.services.values.schema import TicketSchema

NOTE = "recipe"  # in the notes of a bulk update


@dataclass(frozen=True)
class BulkRecipe:
    """What a run does with each ticket; for the fields in `left_out` the run has values of its own."""

    name: str
    changes: tuple[RecipeChange, ...]
    moment: Moment
    left_out: tuple[str, ...] = ()

    @property
    def is_per_ticket(self) -> bool:
        """Return whether it gives different values for different tickets."""
        return any(change.is_per_ticket for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as the notes of a run keep it."""
        return {
            "name": self.name,
            "changes": [asdict(change) for change in self.changes],
            "moment": self.moment.as_json(),
            "left_out": list(self.left_out),
        }


def bulk_recipe(recipe: Recipe, *, user: User, wished: Collection[str]) -> BulkRecipe:
    """Return a recipe for a user's run; fields with other wishes (`wished`) are left out and named."""
    changes = changes_of(recipe.changes)
    return BulkRecipe(
        recipe.name,
        tuple(change for change in changes if change.field not in wished),
        Moment.of(user, timezone.localdate()),
        tuple(change.field for change in changes if change.field in wished),
    )


def recipe_of_run(bulk: BulkUpdate) -> BulkRecipe | None:
    """Return the recipe of a run, if it has one."""
    kept = bulk.notes.get(NOTE)
    if not kept:
        return None
    moment = Moment.from_json(kept["moment"])
    return BulkRecipe(kept["name"], changes_of(kept["changes"]), moment, tuple(kept["left_out"]))


def is_stopped(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema, read: ReadTicket | None) -> bool:
    """Give the item the wishes that the run's recipe has for its ticket; nothing is stored.

    Return whether it cannot be used on this ticket; the item's plan then says so.
    """
    recipe = recipe_of_run(bulk)
    if recipe is None:
        return False
    names = {change.field for change in recipe.changes}
    own = {name: wish for name, wish in (item.wishes or {}).items() if name not in names}
    values = read.values_for(names) if read else {}
    ticket = KnownTicket(item.ticket_code, values, schema, (read.account_name or "") if read else "")
    edit, stops = edit_of_recipe(recipe.changes, ticket, recipe.moment)
    item.wishes = {**own, **edit.as_json()} or None
    item.recipe_stops = None
    if stops:
        item.plan, item.reason = Plan.CANNOT, ItemReason.RECIPE_STOPPED
        item.recipe_stops = [asdict(stop) for stop in stops]
        item.read_at = read.read_at if read else None
    return bool(stops)


def changes_of_run(bulk: BulkUpdate, schema: TicketSchema) -> tuple[RecipeChange, ...]:
    """Return the common changes of a run as a recipe, without the values of single tickets."""
    edit = Edit.from_json(bulk.wishes)
    common = tuple(
        RecipeChange(name, RecipeAction.SET, tuple(to_inputs(schema.field(name), wish.value)))
        if isinstance(wish, Set)
        else RecipeChange(name, RecipeAction.CLEAR)
        for name, wish in edit.wishes.items()
    )
    recipe = recipe_of_run(bulk)
    return common + (recipe.changes if recipe else ())


def forget_recipe(bulk: BulkUpdate) -> None:
    """Remove the wishes that an earlier dry run's recipe gave the items, before other changes are chosen."""
    recipe = recipe_of_run(bulk)
    if recipe is None:
        return
    names = {change.field for change in recipe.changes}
    items = bulk.items.filter(wishes__isnull=False).only("pk", "wishes").iterator(chunk_size=ROWS_AT_ONCE)
    while batch := list(islice(items, ROWS_AT_ONCE)):
        for item in batch:
            others = {name: wish for name, wish in (item.wishes or {}).items() if name not in names}
            item.wishes = others or None
        BulkItem.objects.bulk_update(batch, ["wishes"])
