"""Regular cleaning: rows older than the retention settings allow, or not needed any more, are removed.

Any worker does it once an hour, so that operators need no timer of their own. Each piece of work is bounded;
what is left over is done in the following hours.

Ages count from the last event: a change's time, a run's end, a draft's last keystroke.
Open changes and runs that have not ended are kept, however old. With 0 days nothing is deleted. Settings that
are left at their defaults count only from `notice_ends` on: an upgrade must not delete history unannounced.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from ticketadmin.logs import event
from ticketadmin.models import (
    ENDED,
    AuditEntry,
    BindingLink,
    BulkFile,
    BulkState,
    BulkUpdate,
    Change,
    Chore,
    Draft,
    IdentityClaim,
    IndexedTicket,
    Presence,
    ResetRequest,
)
from ticketadmin.services.audit.sign_ins import report_failures
from ticketadmin.services.erasing.stores import delete_in_chunks

MAX_ROWS_DELETED = 20_000  # of one table in one go; the rest goes within the next hours
NOTICE = timedelta(days=30)
UPKEEP = "upkeep"
CLEANING_INTERVAL = timedelta(hours=1)
_RETENTION_CAME = "0015_erasing"  # the migration with which retention came

logger = logging.getLogger(__name__)
Kept = tuple[QuerySet[Any], str]  # rows, and the column with their age

# The rows that a setting is for, by the setting's name.
BY_SETTING: Mapping[str, Kept] = {
    "KEEP_HISTORY_DAYS": (Change.objects.settled(), "created_at"),
    "KEEP_BULK_DAYS": (BulkUpdate.objects.filter(state__in=ENDED), "finished_at"),
    "KEEP_DRAFTS_DAYS": (Draft.objects.all(), "updated_at"),
}
_PREPARED_RUNS = BulkUpdate.objects.filter(started_at=None).exclude(state=BulkState.CHECKING)
# Rows that are needed for a limited time only, with that time.
BY_NEED: Mapping[str, tuple[timedelta, Kept]] = {
    "discarded_drafts": (timedelta(days=30), (Draft.objects.all(), "discarded_at")),
    "prepared_runs": (timedelta(days=14), (_PREPARED_RUNS, "created_at")),
    "files": (timedelta(days=14), (BulkFile.objects.all(), "created_at")),
    "missing_tickets": (timedelta(days=30), (IndexedTicket.objects.all(), "missing_at")),
    "presence": (timedelta(hours=1), (Presence.objects.all(), "seen_at")),
    "tasks": (timedelta(days=2), (DBTaskResult.objects.exclude(status="READY"), "enqueued_at")),
    "reset_requests": (timedelta(hours=1), (ResetRequest.objects.all(), "created_at")),
    "claims": (timedelta(days=30), (IdentityClaim.objects.all(), "seen_at")),
    "binding_links": (timedelta(), (BindingLink.objects.all(), "expires_at")),
    "sessions": (timedelta(), (Session.objects.all(), "expire_date")),
    "failed_attempts": (
        timedelta(days=1) + settings.AXES_COOLOFF_TIME,
        (AccessAttempt.objects.all(), "attempt_time"),
    ),
}


def _before(limit: datetime, kept: Kept) -> QuerySet[Any]:
    rows, column = kept
    return rows.filter(**{f"{column}__lt": limit})


@dataclass(frozen=True)
class DeletionNotice:
    """What a setting's default will delete: the setting, its days, and how many rows that is today."""

    setting: str
    days: int
    rows: int


def notice_ends() -> datetime:
    """Return when default retention periods take effect: NOTICE after this database got retention."""
    applied = MigrationRecorder.Migration.objects.filter(app="ticketadmin", name=_RETENTION_CAME)
    at = applied.values_list("applied", flat=True).first()
    return (at or timezone.now()) + NOTICE


def notices(now: datetime) -> list[DeletionNotice]:
    """Return what the defaults will delete once the notice ends; nothing after that."""
    if not settings.RETENTION_BY_DEFAULT or now >= notice_ends():
        return []
    found = []
    for name, kept in BY_SETTING.items():
        days = getattr(settings, name)
        if name in settings.RETENTION_BY_DEFAULT and days:
            found.append(DeletionNotice(name, days, _before(now - timedelta(days=days), kept).count()))
    return [one for one in found if one.rows]


def expire_by_setting(name: str, now: datetime) -> int:
    """Delete what is older than a setting's days and return how many rows were deleted."""
    days = getattr(settings, name)
    if not days or (name in settings.RETENTION_BY_DEFAULT and now < notice_ends()):
        return 0
    return delete_in_chunks(_before(now - timedelta(days=days), BY_SETTING[name]), most=MAX_ROWS_DELETED)


def expire_by_need(name: str, now: datetime) -> int:
    """Delete what is not needed any more and return how many rows were deleted."""
    age, kept = BY_NEED[name]
    return delete_in_chunks(_before(now - age, kept), most=MAX_ROWS_DELETED)


def prune(before: datetime) -> dict[str, int]:
    """Delete changes, runs and drafts from before a moment, all of them, and return how many of each."""
    names = zip(("changes", "runs", "drafts"), BY_SETTING.values(), strict=True)
    return {name: delete_in_chunks(_before(before, kept)) for name, kept in names}


# --- once an hour --------------------------------------------------------------------------------


def expire_audit(now: datetime) -> int:
    """Delete audit entries older than KEEP_AUDIT_DAYS; with 0 they are never deleted."""
    if not settings.KEEP_AUDIT_DAYS:
        return 0
    limit = now - timedelta(days=settings.KEEP_AUDIT_DAYS)
    return AuditEntry.objects.expire(limit, most=MAX_ROWS_DELETED)


# What is done, by the name under which its count is logged.
CHORES: dict[str, Callable[[datetime], int]] = {
    **{name: partial(expire_by_setting, name) for name in BY_SETTING},
    **{name: partial(expire_by_need, name) for name in BY_NEED},
    "failed_sign_ins": report_failures,
    "audit_entries": expire_audit,
}


def upkeep_if_due() -> dict[str, int] | None:
    """Do the regular cleaning unless a worker began it within the hour.

    Returns how many rows each piece of work removed, or None if it was not due.
    """
    now = timezone.now()
    return upkeep(now) if _take(now) else None


def upkeep(now: datetime) -> dict[str, int]:
    """Do every piece of work; one that fails is logged and does not stop the others."""
    done: dict[str, int] = {}
    for name, clean in CHORES.items():
        try:
            done[name] = clean(now)
        except DatabaseError as error:
            logger.error("Cleaning %s failed: %s", name, type(error).__name__)
    removed = {name: count for name, count in done.items() if count}
    if removed:
        event(logger, "upkeep", **removed)
    for notice in notices(now):
        begins = notice_ends().isoformat(timespec="minutes")
        event(logger, "retention_announced", **asdict(notice), begins=begins)
    return done


def _take(now: datetime) -> bool:
    """Claim this hour's cleaning. One of several workers succeeds."""
    _chore, is_first = Chore.objects.get_or_create(name=UPKEEP, defaults={"begun_at": now})
    due = Chore.objects.filter(name=UPKEEP, begun_at__lt=now - CLEANING_INTERVAL)
    return is_first or bool(due.update(begun_at=now))
