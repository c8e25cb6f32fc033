"""Reading the audit log: filters, pages and the table for its export. Nothing here writes to it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ticketadmin.models import AuditEntry, User
from ticketadmin.services.paging import ROWS_AT_ONCE, PageOfRows, page_of, rows_of_all
from ticketadmin.services.people.access import require

ENTRIES_ON_PAGE = 50
AUDIT_COLUMNS = (
    "when", "action", "actor", "actor_id", "target_kind", "target", "target_id", "before", "after", "details",
    "channel", "address", "request_id", "entry",
)  # fmt: skip
_ATTRIBUTES = {"when": "created_at", "actor": "actor_name", "target": "target_name", "entry": "pk"}


@dataclass(frozen=True)
class AuditFilters:
    """Filters of the log; empty means any. `actor` and `target` are ids of users."""

    actor: int | None = None
    target: int | None = None
    action: str = ""
    address: str = ""
    since: date | None = None
    until: date | None = None  # this day included


def audit_page(
    user: User, filters: AuditFilters, *, before: int | None, size: int = ENTRIES_ON_PAGE
) -> PageOfRows[AuditEntry]:
    """Return one page of the log. Raises Forbidden."""
    require(user, "administer")
    return page_of(_wanted(filters, before), size)


def audit_table(user: User, filters: AuditFilters) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each entry that matches the filters, in the order of AUDIT_COLUMNS; values are JSON.

    Raises Forbidden.
    """
    for entry in rows_of_all(lambda before: audit_page(user, filters, before=before, size=ROWS_AT_ONCE)):
        yield tuple(_cell(getattr(entry, _ATTRIBUTES.get(name, name))) for name in AUDIT_COLUMNS)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    return (json.dumps(value, ensure_ascii=False) if value else "") if isinstance(value, dict) else value


def _wanted(filters: AuditFilters, before: int | None) -> QuerySet[AuditEntry]:
    conditions: dict[str, Any] = {
        "actor_id": filters.actor,
        "action": filters.action,
        "address": filters.address,
        "pk__lt": before,
        "created_at__gte": _start_of(filters.since),
        "created_at__lt": _start_of(filters.until and filters.until + timedelta(days=1)),
    }
    if filters.target:
        conditions |= {"target_kind": User._meta.model_name, "target_id": str(filters.target)}
    conditions = {name: value for name, value in conditions.items() if value not in (None, "")}
    return AuditEntry.objects.filter(**conditions).order_by("-id")


def _start_of(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day else None
