"""Every table that holds data of tickets, and how its rows are found and removed.

Erasing and the retention settings both go through STORES, so that a new table needs one line here for both.
A test compares it with the models: one with a ticket's code or with JSON is listed or named as holding none.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Min, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import (
    BulkFile,
    BulkItem,
    BulkUpdate,
    Change,
    Draft,
    IndexedTicket,
    Presence,
    Recipe,
    SavedView,
    Snippet,
)
from ticketadmin.services.index.forget import forget_tickets
from ticketadmin.services.paging import ROWS_AT_ONCE

WINDOW = 5_000  # ids that one statement looks at, so that each stays far below the database's time limit


@dataclass(frozen=True)
class Store:
    """One table of rows that belong to a ticket.

    `code` is the column of the ticket's code, `texts` are the columns that may hold an e-mail address.
    """

    name: str
    label: str | Promise
    model: type[Model]
    code: str = "ticket_code"
    texts: tuple[str, ...] = ()

    def rows_of(self, codes: Collection[str]) -> QuerySet[Any]:
        """Return the rows of these tickets."""
        return self.model._default_manager.filter(**{f"{self.code}__in": list(codes)})

    def codes_with(self, address: str) -> set[str]:
        """Return the codes of the tickets in whose rows the address occurs."""
        rows = rows_with(self.model, self.texts, address) if self.texts else ()
        return {getattr(row, self.code) for row in rows}

    def remove(self, rows: QuerySet[Any]) -> int:
        """Delete the rows and return how many there were."""
        return delete_in_chunks(rows)


class _Index(Store):
    """The ticket index, which also keeps counts by status."""

    def remove(self, rows: QuerySet[Any]) -> int:
        """Delete the rows, and subtract them from the counts."""
        return forget_tickets(set(rows.values_list("code", flat=True)))


_OF_ITEMS = ("wishes", "base", "file_base", "file_choices", "message", "recipe_stops")
STORES = (
    Store(
        "changes",
        _("changes in the history"),
        Change,
        texts=("wanted", "payload", "before", "read_back", "collateral", "message", "change_reason"),
    ),
    Store("items", _("tickets of bulk updates"), BulkItem, texts=_OF_ITEMS),
    Store("drafts", _("drafts"), Draft, texts=("inputs", "originals", "title")),
    Store("presence", _("records of who has the ticket open"), Presence),
    _Index("index", _("rows of the ticket index"), IndexedTicket, code="code", texts=("values",)),
)
# Rows that belong to no single ticket, with the columns in which an address may occur.
OF_RUNS = ("wishes", "notes", "change_reason")
SHARED: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (BulkUpdate, OF_RUNS),
    (SavedView, ("query",)),
    (Recipe, ("changes",)),
    (Snippet, ("content",)),
)


def delete_in_chunks(rows: QuerySet[Any], *, most: int | None = None) -> int:
    """Delete at most `most` rows, a bounded number per statement, and return how many were deleted."""
    gone = 0
    while most is None or gone < most:
        size = ROWS_AT_ONCE if most is None else min(ROWS_AT_ONCE, most - gone)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:size])
        if not ids:
            break
        rows.model._default_manager.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone


def forget_files() -> int:
    """Delete every kept file of bulk updates, since any row may name the ticket; return how many there were.

    The bulk updates stay as they are; only a file's questions and errors are gone.
    """
    return BulkFile.objects.all().delete()[0]


def rows_with(model: type[Model], columns: Collection[str], address: str) -> Iterator[Any]:
    """Yield the rows in whose columns the address occurs as a whole, in any case."""
    spellings = {address, json.dumps(address)[1:-1], address.replace("@", "%40")}
    wanted = Q()
    for column in columns:
        for spelling in spellings:
            wanted |= Q(**{f"{column}_text__icontains": spelling})
    texts = {f"{column}_text": Cast(column, TextField()) for column in columns}
    whole = _whole(address)
    for low, high in _windows(model):
        rows = model._default_manager.filter(pk__gte=low, pk__lt=high).alias(**texts).filter(wanted)
        for row in rows:
            if any(whole.search(text) for column in columns for text in texts_in(getattr(row, column))):
                yield row


def _windows(model: type[Model]) -> Iterator[tuple[int, int]]:
    ends = model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is not None:
        for low in range(ends["first"], ends["last"] + 1, WINDOW):
            yield low, low + WINDOW


def _whole(address: str) -> re.Pattern[str]:
    """Match the address, written plainly or for an address bar, and not as part of a longer one."""
    plain = re.escape(address).replace("@", "(?:@|%40)")
    return re.compile(rf"(?<![\w.+-]){plain}(?![\w-]|\.\w)", re.IGNORECASE)


def without_address(value: Any, address: str) -> Any:
    """Return a JSON value with the address replaced by an ellipsis in every text in it."""
    whole = _whole(address)
    if isinstance(value, str):
        return whole.sub("…", value)
    if isinstance(value, dict):
        return {name: without_address(one, address) for name, one in value.items()}
    if isinstance(value, list):
        return [without_address(one, address) for one in value]
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)
