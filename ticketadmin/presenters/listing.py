"""The list of tickets as people read it: columns, cells, chips, totals. What is not known is said so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import timezone as fixed_zone

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.listing import STANDARD_COLUMNS, ListRequest
from ticketadmin.models import CustomField, FieldKind, IndexedTicket, ReadFrom
from ticketadmin.presenters.dates import readable_date
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.counters import Counted
from ticketadmin.services.index.listing import UNKNOWN, Due, Total
from ticketadmin.services.index.rows import (
    CATEGORY,
    CREATED,
    CUSTOMER,
    EMAIL,
    EXPECTED,
    PHONE,
    STATUS,
    TITLE,
    UPDATED,
)
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.ordering import sort_key

CODE = "code"
LABELS: Mapping[str, str | Promise] = {
    CODE: _("Code"),
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
_MARKED = {Due.OVERDUE, Due.TODAY}  # what the expected date is marked with
_ANY_CODE = "CODE"
VIETNAM = fixed_zone(timedelta(hours=7))  # where the CRM keeps its dates at midnight


@dataclass(frozen=True)
class Column:
    """One column: its name in addresses, its label, and where its heading leads to sort by it."""

    name: str
    label: str
    address: str = ""
    direction: str = ""  # ascending, descending or "", as aria-sort has it
    is_shown: bool = True
    cell: str = ""  # the attributes of its cells: label on small screens, and class


@dataclass(frozen=True)
class Cell:
    """One value of a row. `is_known` is False where no read showed the field.

    A plain cell shows its text and nothing else: most cells are, and a page has hundreds.
    """

    attributes: str
    text: str
    is_known: bool = True
    is_status: bool = False  # it can be changed in place
    is_plain: bool = True


@dataclass(frozen=True)
class Row:
    """One ticket of the list."""

    ticket: IndexedTicket
    code: str
    address: str  # of the ticket's page
    status_address: str
    cells: tuple[Cell, ...]
    status: Status | None
    due: str
    has_draft: bool

    @property
    def has_marks(self) -> bool:
        """Return whether there is something to say about the ticket as a whole."""
        return self.has_draft or self.is_missing or self.is_unread

    @property
    def is_overdue(self) -> bool:
        """Return whether its day has passed."""
        return self.due == Due.OVERDUE

    @property
    def is_due_today(self) -> bool:
        """Return whether its day is today."""
        return self.due == Due.TODAY

    @property
    def title(self) -> str:
        """The title, "" where it is not known."""
        return str(self.ticket.values.get(TITLE, ""))

    @property
    def customer(self) -> str:
        """The customer's name, "" where it is not known."""
        return str(self.ticket.values.get(CUSTOMER, ""))

    @property
    def seen_status(self) -> str:
        """The status as it is known here, "" where it is not: a quick status compares with it."""
        return str(self.ticket.values.get(STATUS, ""))

    @property
    def is_missing(self) -> bool:
        """Whether the CRM answered that there is no such ticket any more."""
        return self.ticket.missing_at is not None

    @property
    def is_unread(self) -> bool:
        """Whether its newest values were sent here and could not be read back."""
        return self.ticket.read_from == ReadFrom.SENT


@dataclass(frozen=True)
class Chip:
    """A status with its number of tickets, which filters by it, or no longer does."""

    name: str | Promise
    hue: str
    tickets: int
    address: str
    is_on: bool


def columns_of(request: ListRequest, described: Sequence[CustomField]) -> list[Column]:
    """Return all columns that there are: that of the code, which is always shown, then the others."""
    labels = {**LABELS, **{CUSTOM_PREFIX + one.key: one.label for one in described}}
    names = [CODE, *STANDARD_COLUMNS, *(CUSTOM_PREFIX + one.key for one in described)]
    return [_column(name, labels[name], request) for name in names]


def _column(name: str, label: str | Promise, request: ListRequest) -> Column:
    is_sorted = request.order.name == name
    is_descending = is_sorted and request.order.is_descending
    direction = ("descending" if is_descending else "ascending") if is_sorted else ""
    starts_descending = name in {"updated", "created"}
    flips = not is_descending if is_sorted else starts_descending
    address = request.address(sort=("-" if flips else "") + name)
    is_shown = name == CODE or name in request.columns
    cell = format_html('data-label="{}" class="table__{}"', label, slugify(name))
    return Column(name, str(label), address, direction, is_shown, cell)


