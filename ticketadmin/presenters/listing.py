"""The list of tickets as users read it: columns, cells, chips, totals; unknown values are marked."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum, auto
from functools import cache, lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.listing import STANDARD_COLUMNS, ListRequest
from ticketadmin.models import CustomField, FieldKind, IndexedTicket, ReadFrom
from ticketadmin.presenters.dates import readable_date, readable_moment
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.counters import Counted
from ticketadmin.services.index.listing import UNKNOWN_NAME, Due, Sort, Total
from ticketadmin.services.index.rows import (
    CREATED,
    CUSTOMER,
    EMAIL,
    EXPECTED,
    PHONE,
    UPDATED,
)
from ticketadmin.services.values.fields import CATEGORY, CUSTOM_PREFIX, STATUS, TITLE
from ticketadmin.services.values.numbers import epoch_to_date
from ticketadmin.services.values.ordering import sort_key

LABELS: Mapping[str, str | Promise] = {
    Sort.CODE: _("Code"),
    "title": _("Title"),
    "status": _("Status"),
    "category": _("Category"),
    "customer": _("Customer"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "expected": _("Expected"),
    "created": _("Created"),
    "updated": _("Changed"),
}
_NAMES = {
    "title": TITLE, "status": STATUS, "category": CATEGORY, "customer": CUSTOMER, "email": EMAIL,
    "phone": PHONE, "expected": EXPECTED, "created": CREATED, "updated": UPDATED,
}  # fmt: skip
WEEK = 7


@dataclass(frozen=True)
class ListColumn:
    """One column: its name in addresses, its label, and where its heading leads to sort by it."""

    name: str
    label: str
    address: str = ""
    direction: str = ""  # ascending, descending or "": the values of aria-sort
    is_shown: bool = True
    cell: str = ""  # the attributes of its cells: label on small screens, and class


def _is_kind(name: str) -> property:
    """Return the property that tells whether a cell is of the kind of this name."""
    return property(lambda kind: kind.name == name)


class CellKind(Enum):
    """The kind of a cell: what it shows beside its text."""

    TEXT = auto()  # most cells, and a page has hundreds
    UNKNOWN = auto()  # no read showed the field
    STATUS = auto()  # it can be changed in place
    OVERDUE = auto()
    TODAY = auto()

    is_text = _is_kind("TEXT")
    is_unknown = _is_kind("UNKNOWN")
    is_status = _is_kind("STATUS")
    is_overdue = _is_kind("OVERDUE")


@dataclass(frozen=True)
class Cell:
    """One cell without its text."""

    attributes: str
    kind: CellKind


@dataclass(frozen=True, eq=False)
class RowShape:
    """The part of a row that many rows share: everything except its texts.

    The template of a row is rendered once for each (`{% same_for %}`), so `row_shape` returns the same object
    for equal values.
    """

    cells: tuple[Cell, ...]
    hue: str  # of the status, "" if none is known
    has_draft: bool
    is_missing: bool  # the CRM answered that there is no such ticket any more
    is_unread: bool  # its newest values were sent here and could not be read back


_MARKED = {Due.OVERDUE.value: CellKind.OVERDUE, Due.TODAY.value: CellKind.TODAY}


@lru_cache(maxsize=500)
def row_shape(attributes: tuple[str, ...], kinds: tuple[CellKind, ...], hue: str, *marks: bool) -> RowShape:
    """Return the shape of a row; `marks` are has_draft, is_missing and is_unread."""
    return RowShape(tuple(map(Cell, attributes, kinds)), hue, *marks)


@dataclass(frozen=True)
class ListRow:
    """One ticket of the list. `texts` are those of the cells of its shape."""

    shape: RowShape
    code: str
    status: str  # as it is known here, "" if it is not: a quick status compares with it
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Chip:
    """A status; pressing it adds or removes the filter.

    `tickets` is how many tickets of the status the other filters leave, None if that is not counted.
    """

    name: str | Promise
    hue: str
    tickets: int | None
    address: str
    is_on: bool


def columns_of(request: ListRequest, described: Sequence[CustomField]) -> list[ListColumn]:
    """Return every column: the code, which is always shown, then the others."""
    labels = {**LABELS, **{CUSTOM_PREFIX + one.key: one.label for one in described}}
    names = [Sort.CODE, *STANDARD_COLUMNS, *(CUSTOM_PREFIX + one.key for one in described)]
    return [_column(name, labels[name], request) for name in names]


def _column(name: str, label: str | Promise, request: ListRequest) -> ListColumn:
    is_sorted = request.order.name == name
    is_descending = is_sorted and request.order.is_descending
    direction = ("descending" if is_descending else "ascending") if is_sorted else ""
    starts_descending = name in {"updated", "created"}
    flips = not is_descending if is_sorted else starts_descending
    address = request.address(sort=("-" if flips else "") + name)
    is_shown = name == Sort.CODE or name in request.columns
    return ListColumn(name, str(label), address, direction, is_shown, _attributes(name, str(label)))


@lru_cache(maxsize=200)
def _attributes(name: str, label: str) -> SafeString:
    return format_html('data-label="{}" class="table__{}"', label, slugify(name))


def rows_of(
    tickets: Iterable[IndexedTicket],
    columns: Sequence[ListColumn],
    statuses: Statuses,
    drafted: Collection[str],
    described: Sequence[CustomField],
) -> list[ListRow]:
    """Return the rows to show. `drafted` are codes of which the user has a draft."""
    shown = [one for one in columns if one.name != Sort.CODE]
    attributes = tuple(one.cell for one in shown)
    cells = _Cells(shown, described)
    named = cache(statuses.named)
    today = timezone.localdate()
    rows = []
    for ticket in tickets:
        name = ticket.values.get(STATUS, "")
        status = named(name) if name else None
        kinds, texts = cells.of(ticket, status, due_of(ticket, status, today))
        marks = ticket.code in drafted, ticket.missing_at is not None, ticket.read_from == ReadFrom.SENT
        shape = row_shape(attributes, kinds, status.hue if status else "", *marks)
        rows.append(ListRow(shape, ticket.code, name, texts))
    return rows


class _Cells:
    """The cells of these columns for many tickets: how a column is read is looked up once."""

    def __init__(self, columns: Sequence[ListColumn], described: Sequence[CustomField]) -> None:
        custom = {CUSTOM_PREFIX + one.key: one for one in described}
        names = [field_of(one.name) for one in columns]
        self._columns = [(name, _READERS.get(name) or _reader(custom.get(name))) for name in names]

    def of(
        self, ticket: IndexedTicket, status: Status | None, due: str
    ) -> tuple[tuple[CellKind, ...], tuple[str, ...]]:
        """Return the kinds and the texts of a ticket's cells."""
        kinds, texts, values = [], [], ticket.values
        for name, read in self._columns:
            kind = CellKind.TEXT
            if name == STATUS:
                kind, text = CellKind.STATUS, status.name if status else "—"
            elif name not in values:
                kind, text = CellKind.UNKNOWN, "?"
            else:
                text = read(ticket, str(values[name]))
            if name == EXPECTED and kind is CellKind.TEXT:
                kind = _MARKED.get(due, kind)
            kinds.append(kind)
            texts.append(text)
        return tuple(kinds), tuple(texts)


