"""Working through a bulk update: one worker at a time holds its lease and keeps several items in flight.

    drain(pk)   take the lease, work until nothing is left, the lead says stop, or trouble pauses it
    sweep()     name the bulk updates that wait for a worker: no lease on them is alive

A worker that dies keeps its lease for BULK_LEASE_SECONDS; then another takes over. Items that were in
flight are in doubt and settled by reading before anything is sent again. Clocks of the machines are
taken to agree within a few seconds.

The thread that renews the lease asks the CRM nothing, so a slow CRM cannot cost a living worker its
lease. One that lost it all the same, because it stood still, changes nothing in the run any more:
whatever it writes holds on to the lease first.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.dispatch import Signal
from django.utils import timezone

from ticketadmin.models import (
    ACTIVE,
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    ItemState,
    PauseReason,
    User,
)
from ticketadmin.services.bulk.claims import Claims, cancel_rest
from ticketadmin.services.bulk.endings import Endings
from ticketadmin.services.bulk.items import (
    Work,
    fail_item,
    keep_items,
    plan_item,
    prove_item,
    resolve_doubt,
    send_item,
    settle_item,
    work_on,
)
from ticketadmin.services.bulk.lease import Lease, lease_time
from ticketadmin.services.bulk.lists import ListReads, list_reads
from ticketadmin.services.bulk.pace import Pace, Trouble
from ticketadmin.services.bulk.planning import plan_together
from ticketadmin.services.bulk.proofs import Proofs, Unproved, prove_together
from ticketadmin.services.bulk.refusals import slowed_by_refusals
from ticketadmin.services.bulk.results import Accepted, Doubt, ItemResult, Left, Retry, Singly
from ticketadmin.services.bulk.rollout import Rollout
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.bulk.threads import Crew, Finished, Task
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.concurrency import ConcurrencyLimit, concurrency_limit
from ticketadmin.services.crm.hold import held_back
from ticketadmin.services.index.batching import ReadBuffer
from ticketadmin.services.index.refresh import write_batch
from ticketadmin.ticketapi.reasons import Cause, Reason

TICK = 0.5  # seconds between two looks at the row: a cancel is seen within that
REFRESH = 20.0  # seconds between two looks at the actor's rights and the CRM's lists
SHARE_AFTER = 15.0  # seconds after which a worker makes room for another bulk update that waits
CIRCUIT_AGAIN, BUSY_AGAIN, CRM_PATIENCE = 1.0, 0.5, 12.0
CLAIMED_AHEAD = 4  # items for each one in flight: a claim is four statements, and holds the lease
MAX_AHEAD = 4  # tickets in work beside those under way: with 8 at 16 in flight 2 to 7 % fewer were done
CALLS = 3  # of one item: fresh read, PUT, read-back; many read-backs together are one call

logger = logging.getLogger(__name__)
work_waits = Signal()  # sent with `pk` when a bulk update needs a worker; `ticketadmin.tasks` listens


def wake(bulk: BulkUpdate) -> None:
    """Call a worker once the transaction is through."""
    BulkUpdate.objects.filter(pk=bulk.pk).update(waits_since=timezone.now())
    transaction.on_commit(lambda: work_waits.send(BulkUpdate, pk=bulk.pk))


def sweep() -> list[int]:
    """Return the bulk updates that have something to do and no living worker."""
    waiting = BulkUpdate.objects.filter(state__in=ACTIVE).exclude(lease_until__gt=timezone.now())
    return list(waiting.order_by("id").values_list("pk", flat=True))


def drain(pk: int, *, worker: str, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Work on one bulk update until it needs no worker any more or `should_stop` says so.

    Returns at once where another worker holds the lease. Raises DatabaseError where the database
    goes away; the lease then runs out and another worker goes on.
    """
    with _lease(pk, worker) as bulk:
        if bulk is not None:
            _Drain(bulk, worker, should_stop).run()


@contextmanager
def _lease(pk: int, worker: str) -> Iterator[BulkUpdate | None]:
    now = timezone.now()
    free = BulkUpdate.objects.filter(pk=pk, state__in=ACTIVE).exclude(lease_until__gt=now)
    if not free.update(worker=worker, lease_until=now + lease_time(), slots=0, waits_since=None):
        yield None
        return
    bulk = BulkUpdate.objects.get(pk=pk)
    yield bulk
    was_ours = BulkUpdate.objects.filter(pk=pk, worker=worker).update(worker="", lease_until=None, slots=0)
    if was_ours and BulkUpdate.objects.filter(pk=pk, state__in=ACTIVE).exists():  # it made room for another
        wake(bulk)


