"""Pages by key, newest first: a page costs the same at the end of a million rows as at the start."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

ROWS_AT_ONCE = 500  # read or written by one statement when all rows are processed

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class PageOfRows(Generic[_Row]):
    """The rows of a page; `next_before` leads to the next page, if there is one."""

    rows: tuple[_Row, ...]
    next_before: int | None = None


def page_of(rows: QuerySet[Any], size: int) -> PageOfRows[Any]:
    """Return the first rows of a query that is ordered by descending keys."""
    found = tuple(rows[: size + 1])
    return PageOfRows(found[:size], found[size - 1].pk if len(found) > size else None)


def rows_of_all(page: Callable[[int | None], PageOfRows[_Row]]) -> Iterator[_Row]:
    """Yield the rows of every page, so that memory does not grow with them."""
    shown = page(None)
    yield from shown.rows
    while shown.next_before is not None:
        shown = page(shown.next_before)
        yield from shown.rows
