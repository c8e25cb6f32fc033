"""The list of tickets as the index knows it: filters, order, pages by key, totals. No remote call is made.

A filter compares known values only: a row whose status is unknown fits "unknown" and no other status. Pages
go on after the last row seen (a key, not an offset), so that rows that come and go neither repeat nor hide
others, and the last page costs what the first does. Rows without a value to order by come last in either
direction.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import (
    BigIntegerField,
    BinaryField,
    CharField,
    Exists,
    F,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from ticketadmin.models import IndexedTicket, IndexedValue, Prepared, Slot, TicketIndex
from ticketadmin.services.index.places import Place, place_of
from ticketadmin.services.index.rows import CUSTOMER, ListedFields, value_key
from ticketadmin.services.index.searching import Matches, holding, matching_words, walking
from ticketadmin.services.index.words import terms_in
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.ordering import sort_key

ROWS_ON_PAGE = 50
READ_AT_ONCE = 500  # rows of an export
MAX_ROWS_COUNTED = 10_000  # above this a total is "more than"
MAX_MATCHING = 10_000  # "all that match": what one bulk update takes
MAX_ROWS_SAMPLED = 500  # newest rows that show whether what is counted is frequent
FREQUENT_SHARE = 0.1  # of the rows
OF_CUSTOMER = 5  # tickets of a customer beside the form of another
SHOWN_COLUMNS = (
    "code",
    "values",
    "expected_on",
    "created_at",
    "updated_at",
    "read_at",
    "read_from",
    "missing_at",
)
UNKNOWN_NAME = "?"  # the value of a status or category filter that fits rows of which it is not known


class Due(StrEnum):
    """How a ticket's expected date relates to today. A ticket that is done is never due."""

    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"


# The columns that are ordered by their own values; all others are by the bytes of a sort key.
_PLAIN: dict[str, tuple[str, type]] = {
    "number": ("number", int),
    "expected": ("expected_on", date),
    "created": ("created_at", datetime),
    "updated": ("updated_at", datetime),
}


class Sort(StrEnum):
    """The columns that the list can be ordered by; a listed custom field is named by its key instead."""

    NUMBER = "number"
    CODE = "code"
    TITLE = "title"
    CUSTOMER = "customer"
    EMAIL = "email"
    PHONE = "phone"
    CATEGORY = "category"
    STATUS = "status"
    EXPECTED = "expected"
    CREATED = "created"
    UPDATED = "updated"

    @property
    def column(self) -> str:
        """The column of the index that holds its order."""
        return _PLAIN[self][0] if self in _PLAIN else f"{self.value}_key"


@dataclass(frozen=True)
class Order:
    """By which column, and in which direction. `name` is a Sort or `custom_fields.<key>`."""

    name: str = Sort.UPDATED.value
    is_descending: bool = True

    @property
    def is_custom(self) -> bool:
        """Whether this is the order of a listed custom field."""
        return self.name.startswith(CUSTOM_PREFIX)

    @property
    def column(self) -> str:
        """The column, or annotation, that rows are ordered by."""
        return "custom_key" if self.is_custom else Sort(self.name).column

    @property
    def key_type(self) -> type:
        """The type of the values in that column."""
        return _PLAIN[self.name][1] if self.name in _PLAIN else bytes


@dataclass(frozen=True)
class ListFilters:
    """Filters of the list; empty means any. Names compare folded, several of a kind fit any of them.

    `done` are the names of statuses that mean "done", needed for `not_done` and `due`. `mine`, `drafts` and
    `codes` are codes to choose from; None means that it does not matter.
    """

    text: str = ""
    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    customer: str = ""
    not_done: bool = False
    due: str = ""
    expected_from: date | None = None
    expected_to: date | None = None
    custom: tuple[tuple[str, str], ...] = ()
    changed_since: datetime | None = None
    codes: tuple[str, ...] | None = None
    done: tuple[str, ...] = ()
    today: date | None = None

    @property
    def is_status_alone(self) -> bool:
        """Whether the counters hold the total: the filters name only statuses, or nothing."""
        others = (
            self.text, self.categories, self.customer, self.due, self.expected_from, self.expected_to,
            self.custom, self.changed_since,
        )  # fmt: skip
        return not any(others) and self.codes is None