def rows_of(
    tickets: Collection[IndexedTicket],
    columns: Sequence[Column],
    statuses: Statuses,
    drafted: Collection[str],
    described: Sequence[CustomField],
    *,
    suffix: str = "",
) -> list[Row]:
    """Return the rows to show.

    `drafted` are codes of which the user has a draft; `suffix` ends the address of each ticket.
    """
    today = timezone.localdate()
    custom = {CUSTOM_PREFIX + one.key: one for one in described}
    shown = [one for one in columns if one.name != CODE]
    addresses = _Addresses("ticket"), _Addresses("quick_status")
    rows = []
    for ticket in tickets:
        name = ticket.values.get(STATUS)
        status = statuses.named(name) if name else None
        due = due_of(ticket, status, today)
        cells = tuple(_cell(ticket, one, custom, is_due=due in _MARKED) for one in shown)
        page, status_page = (one.of(ticket.code) for one in addresses)
        has_draft = ticket.code in drafted
        rows.append(Row(ticket, ticket.code, page + suffix, status_page, cells, status, due, has_draft))
    return rows


class _Addresses:
    """The addresses of one view for many tickets: the pattern is looked up once."""

    def __init__(self, view: str) -> None:
        self._before, _code, self._after = reverse(view, args=[_ANY_CODE]).rpartition(_ANY_CODE)

    def of(self, code: str) -> str:
        return f"{self._before}{code}{self._after}"


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


def option_labels(described: CustomField, text: str) -> str:
    """Return the labels of the options that the index keeps as one text."""
    labels = dict(described.choices)
    return ", ".join(labels.get(one, one) for one in text.split(", "))


def _cell(ticket: IndexedTicket, column: Column, custom: Mapping[str, CustomField], *, is_due: bool) -> Cell:
    name = field_of(column.name)
    if name == STATUS:
        return Cell(column.cell, "", is_status=True, is_plain=False)
    if name not in ticket.values:
        return Cell(column.cell, "", is_known=False, is_plain=False)
    text = str(ticket.values[name])
    if name == EXPECTED:
        text = readable_date(text)
    elif name in {CREATED, UPDATED}:
        text = _moment(ticket.created_at if name == CREATED else ticket.updated_at, text)
    elif name in custom:
        text = _custom_text(custom[name], text)
    return Cell(column.cell, text, is_plain=not (name == EXPECTED and is_due))


def _moment(moment: datetime | None, text: str) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else text


def _custom_text(described: CustomField, text: str) -> str:
    if described.kind in {FieldKind.SELECT, FieldKind.MULTI_SELECT}:
        return option_labels(described, text)
    if described.kind == FieldKind.EPOCH_DATE and text.isdecimal() and len(text) <= 10:
        return date_format(datetime.fromtimestamp(int(text), VIETNAM), "DATE_FORMAT")
    return readable_date(text) if described.kind == FieldKind.DATE else text


def chips_of(request: ListRequest, statuses: Statuses, counted: Sequence[Counted]) -> list[Chip]:
    """Return a chip for each status of the CRM, in its order, and one for tickets of unknown status."""
    numbers = {one.key: one for one in counted}
    found = []
    for one in statuses.all:
        number = numbers.pop(sort_key(one.name), None)
        found.append(_chip(request, one.name, one.name, one.hue, number.tickets if number else 0))
    for rest in numbers.values():
        name = UNKNOWN if rest.is_unknown else rest.name
        label = _("status not known") if rest.is_unknown else rest.name or _("no status")
        if name:
            found.append(_chip(request, name, label, "grey", rest.tickets))
    return found


def _chip(request: ListRequest, name: str, label: str | Promise, hue: str, tickets: int) -> Chip:
    on = request.filters.statuses
    wanted = [one for one in on if one != name] if name in on else [*on, name]
    return Chip(label, hue, tickets, request.address(status=wanted or None), name in on)


def counted_total(request: ListRequest, counted: Sequence[Counted]) -> Total | None:
    """Return the total where the counters know it, None where rows must be counted."""
    filters = request.filters
    if not filters.is_status_alone:
        return None
    wanted = {sort_key(name) for name in filters.statuses if name != UNKNOWN}
    done = {sort_key(name) for name in filters.done} if filters.not_done else set()
    total = 0
    for one in counted:
        fits = not filters.statuses or one.key in wanted or (one.is_unknown and UNKNOWN in filters.statuses)
        if fits and one.key not in done and not (filters.not_done and one.is_unknown):
            total += one.tickets
    return Total(total)
