"""The lease on a bulk update: which worker may work on it, until when, with what share of the global limit.

One conditional update takes it. A worker that stalled for too long has lost it to another worker, and finds
out before it writes anything more. Waking workers and finding runs without one is here as well.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.dispatch import Signal
from django.utils import timezone

from ticketadmin.models import ACTIVE, BulkUpdate, Shared, SharedState

work_waits = Signal()  # sent with `pk` when a bulk update needs a worker; `ticketadmin.tasks` listens


def lease_time() -> timedelta:
    """Return how long a lease lasts without being renewed."""
    return timedelta(seconds=settings.BULK_LEASE_SECONDS)


def wake(bulk: BulkUpdate) -> None:
    """Wake a worker once the transaction is committed."""
    BulkUpdate.objects.filter(pk=bulk.pk).update(waits_since=timezone.now())
    transaction.on_commit(lambda: work_waits.send(BulkUpdate, pk=bulk.pk))


def sweep() -> list[int]:
    """Return the bulk updates with work to do and no live worker."""
    waiting = BulkUpdate.objects.filter(state__in=ACTIVE).exclude(lease_until__gt=timezone.now())
    return list(waiting.order_by("id").values_list("pk", flat=True))


@contextmanager
def leased(pk: int, worker: str) -> Iterator[BulkUpdate | None]:
    """Take the lease on a bulk update and give it back; None if another worker holds it."""
    now = timezone.now()
    free = BulkUpdate.objects.filter(pk=pk, state__in=ACTIVE).exclude(lease_until__gt=now)
    if not free.update(worker=worker, lease_until=now + lease_time(), slots=0, waits_since=None):
        yield None
        return
    bulk = BulkUpdate.objects.get(pk=pk)
    yield bulk
    was_held = BulkUpdate.objects.filter(pk=pk, worker=worker).update(worker="", lease_until=None, slots=0)
    if was_held and BulkUpdate.objects.filter(pk=pk, state__in=ACTIVE).exists():  # to make room for another
        wake(bulk)


class Lease:
    """A worker's hold on one bulk update. One thread renews it; any thread may read `is_alive`."""

    def __init__(self, bulk: BulkUpdate, worker: str) -> None:
        self.bulk, self.worker = bulk, worker
        self.is_ours = True
        self._runs_out = time.monotonic() + settings.BULK_LEASE_SECONDS

    @property
    def is_alive(self) -> bool:
        """Return whether it was held at the last renewal and has not expired since."""
        return self.is_ours and time.monotonic() < self._runs_out

    def mine(self) -> QuerySet[BulkUpdate]:
        """Return a queryset of the bulk update, empty if another worker took it over."""
        return BulkUpdate.objects.filter(pk=self.bulk.pk, worker=self.worker)

    def hold(self) -> bool:
        """Renew it in the caller's transaction, which blocks a takeover until it ends. False if lost."""
        return self._renew()

    def renew(self, slowed_until: datetime | None) -> bool:
        """Renew it, take a share of the global limit and reload the run's row. False if it is lost."""
        with transaction.atomic():
            SharedState.objects.locked(Shared.BULK_SLOTS)  # workers take their shares one at a time
            others = BulkUpdate.objects.filter(lease_until__gt=timezone.now()).exclude(pk=self.bulk.pk)
            held = others.aggregate(held=Sum("slots"))["held"] or 0
            free = max(0, settings.BULK_MAX_IN_FLIGHT - held)
            self._renew(slots=min(self.bulk.in_flight, free), slowed_until=slowed_until)
        if self.is_ours:
            self.bulk.refresh_from_db(fields=["state", "in_flight", "per_second", "slots"])
        return self.is_ours

    def _renew(self, **values: object) -> bool:
        runs_out = time.monotonic() + settings.BULK_LEASE_SECONDS
        self.is_ours = bool(self.mine().update(lease_until=timezone.now() + lease_time(), **values))
        if self.is_ours:
            self._runs_out = runs_out
        return self.is_ours
