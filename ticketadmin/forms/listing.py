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
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from ticketadmin.models import SavedView, User
from ticketadmin.services.crm.statuses import Statuses
from ticketadmin.services.index.listing import UNKNOWN_NAME, Due, ListFilters, Order, Sort
from ticketadmin.services.index.omnibox import MAX_CODES, drafted_codes, own_codes
from ticketadmin.services.index.places import place_of
from ticketadmin.services.index.rows import ListedFields
from ticketadmin.services.index.spelling import NamedColumn, name_in_index
from ticketadmin.services.index.words import MAX_SEARCH_QUERY, MAX_SEARCH_WORDS, searched_part, terms_in
from ticketadmin.services.values.choices import ChoiceList, Choices
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.numbers import FIRST_YEAR
from ticketadmin.text import folded
from ticketadmin.ticketapi.client import CODE

MAX_FILTER_TEXT = 200
MAX_LEFT_OUT_SHOWN = 2_000  # characters of a search or filter beyond its limit
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

    def words(self, name: str) -> str:
        """Return the words to search for; what exceeds the limits of a search is shown, to be copied."""
        typed = self.query.get(name, "").strip()
        searched = searched_part(typed)
        if left := typed[len(searched) :].strip():
            text = _(
                "A search looks for the first %(words)d words and %(most)d characters. Left out: %(left)s"
            )
            limits = {"words": MAX_SEARCH_WORDS, "most": MAX_SEARCH_QUERY}
            self.dropped.append(text % {**limits, "left": Truncator(left).chars(MAX_LEFT_OUT_SHOWN)})
        if searched and not terms_in(searched):
            self.drop(searched, _("“%(value)s” has no word to search for, so it is ignored."))
            return ""
        return self._keep(name, searched)

    def text(self, name: str) -> str:
        """Return a text that a field has to contain. What is beyond its limit is named, to be copied."""
        typed = self.query.get(name, "").strip()
        if left := typed[MAX_FILTER_TEXT:]:
            text = _("A filter looks at the first %(most)d characters. Left out: %(left)s")
            shown = Truncator(left).chars(MAX_LEFT_OUT_SHOWN)
            self.dropped.append(text % {"most": MAX_FILTER_TEXT, "left": shown})
        return self._keep(name, typed[:MAX_FILTER_TEXT])

    def _keep(self, name: str, value: str) -> str:
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
            found = None
        if found is None or found.year < FIRST_YEAR:  # the calendar's first day has no beginning in UTC
            self.drop(text, _("“%(value)s” is not a date, so this filter is ignored."))
            return None
        self.kept[name] = found.isoformat()
        return found

    def names(self, name: str, column: NamedColumn, listed: ChoiceList, why: str) -> tuple[str, ...]:
        """Return names that the CRM has, or that tickets still have which it took from its list since."""
        known = {folded(one): one for one in listed.names}
        found: dict[str, None] = {}
        for text in self.query.getlist(name):
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
        place_of(place, order.key_type)
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
        text=reader.words("text"),
        statuses=reader.names("status", NamedColumn.STATUS, choices.statuses, no_status),
        categories=reader.names("category", NamedColumn.CATEGORY, choices.categories, no_category),
        customer=reader.words("customer"),
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
    name, value = reader.query.get("field", "").strip(), reader.query.get("value", "").strip()
    if not name or not value:
        return ()
    if CUSTOM_PREFIX + name not in listed:
        reader.drop(name, _("The field “%(value)s” is no longer in the list, so this filter is ignored."))
        return ()
    reader.kept["field"] = name
    return ((CUSTOM_PREFIX + name, reader.text("value")),)


def _codes(reader: _Reader, user: User) -> tuple[str, ...] | None:
    wanted: list[Callable[[], frozenset[str]]] = []
    if reader.flag("mine"):
        wanted.append(lambda: own_codes(user))
    if reader.flag("drafts"):
        wanted.append(lambda: frozenset(drafted_codes(user)))
    if named := _named_codes(reader):
        reader.kept["codes"] = ",".join(named)
        wanted.append(lambda: frozenset(named))
    if not wanted:
        return None
    return tuple(sorted(frozenset.intersection(*(codes() for codes in wanted))))


def _named_codes(reader: _Reader) -> list[str]:
    """Return the ticket codes of an address; other texts, and codes beyond MAX_CODES, are reported."""
    pieces = dict.fromkeys(filter(None, map(str.strip, reader.query.get("codes", "").split(","))))
    codes = [piece for piece in pieces if CODE.fullmatch(piece)]
    if wrong := [piece for piece in pieces if not CODE.fullmatch(piece)]:
        text = _("These are not ticket codes and are left out: %(codes)s")
        reader.dropped.append(text % {"codes": Truncator(", ".join(wrong)).chars(MAX_LEFT_OUT_SHOWN)})
    if more := codes[MAX_CODES:]:
        text = _("A list shows at most %(most)d tickets by their codes. Left out: %(codes)s")
        shown = Truncator(", ".join(more)).chars(MAX_LEFT_OUT_SHOWN)
        reader.dropped.append(text % {"most": MAX_CODES, "codes": shown})
    return codes[:MAX_CODES]


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
    """Return the columns of an address, which a view keeps, else those of the user, else the usual ones.

    What is no column of the list is named if it is in the address; of the user's own it is left out.
    """
    in_address = dict.fromkeys(filter(None, map(str.strip, reader.query.get("columns", "").split(","))))
    known = [one for one in in_address or kept.split(",") if one in STANDARD_COLUMNS or one in listed]
    if others := [one for one in in_address if one not in known and one != Sort.CODE]:
        names = ", ".join(one.removeprefix(CUSTOM_PREFIX) for one in others)
        text = _("The list has no such columns, so they are left out: %(columns)s")
        reader.dropped.append(text % {"columns": Truncator(names).chars(MAX_LEFT_OUT_SHOWN)})
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