def due_of(ticket: IndexedTicket, status: Status | None, today: date) -> str:
    """Return overdue, today, week or ""; a ticket that is done is never due."""
    if ticket.expected_on is None or (status and status.is_done):
        return ""
    days = (ticket.expected_on - today).days
    if days < 0:
        return Due.OVERDUE.value
    return Due.TODAY.value if days == 0 else Due.WEEK.value if days <= WEEK else ""


def field_of(column: str) -> str:
    """Return the API's name of the field that a column of the list shows."""
    return _NAMES.get(column, column)


_Reader = Callable[[IndexedTicket, str], str]
_READERS: Mapping[str, _Reader] = {
    EXPECTED: lambda _ticket, text: readable_date(text),
    CREATED: lambda ticket, text: _moment(ticket.created_at, text),
    UPDATED: lambda ticket, text: _moment(ticket.updated_at, text),
}


def _reader(custom: CustomField | None) -> _Reader:
    return (lambda _ticket, text: _custom_text(custom, text)) if custom else (lambda _ticket, text: text)


def _moment(moment: datetime | None, text: str) -> str:
    return readable_moment(moment) if moment else text


def _custom_text(described: CustomField, text: str) -> str:
    if described.kind in {FieldKind.SELECT, FieldKind.MULTI_SELECT}:
        labels = dict(described.choices)
        return ", ".join(labels.get(one, one) for one in text.split(", "))
    if described.kind == FieldKind.EPOCH_DATE:
        day = epoch_to_date(text)
        return date_format(day, "DATE_FORMAT") if day else text
    return readable_date(text) if described.kind == FieldKind.DATE else text


def chips_of(request: ListRequest, statuses: Statuses, counted: Sequence[Counted]) -> list[Chip]:
    """Return a chip for each status of the CRM, in its order, and one for tickets of unknown status."""
    numbers = {one.key: one if _is_left(request, one) else replace(one, tickets=0) for one in counted}
    found = []
    for one in statuses.all:
        number = numbers.pop(sort_key(one.name), None)
        found.append(_chip(request, one.name, one.name, one.hue, number.tickets if number else 0))
    for rest in numbers.values():
        name = UNKNOWN_NAME if rest.is_unknown else rest.name
        label = _("status not known") if rest.is_unknown else rest.name or _("no status")
        if name:
            found.append(_chip(request, name, label, "grey", rest.tickets))
    return found


def _chip(request: ListRequest, name: str, label: str | Promise, hue: str, tickets: int) -> Chip:
    on = request.filters.statuses
    wanted = [one for one in on if one != name] if name in on else [*on, name]
    number = tickets if request.filters.is_status_alone else None
    return Chip(label, hue, number, request.address(status=wanted or None), name in on)


def _is_left(request: ListRequest, counted: Counted) -> bool:
    """Return whether "not done" leaves the tickets of a status; it leaves out those of unknown status."""
    filters = request.filters
    done = {sort_key(name) for name in filters.done}
    return not filters.not_done or not (counted.is_unknown or counted.key in done)


def counted_total(request: ListRequest, counted: Sequence[Counted]) -> Total | None:
    """Return the total if the counters hold it, None if rows must be counted."""
    filters = request.filters
    if not filters.is_status_alone:
        return None
    wanted = {sort_key(name) for name in filters.statuses if name != UNKNOWN_NAME}
    total = 0
    for one in counted:
        fits = (
            not filters.statuses or one.key in wanted or (one.is_unknown and UNKNOWN_NAME in filters.statuses)
        )
        if fits and _is_left(request, one):
            total += one.tickets
    return Total(total)
