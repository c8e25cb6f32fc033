"""What a list of tickets shows and needs besides its rows, read by one query."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, CharField, Exists, QuerySet

from ticketadmin.models import Draft, Prepared, Recipe, Slot, TicketIndex, User, rows_in
from ticketadmin.services.crm.choices import choices_columns, choices_in
from ticketadmin.services.crm.clock import PreparedClock
from ticketadmin.services.index.counters import Counted, counts_column, counts_in
from ticketadmin.services.index.omnibox import drafts_column
from ticketadmin.services.index.rows import current_address, current_index
from ticketadmin.services.operations.heartbeats import living_rows
from ticketadmin.services.recipes.keep import recipe_names_column, recipe_names_in
from ticketadmin.services.values.choices import Choices


@dataclass(frozen=True)
class Overview:
    """The index of the CRM address in the settings, the database's time, and what the list shows of a user.

    `drafts` are the user's newest, without what was typed; of `recipes` the names are known.
    """

    index: TicketIndex
    now: datetime
    has_worker: bool
    counted: tuple[Counted, ...]
    choices: Choices
    drafts: tuple[Draft, ...]
    recipes: tuple[Recipe, ...]


def overview_for(user: User) -> Overview:
    """Return all of it, by one query, without a remote call."""
    found = _OVERVIEW.first(address=current_address(), user=user.pk)
    if found is None:
        current_index()  # creates the row
        return overview_for(user)
    return Overview(
        index=found,
        now=found.now,
        has_worker=bool(found.has_worker),
        counted=counts_in(found.counted),
        choices=choices_in(found),
        drafts=rows_in(Draft, found.drafts),
        recipes=recipe_names_in(found.recipes),
    )


def _overview() -> QuerySet[Any]:
    user = Slot("user", BigIntegerField())
    return TicketIndex.objects.filter(address=Slot("address", CharField())).annotate(
        now=PreparedClock(),
        has_worker=Exists(living_rows()),
        counted=counts_column(),
        drafts=drafts_column(user),
        recipes=recipe_names_column(user),
        **choices_columns(),
    )


_OVERVIEW = Prepared(_overview)
