"""The CRM's own lists, categories and statuses: cached for minutes, usable when stale, and the
resolution of what a person typed to the CRM's own spelling.

The source of the rule is DESIGN, step 3: names compare after NFC, trimming and case-folding; the
CRM's spelling is what is sent; free text is let through only where the list cannot be had.
"""

import difflib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.models import RemoteSnapshot
from ticketadmin.services.crm.connection import READING, Reading, get_api, state_in
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.tickets import Choice

CATEGORIES = "categories"
STATUSES = "statuses"
LIST_OF_FIELD = {"cate_name": CATEGORIES, "status_name": STATUSES}
RETRY_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class ChoiceList:
    """One list of the CRM. `fetched_at` None: it was never had, so names are free text."""

    choices: tuple[Choice, ...] = ()
    fetched_at: datetime | None = None
    is_stale: bool = False

    @property
    def is_known(self) -> bool:
        """Tell whether the CRM ever gave this list."""
        return self.fetched_at is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the CRM's order and spelling."""
        return tuple(choice.name for choice in self.choices)

    def name_of(self, identity: int | None) -> str | None:
        """Return the name behind an id, or None."""
        return next(
            (choice.name for choice in self.choices if identity is not None and choice.id == identity), None
        )

    def resolve(self, typed: str) -> str:
        """Return the CRM's spelling of a typed name; the typed name itself where the list is not known.

        Raises ValidationError (code `unknown_name`) that suggests near names.
        """
        if not self.is_known:
            return typed
        spelling = {folded(name): name for name in self.names}
        if found := spelling.get(folded(typed)):
            return found
        near = [spelling[key] for key in difflib.get_close_matches(folded(typed), spelling, n=3, cutoff=0.6)]
        if near:
            message = _("The CRM has no “%(name)s”. Did you mean %(near)s?")
            raise ValidationError(
                message, code="unknown_name", params={"name": typed, "near": ", ".join(near)}
            )
        message = _("The CRM has no “%(name)s”. Choose a name from its list.")
        raise ValidationError(message, code="unknown_name", params={"name": typed})


@dataclass(frozen=True)
class Choices:
    """Both lists as they are known now."""

    categories: ChoiceList
    statuses: ChoiceList
    reading: Reading | None = None  # whether tickets can be read, learnt in the same look-up

    def of_field(self, name: str) -> ChoiceList:
        """Return the list behind `cate_name` or `status_name`."""
        return self.categories if name == "cate_name" else self.statuses


def folded(name: str) -> str:
    """Return the form in which two spellings of one name are equal: NFC, trimmed, case-folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).strip().casefold())


def get_choices(*, refresh: bool = False, ask: bool = True) -> Choices:
    """Return both lists, asking the CRM for those that are older than CHOICES_MAX_AGE seconds.

    Never raises: a list that cannot be had now is the last known one, marked stale, or an unknown one.
    After a failed attempt the CRM is left alone for half a minute. Without `ask` no call is made, for
    pages that must not wait.
    """
    rows = {row.name: row for row in RemoteSnapshot.objects.filter(name__in=[CATEGORIES, STATUSES, READING])}
    return Choices(
        reading=state_in(rows.get(READING)),
        categories=_current(CATEGORIES, rows.get(CATEGORIES), refresh=refresh, ask=ask),
        statuses=_current(STATUSES, rows.get(STATUSES), refresh=refresh, ask=ask),
    )


def _current(name: str, row: RemoteSnapshot | None, *, refresh: bool, ask: bool) -> ChoiceList:
    known = _from_row(row)
    if not ask or (row and not refresh and not _is_due(row, known)):
        return known
    try:
        fetched = get_api().list_categories() if name == CATEGORIES else get_api().list_statuses()
    except TicketApiError:
        _keep(name, known.choices, known.fetched_at)
        return ChoiceList(known.choices, known.fetched_at, is_stale=True)
    now = timezone.now()
    _keep(name, fetched, now)
    return ChoiceList(fetched, now)


def _is_due(row: RemoteSnapshot, known: ChoiceList) -> bool:
    now = timezone.now()
    if now - row.fetched_at < RETRY_AFTER:  # the last attempt, good or not
        return False
    return known.is_stale or not known.is_known


def _from_row(row: RemoteSnapshot | None) -> ChoiceList:
    if row is None or not row.value.get("fetched_at"):
        return ChoiceList()
    fetched_at = datetime.fromisoformat(row.value["fetched_at"])
    choices = tuple(Choice(id=item["id"], name=item["name"]) for item in row.value["items"])
    is_stale = timezone.now() - fetched_at > timedelta(seconds=settings.CHOICES_MAX_AGE)
    return ChoiceList(choices, fetched_at, is_stale)


def _keep(name: str, choices: tuple[Choice, ...], fetched_at: datetime | None) -> None:
    items = [{"id": choice.id, "name": choice.name} for choice in choices]
    value = {"items": items, "fetched_at": fetched_at.isoformat() if fetched_at else None}
    RemoteSnapshot.objects.update_or_create(
        name=name, defaults={"value": value, "fetched_at": timezone.now()}
    )
