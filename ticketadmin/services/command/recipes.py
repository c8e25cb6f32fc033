"""`--recipe NAME`: what a recipe of the user says, as changes of the command. The arguments come first."""

from dataclasses import replace

from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.models import User
from ticketadmin.services.command.arguments import Wanted, WrongArguments
from ticketadmin.services.recipes.fill import KnownTicket, Moment, fill
from ticketadmin.services.recipes.keep import recipes_named
from ticketadmin.services.recipes.recipe import RecipeChange, changes_of, placeholders_in
from ticketadmin.services.saving.edit import Edit, read_edit
from ticketadmin.services.saving.save import open_ticket
from ticketadmin.services.values.schema import TicketSchema


def with_recipe(wanted: Wanted, named: str, user: User, schema: TicketSchema) -> Wanted:
    """Return the wanted changes with those of a recipe; one ticket is read for it, and is its base.

    Raises WrongArguments, also where the recipe gives each of several tickets other values. Raises Forbidden
    or TicketApiError where the one ticket cannot be read.
    """
    given = wanted.single_edit if wanted.is_single else wanted.edit
    changes = tuple(one for one in _changes(user, named) if one.field not in given.wishes)
    if wanted.is_single:
        opened = open_ticket(wanted.tickets[0].code, actor=user)
        customer = (opened.read.account_name or "") if opened.read else ""
        known = KnownTicket(opened.code, opened.base.values, opened.schema, customer)
        wanted = replace(wanted, base=opened.base)
    elif any(_is_per_ticket(one) for one in changes):
        message = _("“%(name)s” gives each ticket values of its own. Use it for one ticket at a time.")
        raise WrongArguments([message % {"name": named}])
    else:
        known = KnownTicket("", {}, schema)
    filled = fill(changes, known, Moment.of(user, timezone.localdate()))
    if filled.problems:
        raise WrongArguments(filled.problems)
    edit = read_edit(filled.texts, cleared=filled.cleared, base=known.values, schema=known.schema)
    return replace(wanted, edit=Edit({**edit.wishes, **wanted.edit.wishes}))


def _is_per_ticket(change: RecipeChange) -> bool:
    """Return whether it gives different values for different tickets."""
    return change.do.adds or any({"customer", "code"} & placeholders_in(text) for text in change.texts)


def _changes(user: User, named: str) -> tuple[RecipeChange, ...]:
    found = recipes_named(user, named)
    if not found:
        raise WrongArguments([_("%(user)s has no recipe “%(name)s”.") % {"user": user, "name": named[:80]}])
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:8])
        raise WrongArguments([_("Several recipes start like this: %(names)s.") % {"names": names}])
    return changes_of(found[0].changes)
