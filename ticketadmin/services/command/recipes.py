"""`--recipe NAME`: what a recipe of the user says, as changes of the command.

What the arguments or a column of the standard input say about a field takes precedence over the recipe. A
single ticket is read for it. Of several, each gets values that differ by ticket from the dry run of the bulk
update.
"""

from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.models import Recipe, User
from ticketadmin.services.bulk.recipes import bulk_recipe
from ticketadmin.services.command.arguments import Wanted, WrongArguments
from ticketadmin.services.recipes.fill import KnownTicket, Moment, edit_of_recipe, problems_of
from ticketadmin.services.recipes.keep import recipes_named
from ticketadmin.services.recipes.recipe import RecipeChange, changes_of
from ticketadmin.services.recipes.stops import Stop, describe_stops
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.save import open_ticket
from ticketadmin.services.values.schema import TicketSchema


def with_recipe(wanted: Wanted, named: str, user: User, schema: TicketSchema) -> Wanted:
    """Return the wanted changes with those of a recipe; one ticket is read for it, and is its base.

    Raises WrongArguments, also if the recipe cannot be used on any ticket. Raises Forbidden or
    TicketApiError if the one ticket cannot be read.
    """
    recipe = _recipe(user, named)
    return _for_one(wanted, recipe, user) if wanted.is_single else _for_each(wanted, recipe, user, schema)


def _for_one(wanted: Wanted, recipe: Recipe, user: User) -> Wanted:
    changes = [one for one in changes_of(recipe.changes) if one.field not in wanted.single_edit.wishes]
    opened = open_ticket(wanted.tickets[0].code, user=user)
    customer = (opened.read.account_name or "") if opened.read else ""
    known = KnownTicket(opened.code, opened.base.values, opened.schema, customer)
    return replace(
        _with_edit(wanted, changes, known, Moment.of(user, timezone.localdate())), base=opened.base
    )


def _for_each(wanted: Wanted, recipe: Recipe, user: User, schema: TicketSchema) -> Wanted:
    own = [one.edit.wishes for one in wanted.tickets if one.edit]
    run = bulk_recipe(
        recipe, user=user, wished={name for wishes in (wanted.edit.wishes, *own) for name in wishes}
    )
    _refuse(problems_of(run.changes, schema), schema)
    if run.is_per_ticket:
        return replace(wanted, recipe=run)
    return _with_edit(wanted, run.changes, KnownTicket("", {}, schema), run.moment)


def _with_edit(wanted: Wanted, changes: Sequence[RecipeChange], known: KnownTicket, moment: Moment) -> Wanted:
    edit, stops = edit_of_recipe(changes, known, moment)
    _refuse(stops, known.schema)
    return replace(wanted, edit=Edit({**edit.wishes, **wanted.edit.wishes}))


def _refuse(stops: Sequence[Stop], schema: TicketSchema) -> None:
    if stops:
        raise WrongArguments(describe_stops(stops, schema))


def _recipe(user: User, named: str) -> Recipe:
    found = recipes_named(user, named)
    if not found:
        raise WrongArguments([_("%(user)s has no recipe “%(name)s”.") % {"user": user, "name": named[:80]}])
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:8])
        raise WrongArguments([_("Several recipes start like this: %(names)s.") % {"names": names}])
    return found[0]
