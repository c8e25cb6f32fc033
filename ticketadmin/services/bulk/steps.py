"""The work of a run's threads: a step of one item or of many, within the run's limits on calls.

Nothing starts on an expired lease, nor once the run is stopping. Which item comes next, and what its
result means for the run, `engine` decides.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ticketadmin.models import BulkItem, BulkKind, BulkState, BulkUpdate, ItemState, User
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.endings import Endings
from ticketadmin.services.bulk.items import prove_item, resolve_doubt, send_item, settle_item
from ticketadmin.services.bulk.lease import Lease
from ticketadmin.services.bulk.lists import ListReads, list_reads
from ticketadmin.services.bulk.pace import Pace
from ticketadmin.services.bulk.planning import plan_together
from ticketadmin.services.bulk.proofs import Unproved, prove_together
from ticketadmin.services.bulk.results import ItemResult, Left
from ticketadmin.services.bulk.rollout import Rollout
from ticketadmin.services.bulk.work import Work, keep_items, work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.concurrency import ConcurrencyLimit, concurrency_limit
from ticketadmin.services.crm.hold import held_back
from ticketadmin.services.index.batching import ReadBuffer
from ticketadmin.services.index.refresh import write_batch

REFRESH = 20.0  # seconds between two looks at the owner's rights and the CRM's lists


class Steps:
    """The steps of one worker's turn, for any of its threads."""

    def __init__(self, bulk: BulkUpdate, lease: Lease, pace: Pace, rollout: Rollout | None) -> None:
        self._bulk, self._lease, self._pace, self._rollout = bulk, lease, pace, rollout
        self._is_dry_run = bulk.state == BulkState.CHECKING
        self.is_stopping = False
        self.work = _work_for(bulk)
        self.lists = list_reads(self.work.schema.choices) if self.work is not None else ListReads(0)
        self.limit = ConcurrencyLimit(bulk.in_flight, may_begin=self._may_begin)
        self.reads = ReadBuffer(write_batch)
        self.endings = Endings(lambda ended: keep_items([*ended.values()]))
        self._lists_at = time.monotonic() - REFRESH

    def refresh(self) -> bool:
        """Reload what the steps use; return whether the owner may still run bulk updates."""
        work = _work_for(self._bulk)
        self.work = work or self.work  # what was written has still to be proved
        return work is not None

    def step(self, item: BulkItem) -> ItemResult:
        """Take the step that one item needs."""
        with self._calling():
            work = self._begin()
            if work is None:
                return Left()
            with self.reads.buffering(), self.endings.buffering():
                return self._work_on(work, item)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Subject the calls of this thread to the run's limits and holds."""
        held, limit = held_back.set(lambda: self._pace.held_for), concurrency_limit.set(self.limit)
        try:
            yield
        finally:
            concurrency_limit.reset(limit)
            held_back.reset(held)

    def _begin(self) -> Work | None:
        """Return what a step uses, None if nothing may start any more."""
        self._ask_for_lists()
        return self.work if self._may_begin() else None

    def _may_begin(self) -> bool:
        return not self.is_stopping and self._lease.is_alive

    def _work_on(self, work: Work, item: BulkItem) -> ItemResult:
        if item.state == ItemState.DOUBT:
            return resolve_doubt(work, item)
        if self._is_dry_run:
            return plan_item(work, item)
        if self._bulk.kind == BulkKind.SETTLE:
            return settle_item(work, item)
        return send_item(work, item, is_proved_later=self.proves_together)

    def plan(self, items: Sequence[BulkItem]) -> list[ItemResult]:
        """Plan many items by one call."""
        with self._calling():
            work = self._begin()
            return [Left() for _item in items] if work is None else plan_together(work, items, self.lists)

    def prove(self, work: Work, written: Sequence[Unproved]) -> list[ItemResult]:
        """Read back what was written, even while the run is stopping."""
        self._pace.count(1)
        with self._calling(), self.reads.buffering(), self.endings.buffering():
            if len(written) == 1:
                return [prove_item(work, written[0].item, written[0].written)]
            return prove_together(work, written, self.lists)

    def write_reads(self) -> list[ItemResult]:
        """Write what was read to the index. No item of the run depends on it."""
        self.reads.write()
        return []

    @property
    def proves_together(self) -> bool:
        """Return whether read-backs wait for each other: not before enough tickets are proved singly."""
        return self.lists.is_on and self._rollout is not None and self._rollout.is_full

    def _ask_for_lists(self) -> None:
        """Refresh stale lists of the CRM on a worker thread, so that the lease never waits for it."""
        if self._lease.is_alive and time.monotonic() - self._lists_at > REFRESH:
            self._lists_at = time.monotonic()
            get_choices()


def _work_for(bulk: BulkUpdate) -> Work | None:
    """Return what working needs, or None if its owner may not run bulk updates any more."""
    owner = User.objects.filter(pk=bulk.owner_id or 0, is_active=True).first()
    return work_on(bulk, owner) if owner is not None and owner.may("run_bulk_updates") else None
