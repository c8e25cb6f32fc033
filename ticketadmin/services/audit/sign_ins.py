"""Sign-ins in the audit log, whichever way they were made.

Users type their password into the box for the name. So a failed sign-in's name is recorded only if it
names an account; all others are counted by address and hour. An attacker who tries thousands of names or
passwords must not fill the table either: beyond MAX_ENTRIES an hour, failures of an account are counted
like those.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.utils import timezone

from ticketadmin.models import AuditAction, AuditEntry, Channel, FailedSignIns, User
from ticketadmin.services.audit.record import ActionOrigin, Target, acting_from, current_origin, record

MAX_ENTRIES = 20
HOUR = timedelta(hours=1)
MAX_RECORDED_NAME = 150  # characters, as the account's column


@receiver(user_logged_in)
def _signed_in(user: User, **_signal: Any) -> None:
    record(AuditAction.SIGNED_IN, Target.of(user), details={"source": user.source}, user=user)


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], **_signal: Any) -> None:
    user = account_of(str(credentials.get("username") or ""))
    if user is None or not _may_have_entry(user):
        count_sign_in_failure()
        return
    details = {"step": credentials["step"]} if "step" in credentials else {}
    record(AuditAction.SIGN_IN_FAILED, Target.of(user), details=details)


def account_of(name: str) -> User | None:
    """Return the account that a typed name refers to, if any; spellings match as in a sign-in."""
    if not name or len(name) > MAX_RECORDED_NAME:
        return None
    return User.objects.filter(username__iexact=User.normalize_username(name).strip()).first()


def _may_have_entry(user: User) -> bool:
    target = Target.of(user)
    lately = AuditEntry.objects.filter(
        action=AuditAction.SIGN_IN_FAILED,
        target_kind=target.kind,
        target_id=target.id,
        created_at__gte=timezone.now() - HOUR,
    )
    return lately[:MAX_ENTRIES].count() < MAX_ENTRIES


def count_sign_in_failure() -> None:
    """Count a failure that gets no entry of its own, under the client's address and this hour."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    FailedSignIns.objects.update_or_create(
        address=current_origin().address,
        hour=hour,
        defaults={"count": F("count") + 1},
        create_defaults={"count": 1},
    )


def report_failures(now: datetime) -> int:
    """Turn each finished hour's counts into entries, one an address, and return how many."""
    ended = FailedSignIns.objects.filter(hour__lte=now - HOUR).order_by("hour")
    done = 0
    for row in ended[:1_000]:
        details = {"failures": row.count, "hour": row.hour.isoformat()}
        with transaction.atomic(), acting_from(ActionOrigin(Channel.WEB, row.address)):
            if FailedSignIns.objects.filter(pk=row.pk).delete()[0]:  # another worker may be faster
                record(AuditAction.SIGN_IN_FAILED, details=details)
                done += 1
    return done
