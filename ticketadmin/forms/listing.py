"""The tickets page's address: filters, order, columns and place, read leniently; and views kept under a name.

Parts of an address that are wrong or name what no longer exists are dropped and listed instead of being an
error: addresses are kept in views, bookmarks and mails for years.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.models import SavedView, User
from ticketadmin.services.crm.statuses import Statuses
from ticketadmin.services.index.listing import UNKNOWN_NAME, Due, ListFilters, Order, Sort
from ticketadmin.services.index.omnibox import MAX_CODES, drafted_codes, own_codes
from ticketadmin.services.index.places import place_of
from ticketadmin.services.index.rows import ListedFields
from ticketadmin.services.index.spelling import NamedColumn, name_in_index
from ticketadmin.services.values.choices import ChoiceList, Choices
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.text import folded
from ticketadmin.ticketapi.client import CODE

MAX_FILTER_TEXT = 200
MAX_FILTER_NAMES = 50
MAX_NAMES_LOOKED_UP = 5  # names in one address that neither the CRM nor any ticket has, a query each
MAX_VIEWS = 100  # of one user
STANDARD_COLUMNS = tuple(one.value for one in Sort if one not in {Sort.NUMBER, Sort.CODE})
DEFAULT_COLUMNS = ("title", "status", "category", "customer", "expected", "updated")
DEFAULT_ORDER = Order()
FILTERS = (
    "text", "status", "category", "customer", "not_done", "due", "expected_from", "expected_to", "field",
    "value", "changed_since", "mine", "drafts", "codes",
)  # fmt: skip


@dataclass(frozen=True)
class ListRequest:
    """What an address means. `query` is its valid part, `dropped` describes the rest."""

    filters: ListFilters
    order: Order
    columns: tuple[str, ...]
    place: str
    query: QueryDict
    dropped: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return any(name in self.query for name in FILTERS)

    def address(self, **changes: str | Sequence[str] | None) -> str:
        """Return the query with changes: a text or texts replace a parameter, None leaves it out."""
        changed = {name: _encoded(name, [] if value is None else value) for name, value in changes.items()}
        return "&".join(filter(None, (self._parameters | changed).values()))

    @cached_property
    def _parameters(self) -> dict[str, str]:
        """The parameters, encoded: a page has dozens of addresses that differ in one."""
        return {name: _encoded(name, values) for name, values in self.query.lists() if name != "place"}


def _encoded(name: str, value: str | Sequence[str]) -> str:
    return urlencode({name: value}, doseq=True)


@dataclass
class _Reader:
    """Reads one address and records what it drops."""

    query: QueryDict
    kept: QueryDict = field(default_factory=lambda: QueryDict(mutable=True))
    dropped: list[str] = field(default_factory=list)

    def drop(self, value: str, why: str) -> None:
        self.dropped.append(why % {"value": value[:60]})

    def text(self, name: str) -> str:
        value = self.query.get(name, "").strip()[:MAX_FILTER_TEXT]
        if value:
            self.kept[name] = value
        return value

    def flag(self, name: str) -> bool:
        is_set = bool(self.query.get(name))
        if is_set:
            self.kept[name] = "on"
        return is_set

    def day(self, name: str) -> date | None:
        text = self.query.get(name, "").strip()
        if not text:
            return None
        try:
            found = date.fromisoformat(text[:10])
        except ValueError:
            self.drop(text, _("“%(value)s” is not a date, so this filter is ignored."))
            return None
        self.kept[name] = found.isoformat()
        return found

    def names(self, name: str, column: NamedColumn, listed: ChoiceList, why: str) -> tuple[str, ...]:
        """Return names that the CRM has, or that tickets still have which it took from its list since."""
        known = {folded(one): one for one in listed.names}
        found: dict[str, None] = {}
        for text in self.query.getlist(name)[:MAX_FILTER_NAMES]:
            value = text.strip()[:MAX_FILTER_TEXT]
            spelled = value if value == UNKNOWN_NAME or not listed.is_known else known.get(folded(value))
            if value and not spelled and len(self.dropped) < MAX_NAMES_LOOKED_UP:
                spelled = name_in_index(column, value)
            if value and not spelled:
                self.drop(value, why)
            elif spelled:
                found[spelled] = None
        if found:
            self.kept.setlist(name, list(found))
        return tuple(found)


def read_request(
    query: QueryDict,
    *,
    choices: Choices,
    statuses: Statuses,
    listed: ListedFields,
    user: User,
    columns: str = "",
) -> ListRequest:
    """Return what the address of the tickets page means. `columns` are those that the user has stored."""
    reader = _Reader(query)
    filters = _filters(reader, choices, statuses, listed, user)
    order = _order(reader, listed)
    place = reader.query.get("place", "")
    try:
        place_of(place)
    except ValueError:
        reader.drop(place, _("That page of the list is not there, so this is the first."))
        place = ""
    chosen = _columns(reader, listed, columns)
    return ListRequest(filters, order, chosen, place, reader.kept, tuple(reader.dropped))


def _filters(
    reader: _Reader, choices: Choices, statuses: Statuses, listed: ListedFields, user: User
) -> ListFilters:
    no_status = _("The CRM has no status “%(value)s”, so this filter is ignored.")
    no_category = _("The CRM has no category “%(value)s”, so this filter is ignored.")
    since = reader.day("changed_since")
    return ListFilters(
        text=reader.text("text"),
        statuses=reader.names("status", NamedColumn.STATUS, choices.statuses, no_status),
        categories=reader.names("category", NamedColumn.CATEGORY, choices.categories, no_category),
        customer=reader.text("customer"),
        not_done=reader.flag("not_done"),
        due=_due(reader),
        expected_from=reader.day("expected_from"),
        expected_to=reader.day("expected_to"),
        custom=_custom(reader, listed),
        changed_since=timezone.make_aware(datetime.combine(since, time())) if since else None,
        codes=_codes(reader, user),
        done=tuple(one.name for one in statuses.all if one.is_done),
        today=timezone.localdate(),
    )


def _due(reader: _Reader) -> str:
    value = reader.query.get("due", "")
    if value in list(Due):
        reader.kept["due"] = value
        return value
    if value:
        reader.drop(value, _("“%(value)s” is not a period that the list knows, so this filter is ignored."))
    return ""


def _custom(reader: _Reader, listed: ListedFields) -> tuple[tuple[str, str], ...]:
    name, value = (
        reader.query.get("field", "").strip(),
        reader.query.get("value", "").strip()[:MAX_FILTER_TEXT],
    )
    if not name or not value:
        return ()
    if CUSTOM_PREFIX + name not in listed:
        reader.drop(name, _("The field “%(value)s” is not in the list any more, so this filter is ignored."))
        return ()
    reader.kept["field"], reader.kept["value"] = name, value
    return ((CUSTOM_PREFIX + name, value),)


def _codes(reader: _Reader, user: User) -> tuple[str, ...] | None:
    wanted: list[Callable[[], frozenset[str]]] = []
    if reader.flag("mine"):
        wanted.append(lambda: own_codes(user))
    if reader.flag("drafts"):
        wanted.append(lambda: frozenset(drafted_codes(user)))
    named = [code for code in reader.query.get("codes", "")[:40_000].split(",") if CODE.fullmatch(code)]
    named = list(dict.fromkeys(named))[:MAX_CODES]
    if named:
        reader.kept["codes"] = ",".join(named)
        wanted.append(lambda: frozenset(named))
    if not wanted:
        return None
    return tuple(sorted(frozenset.intersection(*(codes() for codes in wanted))))


def _order(reader: _Reader, listed: ListedFields) -> Order:
    text = reader.query.get("sort", "")
    name = text.removeprefix("-")
    if not text:
        return DEFAULT_ORDER
    if name not in list(Sort) and name not in listed:
        reader.drop(text, _("The list cannot be sorted by “%(value)s”, so the last changed come first."))
        return DEFAULT_ORDER
    reader.kept["sort"] = text
    return Order(name, is_descending=text.startswith("-"))


def _columns(reader: _Reader, listed: ListedFields, kept: str) -> tuple[str, ...]:
    """Return the columns of an address, which a view keeps, else those of the user, else the usual ones."""
    in_address = reader.query.get("columns", "")
    known = [one for one in (in_address or kept).split(",") if one in STANDARD_COLUMNS or one in listed]
    if in_address and known:
        reader.kept["columns"] = ",".join(known)
    return tuple(dict.fromkeys(known)) or DEFAULT_COLUMNS


class SavedViewForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name for the current filters, order and columns."""

    class Meta:
        model = SavedView
        fields = ["name", "query", "is_shared"]

    def save_for(self, user: User) -> tuple[SavedView, bool] | None:
        """Save the view, replacing one of the same name; it is shared only if the user may share.

        Returns it and whether it is new; None, and nothing is kept, if the user has MAX_VIEWS others.
        """
        others = SavedView.objects.filter(owner=user).exclude(name=self.cleaned_data["name"])
        if others.count() >= MAX_VIEWS:
            return None
        return SavedView.objects.update_or_create(
            owner=user,
            name=self.cleaned_data["name"],
            defaults={
                "query": self.cleaned_data["query"].lstrip("?"),
                "is_shared": self.cleaned_data["is_shared"] and user.may("share_views"),
            },
        )
