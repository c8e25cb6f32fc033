"""Removing what is older than the retention settings allow. The worker calls it once an hour.

Ages are counted from the last thing that happened: a change's time, a run's end, a draft's last keystroke.
Open changes and runs that have not ended are kept, however old. With 0 days nothing is deleted. Settings that
are left at their defaults count only from `notice_ends` on: an upgrade must not delete history unannounced.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from ticketadmin.models import (
    ENDED,
    BindingLink,
    BulkFile,
    BulkState,
    BulkUpdate,
    Change,
    Draft,
    IdentityClaim,
    IndexedTicket,
    Presence,
    ResetRequest,
)
from ticketadmin.services.erasing.stores import delete_in_chunks

MAX_ROWS = 20_000  # of one table in one go; the rest goes within the next hours
NOTICE = timedelta(days=30)
_RETENTION_CAME = "0015_erasing"  # the migration with which retention came

Rows = Callable[[datetime], QuerySet[Any]]


# What a setting decides, by the setting's name.
BY_SETTING: Mapping[str, Rows] = {
    "KEEP_HISTORY_DAYS": lambda limit: Change.objects.settled().filter(created_at__lt=limit),
    "KEEP_BULK_DAYS": lambda limit: BulkUpdate.objects.filter(state__in=ENDED, finished_at__lt=limit),
    "KEEP_DRAFTS_DAYS": lambda limit: Draft.objects.filter(updated_at__lt=limit),
}
# What the product needs for a while only, with how long.
BY_NEED: Mapping[str, tuple[timedelta, Rows]] = {
    "discarded_drafts": (timedelta(days=30), lambda limit: Draft.objects.filter(discarded_at__lt=limit)),
    "prepared_runs": (
        timedelta(days=14),
        lambda limit: BulkUpdate.objects.filter(started_at=None, created_at__lt=limit).exclude(
            state=BulkState.CHECKING
        ),
    ),
    "files": (timedelta(days=14), lambda limit: BulkFile.objects.filter(created_at__lt=limit)),
    "missing_tickets": (timedelta(days=30), lambda limit: IndexedTicket.objects.filter(missing_at__lt=limit)),
    "presence": (timedelta(hours=1), lambda limit: Presence.objects.filter(seen_at__lt=limit)),
    "tasks": (
        timedelta(days=2),
        lambda limit: DBTaskResult.objects.filter(enqueued_at__lt=limit).exclude(status="READY"),
    ),
    "reset_requests": (timedelta(hours=1), lambda limit: ResetRequest.objects.filter(created_at__lt=limit)),
    "claims": (timedelta(days=30), lambda limit: IdentityClaim.objects.filter(seen_at__lt=limit)),
    "binding_links": (timedelta(), lambda limit: BindingLink.objects.filter(expires_at__lt=limit)),
    "sessions": (timedelta(), lambda limit: Session.objects.filter(expire_date__lt=limit)),
    "failed_attempts": (
        timedelta(days=1) + settings.AXES_COOLOFF_TIME,
        lambda limit: AccessAttempt.objects.filter(attempt_time__lt=limit),
    ),
}


@dataclass(frozen=True)
class Notice:
    """What a setting's default is going to delete: the setting, its days, and how many rows today."""

    setting: str
    days: int
    rows: int


def notice_ends() -> datetime:
    """Return when default retention periods take effect: NOTICE after this database got retention."""
    applied = MigrationRecorder.Migration.objects.filter(app="ticketadmin", name=_RETENTION_CAME)
    at = applied.values_list("applied", flat=True).first()
    return (at or timezone.now()) + NOTICE


def notices(now: datetime) -> list[Notice]:
    """Return what the defaults are going to delete once the notice ends; nothing after that."""
    if not settings.RETENTION_BY_DEFAULT or now >= notice_ends():
        return []
    found = []
    for name, rows in BY_SETTING.items():
        days = getattr(settings, name)
        if name in settings.RETENTION_BY_DEFAULT and days:
            found.append(Notice(name, days, rows(now - timedelta(days=days)).count()))
    return [one for one in found if one.rows]


def expire_by_setting(name: str, now: datetime) -> int:
    """Delete what is older than a setting's days and return how many rows went."""
    days = getattr(settings, name)
    if not days or (name in settings.RETENTION_BY_DEFAULT and now < notice_ends()):
        return 0
    return delete_in_chunks(BY_SETTING[name](now - timedelta(days=days)), most=MAX_ROWS)


def expire_by_need(name: str, now: datetime) -> int:
    """Delete what is not needed any more and return how many rows went."""
    age, rows = BY_NEED[name]
    return delete_in_chunks(rows(now - age), most=MAX_ROWS)


def prune(before: datetime) -> dict[str, int]:
    """Delete changes, runs and drafts from before a moment, all of them, and return how many of each."""
    names = zip(("changes", "runs", "drafts"), BY_SETTING.values(), strict=True)
    return {name: delete_in_chunks(rows(before)) for name, rows in names}
