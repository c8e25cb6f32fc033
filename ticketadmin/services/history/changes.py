"""Queries over the recorded changes, by any of `HistoryFilters`, in pages by key (`services/paging.py`).

Days become id bounds first, because ids and times grow together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import BigIntegerField, CharField, Exists, OuterRef, QuerySet
from django.utils import timezone

from ticketadmin.models import Change, ChangedField, Prepared, Slot, User
from ticketadmin.services.paging import ROWS_AT_ONCE, PageOfRows, page_of, rows_of_all
from ticketadmin.text import visible

CHANGES_ON_PAGE = 30
MAX_BESIDE_FORM = 10  # beside a ticket's form


@dataclass(frozen=True)
class HistoryFilters:
    """Filters of the history; empty means any."""

    ticket: str = ""
    person: int | None = None  # a user's id; named as the parameter of the address
    field: str = ""
    outcome: str = ""
    origin: str = ""
    reason: str = ""  # a part of it, in any case
    bulk: UUID | None = None
    since: date | None = None
    until: date | None = None  # this day included


def history_page(
    user: User, filters: HistoryFilters, *, before: int | None, size: int = CHANGES_ON_PAGE
) -> PageOfRows[Change]:
    """Return one page of the changes that this user may see."""
    return page_of(_asked(user, filters, before).select_related("undo_of"), size)


def newest_of_ticket(user: User, code: str) -> list[Change]:
    """Return the newest changes of a ticket that this user may see, MAX_BESIDE_FORM at most: one query."""
    if user.may("view_all_history"):
        return _NEWEST.rows(ticket=code)
    return _NEWEST_FOR_STAFF.rows(ticket=code, viewer=user.pk)


def _newest() -> QuerySet[Change]:
    return Change.objects.for_ticket(Slot("ticket", CharField())).select_related("undo_of")[:MAX_BESIDE_FORM]


def _newest_for_staff() -> QuerySet[Change]:
    own = Change.objects.filter(
        ticket_code=Slot("ticket", CharField()), actor=Slot("viewer", BigIntegerField())
    )
    rows = Change.objects.filter(Exists(own), ticket_code=Slot("ticket", CharField()))
    return rows.select_related("undo_of").order_by("-id")[:MAX_BESIDE_FORM]


_NEWEST, _NEWEST_FOR_STAFF = Prepared(_newest), Prepared(_newest_for_staff)


def history_rows(user: User, filters: HistoryFilters) -> Iterator[Change]:
    """Yield every change that matches the filters and that the user may see."""
    return rows_of_all(lambda before: history_page(user, filters, before=before, size=ROWS_AT_ONCE))


def _asked(user: User, filters: HistoryFilters, before: int | None) -> QuerySet[Change]:
    """Return the matching changes, of those that the user may see.

    Leads see all changes. Staff see their own, and all of a ticket that they have changed themselves.
    """
    sees_all = user.may("view_all_history")
    conditions = {
        "ticket_code": filters.ticket,
        "actor_id": filters.person if sees_all or filters.ticket else user.pk,
        "outcome": filters.outcome,
        "origin": filters.origin,
        "bulk": filters.bulk,
    }
    conditions = {name: value for name, value in conditions.items() if value}
    if filters.reason:
        # SQLite's LIKE ignores the case of ASCII letters only, a regular expression that of all letters.
        part = re.escape(visible(filters.reason))
        conditions |= {"change_reason__gt": "", "change_reason__iregex": part}
    changes, key = Change.objects.filter(**conditions), "id"
    if filters.ticket and not sees_all:
        changes = changes.filter(Exists(Change.objects.filter(ticket_code=filters.ticket, actor=user)))
    if filters.field and conditions:  # the other filters are more selective than the field
        changes = changes.filter(
            Exists(ChangedField.objects.filter(change_id=OuterRef("pk"), name=filters.field))
        )
    elif filters.field:  # uses the index of the fields, which includes the change's id to sort by
        changes, key = changes.filter(fields__name=filters.field), "fields__change_id"
    lowest, highest = _bounds(filters)
    highest = min((bound for bound in (before, highest) if bound is not None), default=None)
    bounds = {f"{key}__gte": lowest, f"{key}__lt": highest}
    changes = changes.filter(**{name: value for name, value in bounds.items() if value is not None})
    return changes.order_by(f"-{key}")


def _bounds(filters: HistoryFilters) -> tuple[int | None, int | None]:
    """Return the first id of `since` and the first id after `until`."""
    lowest = _first_id_from(filters.since) if filters.since else None
    highest = _first_id_from(filters.until + timedelta(days=1)) if filters.until else None
    if filters.since and lowest is None:
        lowest = _beyond_all()
    return lowest, highest


def _first_id_from(day: date) -> int | None:
    start = timezone.make_aware(datetime.combine(day, time()))
    later = Change.objects.filter(created_at__gte=start).order_by("created_at", "id")
    return later.values_list("pk", flat=True).first()


def _beyond_all() -> int:
    newest = Change.objects.order_by("-id").values_list("pk", flat=True).first()
    return (newest or 0) + 1
