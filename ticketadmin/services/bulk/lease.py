"""The lease on a bulk update: which worker may work on it, until when, with what share of the global limit.

One conditional update takes it (see `engine`). A worker that stalled for too long has lost it to
another worker, and learns so before it writes anything more.
"""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from ticketadmin.models import BulkUpdate, Shared, SharedState


def lease_time() -> timedelta:
    """Return how long a worker keeps a bulk update without a sign of life."""
    return timedelta(seconds=settings.BULK_LEASE_SECONDS)


class Lease:
    """A worker's hold on one bulk update. Renewed by one thread; any thread may ask `is_alive`."""

    def __init__(self, bulk: BulkUpdate, worker: str) -> None:
        self.bulk, self.worker = bulk, worker
        self.is_ours = True
        self._runs_out = time.monotonic() + settings.BULK_LEASE_SECONDS

    @property
    def is_alive(self) -> bool:
        """Return whether it was ours at the last look, and that look is not too old."""
        return self.is_ours and time.monotonic() < self._runs_out

    def mine(self) -> QuerySet[BulkUpdate]:
        """Return the bulk update, or nothing where another worker took it over."""
        return BulkUpdate.objects.filter(pk=self.bulk.pk, worker=self.worker)

    def hold(self) -> bool:
        """Renew it inside a transaction: until it ends no other worker can take over. Return if held."""
        return self._renew()

    def renew(self, slowed_until: datetime | None) -> bool:
        """Renew it, take a share of the global limit, and look what the row says. Return if it is ours."""
        with transaction.atomic():
            SharedState.objects.locked(Shared.BULK_SLOTS)  # one worker at a time shares out the limit
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