@dataclass(frozen=True)
class Total:
    """The number of rows that fit; with `is_more`, counting stopped at the limit."""

    count: int
    is_more: bool = False


@dataclass(frozen=True)
class PageOfTickets:
    """One page of rows, and the places of the pages before and after it ("" if there is none)."""

    rows: tuple[IndexedTicket, ...]
    next: str = ""
    previous: str = ""
    is_first: bool = False  # read from the beginning

    @property
    def total(self) -> Total | None:
        """How many rows fit, where this page holds them all; None if it holds a part of them."""
        is_whole = (self.rows or self.is_first) and not (self.next or self.previous)
        return Total(len(self.rows)) if is_whole else None


@dataclass(frozen=True)
class Query:
    """One query of the list: of which index, by which filters, in what order."""

    index: TicketIndex
    filters: ListFilters = field(default_factory=ListFilters)
    order: Order = field(default_factory=Order)
    listed: ListedFields = field(default_factory=lambda: ListedFields({}))

    @property
    def is_whole(self) -> bool:
        """Whether every ticket fits, in an order that is a column."""
        filters = self.filters
        is_free = filters.is_status_alone and not filters.statuses and not filters.not_done
        return is_free and not self.order.is_custom

    @property
    def is_narrow(self) -> bool:
        """Whether the filters name a few rows one by one: these are sorted, not walked to."""
        return self.filters.codes is not None or any(one.are_few for one in self._words.values())

    def rows(self, *, in_order: bool = False, walked: bool = False) -> QuerySet[IndexedTicket]:
        """Return the rows that fit, in no order, or to be read `in_order`.

        Missing tickets show only if they are searched for. Where the table is `walked`, the customer is
        looked for in its own column alone: to find it anywhere first is what the index of words is for.
        """
        filters = self.filters
        shown = Q() if filters.text or filters.codes is not None else Q(missing_at=None)
        named = [_named("status_key", filters.statuses), _named("category_key", filters.categories)]
        words = [one for text, one in self._words.items() if text == filters.text or not walked]
        held = (one.in_order if in_order else one.any_order for one in words)
        conditions = [*named, *held, *_conditions(filters), *self._custom_conditions()]
        return IndexedTicket.objects.filter(shown, *conditions, index=self.index)

    @cached_property
    def _words(self) -> Mapping[str, Matches]:
        """The conditions for the words of the query, made once for page and total."""
        texts = filter(None, (self.filters.text, self.filters.customer))
        return {text: matching_words(terms_in(text), connection) for text in texts}

    @property
    def has_frequent_words(self) -> bool:
        """Whether many of the newest rows fit, where words are looked for. One query."""
        if not self._words or self.is_narrow:
            return False
        newest = (
            IndexedTicket.objects.filter(index=self.index).order_by("-pk").values("pk")[:MAX_ROWS_SAMPLED]
        )
        found = self.rows(walked=True).filter(pk__in=newest).order_by()
        return found.count() >= MAX_ROWS_SAMPLED * FREQUENT_SHARE

    def _custom_conditions(self) -> Iterator[Any]:
        for name, text in self.filters.custom:
            if name in self.listed:
                key = value_key(self.listed.kinds[name], text)
                yield Exists(IndexedValue.objects.filter(ticket=OuterRef("pk"), name=name, key=key))

    def ordered(self) -> QuerySet[IndexedTicket]:
        """Return the rows with only the columns that a list shows and the value that orders them."""
        rows = self.rows(in_order=True)
        if self.order.is_custom:
            kept = IndexedValue.objects.filter(ticket=OuterRef("pk"), name=self.order.name).exclude(key=b"")
            return rows.only(*SHOWN_COLUMNS).annotate(custom_key=Subquery(kept.values("key")[:1]))
        return rows.only(*SHOWN_COLUMNS, self.order.column)