class _Drain:
    """One worker's turn at one bulk update."""

    def __init__(self, bulk: BulkUpdate, worker: str, should_stop: Callable[[], bool]) -> None:
        self.bulk, self.worker, self.should_stop = bulk, worker, should_stop
        self.phase, self.size = bulk.state, bulk.in_flight
        self.lease = Lease(bulk, worker)
        self.claims = Claims(bulk, self.lease)
        self.work = _work_for(bulk)
        self.lists = list_reads(self.work.schema.choices) if self.work is not None else ListReads(0)
        self.pace = Pace(bulk.per_second, calls=CALLS, most=bulk.in_flight, held_until=bulk.slowed_until)
        self.limit = ConcurrencyLimit(self.size, may_begin=self._may_begin)
        self.trouble = Trouble()
        self.rollout = Rollout(bulk) if bulk.state == BulkState.RUNNING and self._sends else None
        self.proofs = Proofs()
        self.reads = ReadBuffer(write_batch)
        self.endings = Endings(lambda ended: keep_items([*ended.values()]))
        self.tasks = 0  # given to threads and not finished
        self.in_flight: dict[int, BulkItem] = {}
        self.claimed: list[BulkItem] = []
        self.singly: set[int] = set()  # claimed items of which the list told too little
        self.doubt_at: dict[int, float] = {}
        self.is_stopping = False
        self.crm_away_since: float | None = None
        self.started = self.ticked = self.refreshed = time.monotonic()
        self.lists_at = self.started - REFRESH

    def run(self) -> None:
        if self.phase == BulkState.CANCELLING:
            self._cancel()
            return
        if self.work is None:
            self._pause(PauseReason.NOT_ALLOWED)
            return
        self._renew()
        self._recover()
        with slowed_by_refusals(self.pace), Crew(self.size + self._ahead) as crew:
            while not self._is_over():
                if time.monotonic() - self.ticked >= TICK:
                    self._tick()
                while task := self._next_task():
                    self.tasks += 1
                    self.in_flight.update((item.pk, item) for item in task.items)
                    crew.give(task)
                for done in crew.collect(timeout=self._patience()):
                    self._take_in(done)
                self.endings.write_when_due()
                self.reads.write_when_due()
        self._close()

    def _patience(self) -> float:
        """Return the seconds to wait for a thread before something else is due."""
        wait = min(TICK, self.pace.wait() or TICK)
        return min(wait, self.proofs.wait()) if self.proofs.open else wait

    # --- what threads do -------------------------------------------------------------------------

    def _step(self, item: BulkItem) -> ItemResult:
        """Run in a thread of the crew: one item, start to end.

        Nothing begins on a lease that ran out, nor once the run is to stop.
        """
        with self._calling():
            work = self._begin()
            if work is None:
                return Left()
            with self.reads.buffering(), self.endings.buffering():
                return self._work_on(work, item)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Let the calls of this thread be limited and held as those of the run."""
        held, limit = held_back.set(lambda: self.pace.held_for), concurrency_limit.set(self.limit)
        try:
            yield
        finally:
            concurrency_limit.reset(limit)
            held_back.reset(held)

    def _begin(self) -> Work | None:
        """Return what a thread works with, None where nothing may begin any more."""
        self._ask_for_lists()
        return self.work if self._may_begin() else None

    def _may_begin(self) -> bool:
        return not self.is_stopping and self.lease.is_alive

    def _work_on(self, work: Work, item: BulkItem) -> ItemResult:
        if item.state == ItemState.DOUBT:
            return resolve_doubt(work, item)
        if self.phase == BulkState.CHECKING:
            return plan_item(work, item)
        if self.bulk.kind == BulkKind.SETTLE:
            return settle_item(work, item)
        return send_item(work, item, is_proved_later=self._proves_together)

    def _plan(self, items: Sequence[BulkItem]) -> list[ItemResult]:
        """Run in a thread of the crew: the dry run of many items."""
        with self._calling():
            work = self._begin()
            return [Left() for _item in items] if work is None else plan_together(work, items, self.lists)

    def _prove(self, work: Work, written: Sequence[Unproved]) -> list[ItemResult]:
        """Run in a thread of the crew: read back what was written, also while the run is to stop."""
        self.pace.count(1)
        with self._calling(), self.reads.buffering(), self.endings.buffering():
            if len(written) == 1:
                return [prove_item(work, written[0].item, written[0].written)]
            return prove_together(work, written, self.lists)

    @property
    def _proves_together(self) -> bool:
        """Return whether read-backs wait for each other: not before enough tickets are proved singly."""
        return self.lists.is_on and self.rollout is not None and self.rollout.is_full

    def _ask_for_lists(self) -> None:
        """Refresh stale lists of the CRM on a worker thread, so that the lease never waits for it."""
        if self.lease.is_alive and time.monotonic() - self.lists_at > REFRESH:
            self.lists_at = time.monotonic()
            get_choices()

    # --- what comes next -------------------------------------------------------------------------

    def _next_task(self) -> Task | None:
        """Return what to hand out now, read-backs first; None where nothing may start."""
        is_last = self.is_stopping or not (self.tasks or self.claimed)
        if self.work is not None and (written := self.proofs.due(at_once=is_last)):
            return Task([one.item for one in written], partial(self._prove, self.work, written))
        if self.is_stopping or self.proofs.is_full or self.tasks >= self._most():
            return None
        if doubtful := self._doubtful():
            return self._task(doubtful)
        if not self.claimed:
            self.claimed = self._claim()
        if not self.claimed or not self.pace.may_start(calls=CALLS - self._proves_together):
            return None
        if self.phase == BulkState.CHECKING and self.lists.is_on and (items := self._readable_together()):
            return Task(items, partial(self._plan, items))
        return self._task(self.claimed.pop(0))

    def _task(self, item: BulkItem) -> Task:
        return Task([item], lambda: [self._step(item)])

    def _readable_together(self) -> list[BulkItem]:
        """Take claimed items that one call may read; none where fewer than two are left."""
        open_items = [item for item in self.claimed if item.pk not in self.singly]
        wanted = set(self.lists.first_part([item.ticket_code for item in open_items]))
        items = [item for item in open_items if item.ticket_code in wanted]
        if len(items) < 2:
            return []
        self.claimed = [item for item in self.claimed if item not in items]
        return items

    def _most(self) -> int:
        """Return how many tasks may be handed out.

        At full speed 25 % more than there are threads, so that none idles; `limit` caps what is sent.
        """
        allowed = min(self.bulk.slots, self.pace.in_flight(self.bulk.in_flight))
        self.limit.allow(max(1, allowed))
        if self.rollout is not None and not self.rollout.is_full:
            return self.rollout.in_flight(allowed)
        is_full_speed = allowed == self.size and not self.bulk.per_second
        return allowed + self._ahead + max(1, allowed // 4) if is_full_speed else allowed

    @property
    def _ahead(self) -> int:
        """Return how many tickets are in work beside those whose call is under way; of one at a time none."""
        return min(MAX_AHEAD, self.size // 2)

    def _claim(self) -> list[BulkItem]:
        reads_many = self.phase == BulkState.CHECKING and self.lists.is_on
        count = max(CLAIMED_AHEAD * self.bulk.in_flight, self.lists.max_rows if reads_many else 0)
        is_to_prove = self.rollout is not None and not self.rollout.has_begun
        items = self.claims.claim(count, is_to_prove=is_to_prove)
        self.is_stopping = self.is_stopping or not self.lease.is_ours
        return items

    def _doubtful(self) -> BulkItem | None:
        now = time.monotonic()
        due = [pk for pk, at in self.doubt_at.items() if at <= now and pk not in self.in_flight]
        return self.claims.doubtful(due[0]) if due else None

    def _take_in(self, done: Finished) -> None:
        self.tasks -= 1
        for item, result in done.by_item():  # by identity: what waits again may be claimed again by now
            self.in_flight = {pk: one for pk, one in self.in_flight.items() if one is not item}
            self._note(item, result)

    def _note(self, item: BulkItem, found: ItemResult | Exception) -> None:
        was_written = self.proofs.take_up(item)
        match self._result_of(item, found):
            case Left():
                self._take_back(item)
            case Singly() if was_written:
                self.proofs.read_singly(was_written)
            case Singly():
                self.singly.add(item.pk)
                self._take_back(item)
            case Accepted(written):
                self.proofs.add(item, written)
            case Doubt(reason):
                self.doubt_at[item.pk] = _moment(item.not_before)
                if reason == Reason.CIRCUIT_OPEN:
                    self._wait_for_crm()
                elif reason:
                    self._learn(item, reason)
            case Retry(reason=Reason.CIRCUIT_OPEN):
                self._wait_for_crm()
            case Retry(reason=Reason.BUSY_HERE):
                self.pace.hold(BUSY_AGAIN)
            case result:
                self.doubt_at.pop(item.pk, None)
                self._learn(item, result.reason)

    def _result_of(self, item: BulkItem, found: ItemResult | Exception) -> ItemResult:
        """Return the result of a step; an error that broke out of it is one, too. Raises DatabaseError."""
        if not isinstance(found, Exception):
            return found
        if isinstance(found, DatabaseError):
            raise found
        logger.error("bulk item failed: %s", type(found).__name__, exc_info=found)
        return fail_item(item)

    def _take_back(self, item: BulkItem) -> None:
        if item.state != ItemState.DOUBT:  # which waits in `doubt_at`
            self.claimed.append(item)

    def _learn(self, item: BulkItem, reason: str) -> None:
        """Take what an item's end tells of the CRM: its speed, trouble, damage."""
        self.crm_away_since = None
        self.pace.note(reason, in_flight=min(len(self.in_flight) + 1, self.size))
        pause = self.trouble.note(reason, item.pk)
        if self.rollout is not None and self.work is not None and item.state == ItemState.DONE:
            pause = self.rollout.note(item, self.work.schema) or pause
        if pause:
            self._pause(pause)

    def _wait_for_crm(self) -> None:
        """Give the CRM's circuit time to close before the run pauses."""
        now = time.monotonic()
        self.crm_away_since = self.crm_away_since or now
        self.pace.hold(CIRCUIT_AGAIN)
        if now - self.crm_away_since > CRM_PATIENCE:
            self._pause(Cause.CRM_DOWN)

    def _is_over(self) -> bool:
        if self.tasks or self.proofs.open:
            return False
        self.endings.write()
        if self.is_stopping:
            return True
        self.claimed = self.claimed or ([] if self.doubt_at else self._claim())
        return not (self.claimed or self.doubt_at or self.claims.has_waiting() or self._recover())

    # --- once in a while -------------------------------------------------------------------------

    def _tick(self) -> None:
        self.ticked = time.monotonic()
        if not self._renew() or self.bulk.state != self.phase or self.should_stop():
            self.is_stopping = True
        elif time.monotonic() - self.refreshed > REFRESH:
            self.refreshed = time.monotonic()
            work = _work_for(self.bulk)
            if work is None:
                self._pause(PauseReason.NOT_ALLOWED)
            self.work = work or self.work  # what was written is still to be proved
        elif time.monotonic() - self.started > SHARE_AFTER and self._is_awaited():
            self.is_stopping = True

    def _renew(self) -> bool:
        """Keep the lease and look what the lead wants; return whether it is still ours."""
        is_ours = self.lease.renew(self.pace.slowed_until)
        self.pace.per_second = self.bulk.per_second
        return is_ours

    def _is_awaited(self) -> bool:
        """Return whether another bulk update has waited for a worker, so that a long one takes turns."""
        long_ago = timezone.now() - lease_time()
        others = BulkUpdate.objects.filter(state__in=ACTIVE).exclude(pk=self.bulk.pk)
        return others.filter(waits_since__lt=long_ago).exists()

    def _recover(self) -> bool:
        """Sort the items that no worker is at; return whether any were found."""
        is_sent = self.phase == BulkState.RUNNING and self._sends
        found, doubts = self.claims.recover(may_be_sent=is_sent)
        self.is_stopping = self.is_stopping or not self.lease.is_ours
        self.doubt_at = {pk: _moment(at) for pk, at in doubts.items()}
        return found

    @property
    def _sends(self) -> bool:
        return BulkKind(self.bulk.kind).sends

    # --- the end ---------------------------------------------------------------------------------

    def _pause(self, reason: str) -> None:
        self.is_stopping = True
        self.endings.write()  # what led to it is to be seen with it
        self.lease.mine().filter(state=self.phase).update(state=BulkState.PAUSED, pause_reason=reason)

    def _close(self) -> None:
        self.reads.write()
        if not self.claims.give_back(self.claimed):
            return
        self.bulk.refresh_from_db(fields=["state"])
        if self.bulk.state == BulkState.CANCELLING:
            self._cancel()
        elif not self.is_stopping and self.bulk.state == self.phase:
            self._finish()

    def _finish(self) -> None:
        """Close the phase, unless there is an item that did not end: then a worker is called once more."""
        open_items = BulkItem.objects.filter(bulk=OuterRef("pk")).exclude(state=ItemState.DONE)
        mine = self.lease.mine().filter(~Exists(open_items), state=self.phase)
        if self.phase == BulkState.CHECKING:
            mine.update(state=BulkState.READY, seal=seal_of(self.bulk))
        else:
            mine.update(state=BulkState.FINISHED, finished_at=timezone.now())

    def _cancel(self) -> None:
        with transaction.atomic():
            if self.lease.hold():
                cancel_rest(self.bulk)


def _moment(at: datetime | None) -> float:
    """Return a moment on this process's clock; one that has passed where there is none."""
    return time.monotonic() + (at - timezone.now()).total_seconds() if at else 0.0


def _work_for(bulk: BulkUpdate) -> Work | None:
    """Return what working needs, or None where its owner may not run bulk updates any more."""
    owner = User.objects.filter(pk=bulk.owner_id or 0, is_active=True).first()
    return work_on(bulk, owner) if owner is not None and owner.may("run_bulk_updates") else None
