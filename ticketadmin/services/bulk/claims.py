"""The items of a run: one worker claims them in the database and gives them back.

Each step holds the lease.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ticketadmin.models import BulkItem, BulkUpdate, ItemState
from ticketadmin.services.bulk.lease import Lease
from ticketadmin.services.saving.lock import on_records


class Claims:
    """One worker's claims on the items of one run. Once the lease is lost, nothing is changed any more."""

    def __init__(self, bulk: BulkUpdate, lease: Lease) -> None:
        self._bulk, self._lease = bulk, lease

    def claim(self, count: int, *, is_to_prove: bool = False, sends: bool = False) -> list[BulkItem]:
        """Claim waiting items that are due, at most `count`; those with the fewest failures come first.

        `is_to_prove`: nothing of the run is proved yet, so tickets that can be read whole are taken as long
        as there are any. `sends`: they are to be saved, so what is on record of their tickets is looked up.
        """
        is_due = Q(not_before=None) | Q(not_before__lte=timezone.now())
        waiting = BulkItem.objects.filter(is_due, bulk=self._bulk, state=ItemState.WAITING)
        # Few runs have items with either, so that separate queries cost less than joining both tables.
        waiting = waiting.prefetch_related("undo_of", "change").order_by("attempts", "position")
        with transaction.atomic():
            if not self._lease.hold():
                return []
            items = list(waiting.filter(is_unread=False)[:count]) if is_to_prove else []
            items = items or list(waiting[:count])
            BulkItem.objects.filter(pk__in=[item.pk for item in items]).update(state=ItemState.WORKING)
        on_record = on_records([item.ticket_code for item in items]) if sends and items else {}
        for item in items:
            item.bulk, item.state = self._bulk, ItemState.WORKING
            item.on_record = on_record.get(item.ticket_code)
        return items

    def give_back(self, items: Collection[BulkItem]) -> bool:
        """Requeue items that were not begun; return whether the run is still this worker's."""
        claimed = BulkItem.objects.filter(pk__in=[item.pk for item in items])
        with transaction.atomic():
            if self._lease.hold():  # otherwise another worker took over from this one, which stalled
                claimed.update(state=ItemState.WAITING)
        return self._lease.is_ours

    def recover(self, *, may_be_sent: bool) -> tuple[bool, dict[int, datetime | None]]:
        """Requeue items that no worker is working on, marking those that may have been sent as doubtful.

        Return whether any were found, and each doubtful item with the moment before which it is not read.
        """
        in_progress = BulkItem.objects.filter(bulk=self._bulk, state=ItemState.WORKING)
        doubtful = BulkItem.objects.filter(bulk=self._bulk, state=ItemState.DOUBT)
        with transaction.atomic():
            if not self._lease.hold():
                return False, {}
            found = in_progress.update(state=ItemState.DOUBT if may_be_sent else ItemState.WAITING)
        doubts = dict(doubtful.values_list("pk", "not_before"))
        return bool(found or doubts), doubts

    def has_waiting(self) -> bool:
        """Return whether an item is waiting, even if only for a later time."""
        return BulkItem.objects.filter(bulk=self._bulk, state=ItemState.WAITING).exists()

    def doubtful(self, pk: int) -> BulkItem:
        """Return an item whose result is to be checked."""
        item = BulkItem.objects.select_related("undo_of", "change").get(pk=pk)
        item.bulk = self._bulk
        return item
