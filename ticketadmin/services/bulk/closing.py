"""The end of a worker's turn at a run: the run pauses, is cancelled, or finishes its phase.

Each step holds the lease: a worker that lost it changes nothing.
"""

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ticketadmin.models import BulkItem, BulkState, BulkUpdate, ItemOutcome, ItemState
from ticketadmin.services.bulk.items import leave_open
from ticketadmin.services.bulk.lease import Lease
from ticketadmin.services.bulk.seal import seal_of


def pause_run(lease: Lease, phase: str, reason: str) -> None:
    """Pause a run that is still in this phase."""
    lease.mine().filter(state=phase).update(state=BulkState.PAUSED, pause_reason=reason)


def finish_phase(lease: Lease, phase: str) -> None:
    """Close the phase, unless an item has not ended: then wake a worker again."""
    open_items = BulkItem.objects.filter(bulk=OuterRef("pk")).exclude(state=ItemState.DONE)
    mine = lease.mine().filter(~Exists(open_items), state=phase)
    if phase == BulkState.CHECKING:
        mine.update(state=BulkState.READY, seal=seal_of(lease.bulk))
    else:
        mine.update(state=BulkState.FINISHED, finished_at=timezone.now())


def cancel_run(lease: Lease) -> None:
    """Cancel the rest of a run."""
    with transaction.atomic():
        if lease.hold():
            cancel_rest(lease.bulk)


def cancel_rest(bulk: BulkUpdate) -> None:
    """Mark unsent items as such and close the run. What a dead worker may have sent is unknown."""
    now = timezone.now()
    cancelling = BulkUpdate.objects.filter(pk=bulk.pk, state=BulkState.CANCELLING)
    open_items = BulkItem.objects.filter(bulk=bulk).exclude(state=ItemState.DONE)
    with transaction.atomic():
        if not cancelling.update(state=BulkState.CANCELLED, finished_at=now):
            return
        for item in open_items.exclude(state=ItemState.WAITING):
            leave_open(item)
        open_items.update(state=ItemState.DONE, outcome=ItemOutcome.NOT_SENT, finished_at=now)
