"""The CRM's own lists, categories and statuses: fetched, cached for minutes, usable when stale.

How a typed name is resolved against a list is `services/values/choices.py`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Subquery
from django.utils import timezone

from ticketadmin.models import (
    CrmSnapshot,
    CustomField,
    Prepared,
    Snapshot,
    StatusSetting,
    TicketRule,
    json_rows,
    rows_in,
)
from ticketadmin.services.crm.connection import get_api, state_in
from ticketadmin.services.crm.omitted import omitted_in
from ticketadmin.services.values.choices import ChoiceList, Choices
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.tickets import Choice

RETRY_AFTER = timedelta(seconds=30)
_LOOKED_UP = (Snapshot.CATEGORIES, Snapshot.STATUSES, Snapshot.READING, Snapshot.OMITTED)  # in one query


def get_choices(*, refresh: bool = False, ask: bool = True) -> Choices:
    """Return both lists, asking the CRM for those that are older than CHOICES_MAX_AGE seconds.

    Never raises: a list that is not available now is the last known one, marked stale, or an unknown one.
    After a failed attempt the CRM is not called for half a minute. Without `ask` no call is made, for
    pages that must not wait.
    """
    rows = _SNAPSHOTS.rows()
    return _choices(rows, next(iter(rows), None), refresh=refresh, ask=ask)


def choices_columns() -> dict[str, Subquery]:
    """Return all that `choices_in` needs, as columns of any query of one row."""
    return {"snapshots": json_rows(_snapshots()), **_tables()}


def choices_in(row: Any) -> Choices:
    """Return both lists from a row with `choices_columns`; the CRM is not called."""
    return _choices(rows_in(CrmSnapshot, row.snapshots), row, refresh=False, ask=False)


def _choices(snapshots: Iterable[CrmSnapshot], known: Any, *, refresh: bool, ask: bool) -> Choices:
    """Return the lists; `known` has the columns of `_tables`, or is None."""
    rows = {row.name: row for row in snapshots}
    return Choices(
        reading=state_in(rows.get(Snapshot.READING)),
        rules=rows_in(TicketRule, known.rules) if known else None,
        custom_fields=rows_in(CustomField, known.custom_fields) if known else None,
        settings=rows_in(StatusSetting, known.settings) if known else None,
        omitted_are_emptied=omitted_in(rows.get(Snapshot.OMITTED)).are_emptied,
        categories=_current(Snapshot.CATEGORIES, rows.get(Snapshot.CATEGORIES), refresh=refresh, ask=ask),
        statuses=_current(Snapshot.STATUSES, rows.get(Snapshot.STATUSES), refresh=refresh, ask=ask),
    )


def _snapshots() -> QuerySet[CrmSnapshot]:
    return CrmSnapshot.objects.filter(name__in=_LOOKED_UP)


def _tables() -> dict[str, Subquery]:
    tables = {"rules": TicketRule, "custom_fields": CustomField, "settings": StatusSetting}
    return {name: json_rows(model) for name, model in tables.items()}


# Each row has the three columns as attributes.
_SNAPSHOTS: Prepared[Any] = Prepared(lambda: _snapshots().annotate(**_tables()))


def _current(name: Snapshot, row: CrmSnapshot | None, *, refresh: bool, ask: bool) -> ChoiceList:
    known = _from_row(row)
    if not ask or (row and not refresh and not _is_due(row, known)):
        return known
    try:
        fetched = get_api().list_categories() if name == Snapshot.CATEGORIES else get_api().list_statuses()
    except TicketApiError:
        _keep(name, known.choices, known.fetched_at)
        return ChoiceList(known.choices, known.fetched_at, is_stale=True)
    now = timezone.now()
    _keep(name, fetched, now)
    return ChoiceList(fetched, now)


def _is_due(row: CrmSnapshot, known: ChoiceList) -> bool:
    now = timezone.now()
    if now - row.fetched_at < RETRY_AFTER:  # the last attempt, good or not
        return False
    return known.is_stale or not known.is_known


def _from_row(row: CrmSnapshot | None) -> ChoiceList:
    if row is None or not row.value.get("fetched_at"):
        return ChoiceList()
    fetched_at = datetime.fromisoformat(row.value["fetched_at"])
    choices = tuple(Choice(id=item["id"], name=item["name"]) for item in row.value["items"])
    is_stale = timezone.now() - fetched_at > timedelta(seconds=settings.CHOICES_MAX_AGE)
    return ChoiceList(choices, fetched_at, is_stale)


def _keep(name: Snapshot, choices: tuple[Choice, ...], fetched_at: datetime | None) -> None:
    items = [{"id": choice.id, "name": choice.name} for choice in choices]
    value = {"items": items, "fetched_at": fetched_at.isoformat() if fetched_at else None}
    CrmSnapshot.objects.keep(name, value)
