"""Working through a bulk update: one worker at a time holds its lease and keeps several items in flight.

`drain` takes the lease and works until nothing is left, a user stops the run, or a failure pauses it. This
module decides which item comes next and what its result means for the run. What a thread does with an item is
in `steps`, claiming items in `claims`, the end of a turn in `closing`.

A worker that dies keeps its lease for BULK_LEASE_SECONDS; then another takes over. Items that were in
flight are in doubt and settled by reading before anything is sent again. Clocks of the machines are
taken to agree within a few seconds.

The thread that renews the lease never calls the CRM, so a slow CRM cannot cost a living worker its lease.
A worker that lost it anyway, because it stalled, changes nothing more in the run: every write
renews the lease first.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import DatabaseError
from django.utils import timezone

from ticketadmin.models import (
    ACTIVE,
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    ItemState,
    PauseReason,
)
from ticketadmin.services.bulk.claims import Claims
from ticketadmin.services.bulk.closing import cancel_run, finish_phase, pause_run
from ticketadmin.services.bulk.items import fail_item
from ticketadmin.services.bulk.lease import Lease, lease_time, leased
from ticketadmin.services.bulk.pace import Pace, Trouble
from ticketadmin.services.bulk.proofs import Proofs
from ticketadmin.services.bulk.refusals import slowed_by_refusals
from ticketadmin.services.bulk.results import Accepted, Doubt, ItemResult, Left, Retry, Singly
from ticketadmin.services.bulk.rollout import Rollout
from ticketadmin.services.bulk.steps import REFRESH, Steps
from ticketadmin.services.bulk.threads import Crew, Finished, Task
from ticketadmin.ticketapi.reasons import Cause, Reason

TICK = 0.5  # seconds between two looks at the row: a cancel is seen within that
SHARE_AFTER = 15.0  # seconds after which a worker makes room for another bulk update that waits
CIRCUIT_AGAIN, BUSY_AGAIN, CRM_PATIENCE = 1.0, 0.5, 12.0
CLAIMED_AHEAD = 4  # items for each one in flight: a claim is four statements, and holds the lease
MAX_AHEAD = 4  # tickets in work beside those under way: with 8 at 16 in flight 2 to 7 % fewer were done
CALLS = 3  # of one item: fresh read, PUT, read-back; many read-backs together are one call

logger = logging.getLogger(__name__)


def drain(pk: int, *, worker: str, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Work on one bulk update until it no longer needs a worker or `should_stop` returns true.

    Returns immediately if another worker holds the lease. Raises DatabaseError if the database
    becomes unreachable; the lease then expires and another worker continues.
    """
    with leased(pk, worker) as bulk:
        if bulk is not None:
            Turn(bulk, worker, should_stop).run()


