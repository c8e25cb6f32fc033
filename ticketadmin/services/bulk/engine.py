"""Working through a bulk update: one worker at a time holds its lease and keeps several items in flight.

    drain(pk)   take the lease, work until nothing is left, the lead says stop, or trouble pauses it
    sweep()     name the bulk updates that wait for a worker: nobody's lease is alive

A worker that dies keeps its lease for BULK_LEASE_SECONDS; then another takes over. Items that were in
flight are in doubt and settled by reading before anything is sent again. Clocks of the machines are
taken to agree within a few seconds.

The thread that renews the lease asks the CRM nothing, so a slow CRM cannot cost a living worker its
lease. One that lost it all the same, because it stood still, changes nothing in the run any more:
whatever it writes holds on to the lease first.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q
from django.dispatch import Signal
from django.utils import timezone

from ticketadmin.models import (
    ACTIVE,
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    ItemOutcome,
    ItemState,
    PauseReason,
    User,
)
from ticketadmin.services.bulk.items import (
    Work,
    fail_item,
    leave_open,
    plan_item,
    resolve_doubt,
    send_item,
    settle_item,
    work_on,
)
from ticketadmin.services.bulk.lease import Lease, lease_time
from ticketadmin.services.bulk.pace import Pace, Trouble
from ticketadmin.services.bulk.results import Doubt, ItemResult, Left, Retry
from ticketadmin.services.bulk.rollout import Rollout
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.bulk.threads import Crew, Finished
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import listen
from ticketadmin.services.crm.hold import ASKS_TO_WAIT, held_back
from ticketadmin.services.index.batching import GatheredReads, gathering
from ticketadmin.services.index.refresh import write_batch
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.reasons import Cause, Reason

TICK = 0.5  # seconds between two looks at the row: a cancel is seen within that
REFRESH = 20.0  # seconds between two looks at the actor's rights and the CRM's lists
SHARE_AFTER = 15.0  # seconds after which a worker makes room for another bulk update that waits
CIRCUIT_AGAIN, BUSY_AGAIN, CRM_PATIENCE = 1.0, 0.5, 12.0
CALLS = 3  # of one item: fresh read, PUT, read-back

TOO_MANY_REQUESTS = 429

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


@contextmanager
def hearing_refusals(pace: Pace) -> Iterator[None]:
    """Slow down at the first 429 that any thread of this process gets, also where a retry then succeeds.

    A Retry-After holds the run as a whole.
    """

    def listener(call: Call) -> None:
        is_asked = call.retry_after is not None and call.http_status in ASKS_TO_WAIT
        if is_asked or call.http_status == TOO_MANY_REQUESTS:
            pace.refused(call.retry_after)

    stop = listen(listener)
    try:
        yield
    finally:
        stop()


class _Drain:
    """One worker's turn at one bulk update."""

    def __init__(self, bulk: BulkUpdate, worker: str, should_stop: Callable[[], bool]) -> None:
        self.bulk, self.worker, self.should_stop = bulk, worker, should_stop
        self.phase, self.size = bulk.state, bulk.in_flight
        self.lease = Lease(bulk, worker)
        self.pace = Pace(bulk.per_second, calls=CALLS, most=bulk.in_flight, held_until=bulk.slowed_until)
        self.trouble = Trouble()
        self.rollout = Rollout(bulk) if bulk.state == BulkState.RUNNING and self._sends else None
        self.work = _work_for(bulk)
        self.reads = GatheredReads(write_batch)
        self.in_flight: dict[int, BulkItem] = {}
        self.claimed: list[BulkItem] = []
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
        with hearing_refusals(self.pace), Crew(self.size, self._step) as crew:
            while not self._is_over():
                if time.monotonic() - self.ticked >= TICK:
                    self._tick()
                while not self.is_stopping and (item := self._next()):
                    self.in_flight[item.pk] = item
                    crew.give(item)
                for done in crew.collect(timeout=min(TICK, self.pace.wait() or TICK)):
                    self._note(done)
        self._close()

    def _step(self, item: BulkItem) -> ItemResult:
        """Run in a thread of the crew: one item, start to end.

        Nothing begins on a lease that ran out, nor once the run is to stop.
        """
        held_back.set(lambda: self.pace.held_for)
        self._ask_for_lists()
        work = self.work
        if work is None or self.is_stopping or not self.lease.is_alive:
            return Left()
        with gathering(self.reads):
            result = self._work_on(work, item)
        self.reads.write_when_due()
        return result

    def _work_on(self, work: Work, item: BulkItem) -> ItemResult:
        if item.state == ItemState.DOUBT:
            return resolve_doubt(work, item)
        if self.phase == BulkState.CHECKING:
            return plan_item(work, item)
        return settle_item(work, item) if self.bulk.kind == BulkKind.SETTLE else send_item(work, item)

    def _ask_for_lists(self) -> None:
        """Have the CRM's lists asked for where they grew old; `_tick` takes them up."""
        if self.lease.is_alive and time.monotonic() - self.lists_at > REFRESH:
            self.lists_at = time.monotonic()
            get_choices()

    # --- what comes next -------------------------------------------------------------------------

    def _next(self) -> BulkItem | None:
        """Return the next item to start now, or None where nothing may start."""
        if len(self.in_flight) >= self._most():
            return None
        if doubtful := self._doubtful():
            return doubtful
        if not self.claimed:
            self.claimed = self._claim()
        if not self.claimed or not self.pace.may_start():
            return None
        return self.claimed.pop(0)

    def _most(self) -> int:
        """Return how many items may be handed out.

        At full speed 25 % more than there are threads, so that none idles; the threads cap what is sent.
        """
        allowed = min(self.bulk.slots, self.pace.in_flight(self.bulk.in_flight))
        if self.rollout is not None and not self.rollout.is_full:
            return self.rollout.in_flight(allowed)
        is_full_speed = allowed == self.size and not self.bulk.per_second
        return allowed + max(1, allowed // 4) if is_full_speed else allowed

    def _claim(self) -> list[BulkItem]:
        is_due = Q(not_before=None) | Q(not_before__lte=timezone.now())
        waiting = BulkItem.objects.filter(is_due, bulk=self.bulk, state=ItemState.WAITING)
        waiting = waiting.select_related("undo_of", "change").order_by("attempts", "position")
        with transaction.atomic():
            if not self._hold():
                return []
            items = list(waiting[: 2 * self.bulk.in_flight])
            BulkItem.objects.filter(pk__in=[item.pk for item in items]).update(state=ItemState.WORKING)
        for item in items:
            item.bulk, item.state = self.bulk, ItemState.WORKING
        return items

    def _doubtful(self) -> BulkItem | None:
        now = time.monotonic()
        due = [pk for pk, at in self.doubt_at.items() if at <= now and pk not in self.in_flight]
        if not due:
            return None
        item = BulkItem.objects.select_related("undo_of", "change").get(pk=due[0])
        item.bulk = self.bulk
        return item

    def _note(self, finished: Finished) -> None:
        item = self.in_flight.pop(finished.item.pk)
        match self._result_of(finished):
            case Left():
                self._take_back(item)
            case Doubt(reason):
                self.doubt_at[item.pk] = _moment(item.not_before)
                self._learn_of_doubt(item, reason)
            case Retry(reason=Reason.CIRCUIT_OPEN):
                self._wait_for_crm()
            case Retry(reason=Reason.BUSY_HERE):
                self.pace.hold(BUSY_AGAIN)
            case result:
                self.doubt_at.pop(item.pk, None)
                self._learn(item, result.reason)

    def _learn_of_doubt(self, item: BulkItem, reason: str) -> None:
        if reason == Reason.CIRCUIT_OPEN:
            self._wait_for_crm()
        elif reason:
            self._learn(item, reason)

    def _result_of(self, finished: Finished) -> ItemResult:
        """Return the result of a step; an error that broke out of it is one, too. Raises DatabaseError."""
        error = finished.result
        if not isinstance(error, Exception):
            return error
        if isinstance(error, DatabaseError):
            raise error
        logger.error("bulk item failed: %s", type(error).__name__, exc_info=error)
        return fail_item(finished.item)

    def _take_back(self, item: BulkItem) -> None:
        if item.state != ItemState.DOUBT:  # which waits in `doubt_at`
            self.claimed.append(item)

    def _learn(self, item: BulkItem, reason: str) -> None:
        """Take what an item's end tells of the CRM: its speed, trouble, damage."""
        self.crm_away_since = None
        self.pace.note(reason, in_flight=len(self.in_flight) + 1)
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
        if self.in_flight:
            return False
        if self.is_stopping:
            return True
        if self.claimed or self.doubt_at or self._claimable():
            return False
        return not (self._is_waited_for() or self._recover())

    def _is_waited_for(self) -> bool:
        """Return whether an item waits apart for its moment."""
        return BulkItem.objects.filter(bulk=self.bulk, state=ItemState.WAITING).exists()

    def _claimable(self) -> bool:
        self.claimed = self._claim()
        return bool(self.claimed)

    # --- once in a while -------------------------------------------------------------------------

    def _tick(self) -> None:
        self.ticked = time.monotonic()
        if not self._renew() or self.bulk.state != self.phase or self.should_stop():
            self.is_stopping = True
        elif time.monotonic() - self.refreshed > REFRESH:
            self.refreshed = time.monotonic()
            self.work = _work_for(self.bulk)
            if self.work is None:
                self._pause(PauseReason.NOT_ALLOWED)
        elif time.monotonic() - self.started > SHARE_AFTER and self._is_awaited():
            self.is_stopping = True

    def _renew(self) -> bool:
        """Keep the lease and look what the lead wants; return whether it is still ours."""
        is_ours = self.lease.renew(self.pace.slowed_until)
        self.pace.per_second = self.bulk.per_second
        return is_ours

    def _hold(self) -> bool:
        """Make sure, inside a transaction, that nobody else works on this; stop where somebody does."""
        is_ours = self.lease.hold()
        self.is_stopping = self.is_stopping or not is_ours
        return is_ours

    def _is_awaited(self) -> bool:
        """Return whether another bulk update has waited for a worker, so that a long one takes turns."""
        long_ago = timezone.now() - lease_time()
        others = BulkUpdate.objects.filter(state__in=ACTIVE).exclude(pk=self.bulk.pk)
        return others.filter(waits_since__lt=long_ago).exists()

    def _recover(self) -> bool:
        """Sort what nobody works on: what may have been sent is in doubt, the rest waits. Tell if any was."""
        in_progress = BulkItem.objects.filter(bulk=self.bulk, state=ItemState.WORKING)
        doubtful = BulkItem.objects.filter(bulk=self.bulk, state=ItemState.DOUBT)
        is_sent = self.phase == BulkState.RUNNING and self._sends
        with transaction.atomic():
            if not self._hold():
                return False
            found = in_progress.update(state=ItemState.DOUBT if is_sent else ItemState.WAITING)
        self.doubt_at = {pk: _moment(at) for pk, at in doubtful.values_list("pk", "not_before")}
        return bool(found or self.doubt_at)

    @property
    def _sends(self) -> bool:
        return BulkKind(self.bulk.kind).sends

    # --- the end ---------------------------------------------------------------------------------

    def _pause(self, reason: str) -> None:
        self.is_stopping = True
        self.lease.mine().filter(state=self.phase).update(state=BulkState.PAUSED, pause_reason=reason)

    def _close(self) -> None:
        self.reads.write()
        claimed = BulkItem.objects.filter(pk__in=[item.pk for item in self.claimed])
        with transaction.atomic():
            if not self._hold():  # another worker took over from one that was silent for too long
                return
            claimed.update(state=ItemState.WAITING)
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
            if self._hold():
                cancel_rest(self.bulk)


def _moment(at: datetime | None) -> float:
    """Return a moment on this process's clock; one that has passed where there is none."""
    return time.monotonic() + (at - timezone.now()).total_seconds() if at else 0.0


def cancel_rest(bulk: BulkUpdate) -> None:
    """Mark what was not sent as such and close the run. What a dead worker may have sent is unknown."""
    now = timezone.now()
    cancelling = BulkUpdate.objects.filter(pk=bulk.pk, state=BulkState.CANCELLING)
    open_items = BulkItem.objects.filter(bulk=bulk).exclude(state=ItemState.DONE)
    with transaction.atomic():
        if not cancelling.update(state=BulkState.CANCELLED, finished_at=now):
            return
        for item in open_items.exclude(state=ItemState.WAITING):
            leave_open(item)
        open_items.update(state=ItemState.DONE, outcome=ItemOutcome.NOT_SENT, finished_at=now)


def _work_for(bulk: BulkUpdate) -> Work | None:
    """Return what working needs, or None where its owner may not run bulk updates any more."""
    owner = User.objects.filter(pk=bulk.owner_id or 0, is_active=True).first()
    return work_on(bulk, owner) if owner is not None and owner.may("run_bulk_updates") else None