def read_page(query: Query, place: str = "", *, size: int = ROWS_ON_PAGE) -> PageOfTickets:
    """Return a page of rows. Raises ValueError for an invalid place."""
    start = place_of(place, query.order.key_type)
    is_back = start is not None and start.is_back
    found = list(_from(query, start, size + 1))
    has_more = len(found) > size
    rows = found[:size]
    if is_back:
        rows.reverse()
    if not rows:
        return PageOfTickets((), is_first=start is None)
    before = (start is not None and not is_back) or (is_back and has_more)
    after = is_back or has_more
    return PageOfTickets(
        tuple(rows),
        next=Place(_key_of(query, rows[-1]), rows[-1].pk).spelled if after else "",
        previous=Place(_key_of(query, rows[0]), rows[0].pk, is_back=True).spelled if before else "",
    )


def total_of(query: Query, *, most: int = MAX_ROWS_COUNTED) -> Total:
    """Count the rows that fit, up to a limit."""
    walks = connection.vendor == "postgresql" and query.has_frequent_words
    with walking(connection) if walks else nullcontext():
        count = query.rows(walked=walks).order_by()[: most + 1].count()
    return Total(min(count, most), is_more=count > most)


def codes_of(query: Query) -> list[str]:
    """Return the codes of all rows that fit, in their order, up to one more than MAX_MATCHING."""
    return [row.code for row in _from(query, None, MAX_MATCHING + 1)]


def rows_in_order(query: Query) -> Iterator[IndexedTicket]:
    """Yield all rows that fit, in their order, a page at a time so that no more is held in memory."""
    place = ""
    while True:
        page = read_page(query, place, size=READ_AT_ONCE)
        yield from page.rows
        place = page.next
        if not place:
            return


def neighbours(query: Query, row: IndexedTicket) -> tuple[IndexedTicket | None, IndexedTicket | None]:
    """Return the rows before and after a row in this order."""
    key = _key_of(query, row)
    before, after = (_from(query, Place(key, row.pk, is_back), 1) for is_back in (True, False))
    return next(before, None), next(after, None)


def position_of(query: Query, row: IndexedTicket) -> Total:
    """Return the place of a row among those that fit, from 1, up to a limit."""
    ahead = 0
    for part in _parts(query, Place(_key_of(query, row), row.pk, is_back=True)):
        ahead += part.order_by()[: MAX_ROWS_COUNTED + 1].count()
    return Total(min(ahead + 1, MAX_ROWS_COUNTED), is_more=ahead >= MAX_ROWS_COUNTED)


def customer_of(index: TicketIndex, code: str) -> str:
    """Return the name of a ticket's customer, "" if the index does not know it."""
    values = IndexedTicket.objects.filter(index=index, code=code).values_list("values", flat=True).first()
    return str((values or {}).get(CUSTOMER, ""))


def of_same_customer(
    index: TicketIndex, customer: str, *, but_not: str
) -> tuple[tuple[IndexedTicket, ...], bool]:
    """Return the newest five tickets of a customer except that of one code, and whether there are more."""
    found = _OF_CUSTOMER.rows(index=index.pk, customer=sort_key(customer), but_not=but_not)
    return tuple(found[:OF_CUSTOMER]), len(found) > OF_CUSTOMER


def _of_customer() -> QuerySet[IndexedTicket]:
    rows = IndexedTicket.objects.filter(
        index_id=Slot("index", BigIntegerField()),
        customer_key=Slot("customer", BinaryField()),
        missing_at=None,
    ).exclude(code=Slot("but_not", CharField()))
    return rows.order_by(F("updated_at").desc(nulls_last=True), "-id")[: OF_CUSTOMER + 1]


_OF_CUSTOMER = Prepared(_of_customer)


def changed_count(query: Query, since: datetime) -> int:
    """Return how many rows that fit were written with other values since a moment; at most a hundred."""
    return query.rows().filter(changed_at__gt=since).order_by()[:100].count()


# --- order and places ----------------------------------------------------------------------------


def _key_of(query: Query, row: IndexedTicket) -> Any:
    if query.order.is_custom and not hasattr(row, "custom_key"):
        kept = IndexedValue.objects.filter(ticket=row, name=query.order.name).exclude(key=b"").first()
        return kept.key if kept else None
    return getattr(row, query.order.column)