class Turn:
    """One worker's turn at one bulk update."""

    def __init__(self, bulk: BulkUpdate, worker: str, should_stop: Callable[[], bool]) -> None:
        self.bulk, self.worker, self.should_stop = bulk, worker, should_stop
        self.phase, self.size = bulk.state, bulk.in_flight
        self.lease = Lease(bulk, worker)
        self.claims = Claims(bulk, self.lease)
        self.pace = Pace(bulk.per_second, calls=CALLS, most=bulk.in_flight, held_until=bulk.slowed_until)
        self.trouble = Trouble()
        self.rollout = Rollout(bulk) if bulk.state == BulkState.RUNNING and self._sends else None
        self.steps = Steps(bulk, self.lease, self.pace, self.rollout)
        self.proofs = Proofs()
        self.tasks = 0  # given to threads and not finished
        self.is_writing = False  # a thread is writing to the index for 0.1 s, during which tickets go on
        self.in_flight: dict[int, BulkItem] = {}
        self.claimed: list[BulkItem] = []
        self.singly: set[int] = set()  # claimed items of which the list showed too little
        self.doubt_at: dict[int, float] = {}
        self.crm_away_since: float | None = None
        self.started = self.ticked = self.refreshed = time.monotonic()

    def run(self) -> None:
        """Work until nothing is left or the run is to stop."""
        if self.phase == BulkState.CANCELLING:
            cancel_run(self.lease)
            return
        if self.steps.work is None:
            self.pause(PauseReason.NOT_ALLOWED)
            return
        self.renew()
        self._recover()
        with slowed_by_refusals(self.pace), Crew(self.size + self._ahead + 1) as crew:
            while not self.is_over():
                if time.monotonic() - self.ticked >= TICK:
                    self.tick()
                while task := self._next_task():
                    self.tasks += 1
                    self.in_flight.update((item.pk, item) for item in task.items)
                    crew.give(task)
                for done in crew.collect(timeout=self._patience()):
                    self.take_in(done)
                self.steps.endings.write_when_due()
                if self.steps.reads.is_due and not self.is_writing:
                    self.is_writing = True
                    crew.give(Task([], self.steps.write_reads))
        self.close()

    def _patience(self) -> float:
        """Return the seconds to wait for a thread before something else is due."""
        wait = min(TICK, self.pace.wait() or TICK)
        return min(wait, self.proofs.wait()) if self.proofs.open else wait

    # --- what comes next -------------------------------------------------------------------------

    def _next_task(self) -> Task | None:
        """Return the next task for a thread, read-backs first; None if nothing may start."""
        is_last = self.steps.is_stopping or not (self.tasks or self.claimed)
        if self.steps.work is not None and (written := self.proofs.due(at_once=is_last)):
            return Task([one.item for one in written], partial(self.steps.prove, self.steps.work, written))
        if self.steps.is_stopping or self.proofs.is_full or self.tasks >= self._most():
            return None
        if doubtful := self._doubtful():
            return self._task(doubtful)
        if not self.claimed:
            self.claimed = self.claim()
        if not self.claimed or not self.pace.may_start(calls=CALLS - self.steps.proves_together):
            return None
        if self._reads_many and (items := self._readable_together()):
            return Task(items, partial(self.steps.plan, items))
        return self._task(self.claimed.pop(0))

    def _task(self, item: BulkItem) -> Task:
        return Task([item], lambda: [self.steps.step(item)])

    @property
    def _reads_many(self) -> bool:
        """Return whether it is a dry run that reads many tickets by one call."""
        return self.phase == BulkState.CHECKING and self.steps.lists.is_on

    def _readable_together(self) -> list[BulkItem]:
        """Take claimed items that one call may read; none if fewer than two are left."""
        open_items = [item for item in self.claimed if item.pk not in self.singly]
        wanted = set(self.steps.lists.first_part([item.ticket_code for item in open_items]))
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
        self.steps.limit.allow(max(1, allowed))
        if self.rollout is not None and not self.rollout.is_full:
            return self.rollout.in_flight(allowed)
        is_full_speed = allowed == self.size and not self.bulk.per_second
        return allowed + self._ahead + max(1, allowed // 4) if is_full_speed else allowed

    @property
    def _ahead(self) -> int:
        """Return how many tickets are prepared while calls of others are under way; 0 with one at a time."""
        return min(MAX_AHEAD, self.size // 2)

    def claim(self) -> list[BulkItem]:
        """Return waiting items, now claimed; none if the lease is lost, and then stop."""
        count = max(CLAIMED_AHEAD * self.bulk.in_flight, self.steps.lists.max_rows if self._reads_many else 0)
        is_to_prove = self.rollout is not None and not self.rollout.has_begun
        items = self.claims.claim(count, is_to_prove=is_to_prove, sends=self.rollout is not None)
        self.steps.is_stopping = self.steps.is_stopping or not self.lease.is_ours
        return items

    def _doubtful(self) -> BulkItem | None:
        now = time.monotonic()
        due = [pk for pk, at in self.doubt_at.items() if at <= now and pk not in self.in_flight]
        return self.claims.doubtful(due[0]) if due else None

    def take_in(self, done: Finished) -> None:
        """Take in the results of a task."""
        if not done.task.items:
            self.is_writing = False
            if isinstance(done.results, Exception):
                raise done.results
            return
        self.tasks -= 1
        for item, result in done.by_item():
            if self.in_flight.get(item.pk) is item:  # else it was put back, and claimed again by now
                del self.in_flight[item.pk]
            self.note(item, result)

    def note(self, item: BulkItem, found: ItemResult | Exception) -> None:
        """Handle the result of a step: what happens to its item next, and what it says about the CRM."""
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
        """Return the result of a step, or the one for an error that it raised. Raises DatabaseError."""
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
        """Take the end of an item into account: speed, failures, damage."""
        self.crm_away_since = None
        self.pace.note(reason, in_flight=min(len(self.in_flight) + 1, self.size))
        pause = self.trouble.note(reason, item.pk)
        if self.rollout is not None and self.steps.work is not None and item.state == ItemState.DONE:
            pause = self.rollout.note(item, self.steps.work.schema) or pause
        if pause:
            self.pause(pause)

    def _wait_for_crm(self) -> None:
        """Give the CRM's circuit time to close before the run pauses."""
        now = time.monotonic()
        self.crm_away_since = self.crm_away_since or now
        self.pace.hold(CIRCUIT_AGAIN)
        if now - self.crm_away_since > CRM_PATIENCE:
            self.pause(Cause.CRM_DOWN)

    def is_over(self) -> bool:
        """Return whether nothing is under way and nothing may or can follow."""
        if self.tasks or self.proofs.open:
            return False
        self.steps.endings.write()
        if self.steps.is_stopping:
            return True
        self.claimed = self.claimed or ([] if self.doubt_at else self.claim())
        return not (self.claimed or self.doubt_at or self.claims.has_waiting() or self._recover())

    # --- once in a while -------------------------------------------------------------------------

    def tick(self) -> None:
        """Renew the lease; stop if the run has left its phase, or another one is waiting for a worker."""
        self.ticked = time.monotonic()
        if not self.renew() or self.bulk.state != self.phase or self.should_stop():
            self.steps.is_stopping = True
        elif time.monotonic() - self.refreshed > REFRESH:
            self.refreshed = time.monotonic()
            if not self.steps.refresh():
                self.pause(PauseReason.NOT_ALLOWED)
        elif time.monotonic() - self.started > SHARE_AFTER and self._is_awaited():
            self.steps.is_stopping = True

    def renew(self) -> bool:
        """Renew the lease and read what users have set meanwhile; return whether the lease is still held."""
        is_ours = self.lease.renew(self.pace.slowed_until)
        self.pace.per_second = self.bulk.per_second
        return is_ours

    def _is_awaited(self) -> bool:
        """Return whether another bulk update has been waiting for a worker, to which a long one gives way."""
        long_ago = timezone.now() - lease_time()
        others = BulkUpdate.objects.filter(state__in=ACTIVE).exclude(pk=self.bulk.pk)
        return others.filter(waits_since__lt=long_ago).exists()

    def _recover(self) -> bool:
        """Requeue orphaned items, or mark them as doubtful; return whether any were found."""
        is_sent = self.phase == BulkState.RUNNING and self._sends
        found, doubts = self.claims.recover(may_be_sent=is_sent)
        self.steps.is_stopping = self.steps.is_stopping or not self.lease.is_ours
        self.doubt_at = {pk: _moment(at) for pk, at in doubts.items()}
        return found

    @property
    def _sends(self) -> bool:
        return BulkKind(self.bulk.kind).sends

    # --- the end ---------------------------------------------------------------------------------

    def pause(self, reason: str) -> None:
        """Pause the run, once what led to it can be seen."""
        self.steps.is_stopping = True
        self.steps.endings.write()
        pause_run(self.lease, self.phase, reason)

    def close(self) -> None:
        """Return unstarted items to the queue, and move the run to its next state."""
        self.steps.reads.write()
        if not self.claims.give_back(self.claimed):
            return
        self.bulk.refresh_from_db(fields=["state"])
        if self.bulk.state == BulkState.CANCELLING:
            cancel_run(self.lease)
        elif not self.steps.is_stopping and self.bulk.state == self.phase:
            finish_phase(self.lease, self.phase)


def _moment(at: datetime | None) -> float:
    """Return a moment on this process's clock; one that has passed if there is none."""
    return time.monotonic() + (at - timezone.now()).total_seconds() if at else 0.0
