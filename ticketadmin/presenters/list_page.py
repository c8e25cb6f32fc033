"""The tickets page, and its list, which scripts fetch alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ticketadmin.forms.listing import ListRequest
from ticketadmin.models import CustomField, Draft, Recipe, SavedView, TicketIndex, User
from ticketadmin.presenters.changes import PresentedChange
from ticketadmin.presenters.index import IndexFacts
from ticketadmin.presenters.listing import (
    Chip,
    ListColumn,
    ListRow,
    chips_of,
    columns_of,
    counted_total,
    rows_of,
)
from ticketadmin.presenters.neighbours import carried
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.page import Page, page
from ticketadmin.services.bulk.contents import MAX_WITH_CONTENTS
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.listing import UNKNOWN_NAME, Query, Sort, Total, read_page, total_of
from ticketadmin.services.index.omnibox import known_codes, only_code_in
from ticketadmin.services.index.overview import Overview
from ticketadmin.services.index.rows import ListedFields
from ticketadmin.services.index.state import index_state
from ticketadmin.services.values.choices import ChoiceList
from ticketadmin.ticketapi.client import CODE


@dataclass(frozen=True)
class ListSource:
    """The inputs of a list: the query, the CRM's statuses and the state of the index."""

    asked: ListRequest
    known: Overview
    statuses: Statuses
    described: Sequence[CustomField]  # those in the list
    listed: ListedFields


@page("tickets/_list.html")
class TicketList(Page):
    """The list: a part of the tickets page, and a fragment for a script."""

    asked: ListRequest
    query: str
    columns: tuple[ListColumn, ...]  # those shown
    other_columns: tuple[ListColumn, ...]  # all but the first, which is always shown
    rows: tuple[ListRow, ...]
    suffix: str  # of the addresses of their tickets: leads back to this list
    next: str
    previous: str
    total: Total
    index: IndexFacts
    chips: tuple[Chip, ...]
    recipes: tuple[Recipe, ...]
    since: str  # ISO
    unknown_codes: tuple[str, ...]
    maybe_code: str  # if no ticket matches: the code that the text searched for may be
    most_contents: int = MAX_WITH_CONTENTS

    @property
    def view_query(self) -> str:
        """The query that a saved view keeps: with the columns that are shown."""
        return self.asked.address(columns=",".join(one.name for one in self.columns if one.name != Sort.CODE))


@dataclass(frozen=True)
class NameToChoose:
    """A status or a category as a filter offers it."""

    name: str
    label: str


def names_to_choose(
    listed: ChoiceList, names: Sequence[str], chosen: Sequence[str]
) -> tuple[NameToChoose, ...]:
    """Return the names that a filter offers: the CRM's, then chosen ones that it took from its list."""
    gone = [name for name in chosen if name not in {*names, UNKNOWN_NAME}]
    label = _("%(name)s (no longer in the CRM's list)") if listed.is_known else "%(name)s"
    shown = {name: name for name in names} | {name: label % {"name": name} for name in gone}
    return tuple(NameToChoose(*pair) for pair in shown.items())


@page("tickets/tickets.html")
class TicketsPage(Page):
    """The tickets page: the list with its filters, and what the user did last."""

    list: TicketList
    statuses: tuple[Status, ...]
    filter_statuses: tuple[NameToChoose, ...]
    filter_categories: tuple[NameToChoose, ...]
    described: tuple[CustomField, ...]
    views: tuple[SavedView, ...]
    drafts: tuple[Draft, ...]
    recent: tuple[PresentedChange, ...]
    omitted: Notice | None

    @property
    def asked(self) -> ListRequest:
        """What the address asks for."""
        return self.list.asked


def present_list(source: ListSource, user: User) -> TicketList:
    """Return the list for a query. Rows are counted only if neither counters nor page give the total."""
    asked, index, statuses = source.asked, source.known.index, source.statuses
    query = Query(index, asked.filters, asked.order, source.listed)
    found, counted = read_page(query, asked.place), source.known.counted
    every = columns_of(asked, source.described)
    columns = tuple(one for one in every if one.is_shown)
    drafted = frozenset(one.ticket_code for one in source.known.drafts)
    text = asked.filters.text
    return TicketList(
        asked=asked,
        query=asked.address(),
        columns=columns,
        other_columns=tuple(every[1:]),
        rows=tuple(rows_of(found.rows, columns, statuses, drafted, source.described)),
        suffix=carried(asked.address()),
        next=asked.address(place=found.next) if found.next else "",
        previous=asked.address(place=found.previous) if found.previous else "",
        total=counted_total(asked, counted) or found.total or total_of(query),
        index=IndexFacts(index_state(index, counted), source.known.has_worker),
        chips=tuple(chips_of(asked, statuses, counted)),
        recipes=source.known.recipes if user.may("run_bulk_updates") else (),
        since=source.known.now.isoformat(),
        unknown_codes=_unknown(index, asked.query.get("codes", "")),
        maybe_code=_maybe_code(index, text) if text and not found.rows else "",
    )


def _unknown(index: TicketIndex, codes: str) -> tuple[str, ...]:
    """Return the codes of an address that the index does not know; each may be opened nevertheless."""
    named = codes.split(",") if codes else []
    known = set(index.tickets.filter(code__in=named).values_list("code", flat=True)) if named else set()
    return tuple(code for code in named if code not in known)


def _maybe_code(index: TicketIndex, text: str) -> str:
    """Return the code of the one ticket that a text names, or the text itself where it could be a code."""
    return only_code_in(text, known_codes(index, text)) or (text if CODE.fullmatch(text) else "")