def _from(query: Query, place: Place | None, most: int) -> Iterator[IndexedTicket]:
    """Yield at most `most` rows after a place in order, or before it backwards."""
    parts = _parts(query, place)
    if place is None and query.is_whole:
        first = _first_known(query.order.column, query.order.is_descending, most)
        found = first.rows(index=query.index.pk)
        yield from found
        most -= len(found)
        parts = islice(parts, 1, None)
    for part in parts if most else ():
        found = list(part[:most])
        yield from found
        most -= len(found)
        if most <= 0:
            return


@cache
def _first_known(column: str, is_descending: bool, most: int) -> Prepared[IndexedTicket]:
    """Return the query for the page that users see most, the first one of the whole list, in this order."""

    def build() -> QuerySet[IndexedTicket]:
        rows = IndexedTicket.objects.filter(index_id=Slot("index", BigIntegerField()), missing_at=None)
        return _known(rows.only(*SHOWN_COLUMNS, column), column, is_descending=is_descending)[:most]

    return Prepared(build)


def _known(rows: QuerySet[IndexedTicket], column: str, *, is_descending: bool) -> QuerySet[IndexedTicket]:
    """Return the rows with a value to order by, in their order."""
    sign = "-" if is_descending else ""
    return rows.filter(**{f"{column}__isnull": False}).order_by(f"{sign}{column}", f"{sign}id")


def _parts(query: Query, place: Place | None) -> Iterator[QuerySet[IndexedTicket]]:
    """Yield the rows after a place in two parts: those with a value to order by, then those without.

    The first page of a few rows is read in one part: there is no index of an order to walk.
    """
    column, rows = query.order.column, query.ordered()
    is_back = place is not None and place.is_back
    is_descending = query.order.is_descending is not is_back
    sign = "-" if is_descending else ""
    if place is None and query.is_narrow:
        value = OrderBy(F(column), descending=is_descending, nulls_last=True)
        yield rows.order_by(value, f"{sign}id")
        return
    step = "lt" if is_descending else "gt"
    known = _known(rows, column, is_descending=is_descending)
    unknown = rows.filter(**{f"{column}__isnull": True}).order_by(f"{sign}id")
    if place is None:
        yield from (known, unknown)
    elif place.key is None:
        yield unknown.filter(**{f"id__{step}": place.pk})
        yield from [known] if is_back else []
    else:
        beside = Q(**{f"{column}__{step}": place.key}) | Q(**{column: place.key, f"id__{step}": place.pk})
        yield known.filter(beside, **{f"{column}__{step}e": place.key})
        yield from [] if is_back else [unknown]


# --- filters -------------------------------------------------------------------------------------


def _named(column: str, names: tuple[str, ...]) -> Q:
    """Return the condition for any of these names; UNKNOWN_NAME fits rows of which it is not known."""
    if not names:
        return Q()
    condition = Q(**{f"{column}__in": [sort_key(name) for name in names if name != UNKNOWN_NAME]})
    return condition | Q(**{f"{column}__isnull": True}) if UNKNOWN_NAME in names else condition


def _conditions(filters: ListFilters) -> Iterator[Q]:
    # Of rows that hold the words anywhere, which is quick to find.
    yield from (holding(term, "customer_words") for term in terms_in(filters.customer))
    done = [sort_key(name) for name in filters.done]
    if filters.not_done:
        yield Q(status_key__isnull=False) & ~Q(status_key__in=done)
    if filters.due:
        yield _due(filters)
        yield Q(status_key__isnull=True) | ~Q(status_key__in=done)
    if filters.expected_from:
        yield Q(expected_on__gte=filters.expected_from)
    if filters.expected_to:
        yield Q(expected_on__lte=filters.expected_to)
    if filters.changed_since:
        yield Q(updated_at__gte=filters.changed_since)
    if filters.codes is not None:
        yield Q(code__in=filters.codes)


def _due(filters: ListFilters) -> Q:
    today = filters.today or date.today()  # noqa: DTZ011 - callers name the day
    if filters.due == Due.OVERDUE:
        return Q(expected_on__lt=today)
    last = today if filters.due == Due.TODAY else today + timedelta(days=7)
    return Q(expected_on__gte=today, expected_on__lte=last)
