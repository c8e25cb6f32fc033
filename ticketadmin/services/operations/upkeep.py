"""Regular cleaning, done by any worker once an hour: no timer of the operator's is needed for it.

Each piece of work is bounded; what is left over is done within the next hour.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, IntegrityError
from django.utils import timezone

from ticketadmin.logs import event
from ticketadmin.models import AuditEntry, Chore
from ticketadmin.services.audit.sign_ins import report_failures
from ticketadmin.services.erasing.retention import (
    BY_NEED,
    BY_SETTING,
    expire_by_need,
    expire_by_setting,
    notice_ends,
    notices,
)

UPKEEP = "upkeep"
EVERY = timedelta(hours=1)
MAX_ROWS = 20_000  # of one table in one go

logger = logging.getLogger(__name__)


def expire_audit(now: datetime) -> int:
    """Delete audit entries older than KEEP_AUDIT_DAYS; with 0 they are never deleted."""
    if not settings.KEEP_AUDIT_DAYS:
        return 0
    limit = now - timedelta(days=settings.KEEP_AUDIT_DAYS)
    return AuditEntry.objects.expire(limit, most=MAX_ROWS)


# What is done, by the name under which its count is logged.
CHORES: dict[str, Callable[[datetime], int]] = {
    **{name: partial(expire_by_setting, name) for name in BY_SETTING},
    **{name: partial(expire_by_need, name) for name in BY_NEED},
    "failed_sign_ins": report_failures,
    "audit_entries": expire_audit,
}


def upkeep_if_due() -> dict[str, int] | None:
    """Do the regular cleaning unless a worker began it within the hour.

    Returns how many rows each piece of work removed, or None where it was not due.
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
    if Chore.objects.filter(name=UPKEEP, begun_at__lt=now - EVERY).update(begun_at=now):
        return True
    if Chore.objects.filter(name=UPKEEP).exists():
        return False
    try:
        Chore.objects.create(name=UPKEEP, begun_at=now)
    except IntegrityError:
        return False
    return True
