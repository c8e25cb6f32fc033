"""How many calls to the CRM one piece of work makes at once, however many threads it has.

A bulk run has more tickets in work than it may have calls under way: while some wait for the CRM, others are
compared, written down and finished. Each remote call is counted, nothing else.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar

from ticketadmin.ticketapi.calls import MAX_WRITE_WAIT
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

PAUSE = 0.0005  # seconds in which a thread whose call ended lets the next one be sent


class ConcurrencyLimit:
    """A semaphore whose size may change, in which writes overtake reads.

    A write never waits for a read that came later, so that the values it was compared with stay recent; after
    MAX_WRITE_WAIT it is refused nevertheless, and its save compares again.
    `may_begin` is called before the first call of a save, once its turn has come.
    """

    def __init__(self, most: int, *, may_begin: Callable[[], bool] = lambda: True) -> None:
        self._most, self._may_begin = most, may_begin
        self._lock = threading.Lock()
        self._under_way = 0
        self._writes: deque[threading.Lock] = deque()
        self._others: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """Return how many calls wait for their turn."""
        return len(self._writes) + len(self._others)

    def allow(self, most: int) -> None:
        """Allow at most this many calls at once from now on; calls under way are not interrupted."""
        if most != self._most:
            with self._lock:
                self._most = most
                self._hand_on()

    def enter(self, *, within: float, places: int) -> float:
        """Wait until a call may be made, at most `within` seconds, and return how long that took.

        `places` is how many places under the rate limit the call takes: none for the write of a save that has
        read its ticket, two for that read. Raises Unavailable (busy_here), for such a write with `again_in`.
        """
        started = time.monotonic()
        if places == 0 and not self._take(self._writes, min(within, MAX_WRITE_WAIT)):
            refused = Unavailable(Reason.BUSY_HERE)
            refused.again_in, refused.attempts = 0.0, 0
            raise refused
        if places > 0 and not self._take(self._others, within):
            raise Unavailable(Reason.BUSY_HERE)
        if places > 1 and not self._may_begin():
            self.leave()
            raise Unavailable(Reason.BUSY_HERE)
        return time.monotonic() - started

    def leave(self) -> None:
        """End a call that was let in."""
        with self._lock:
            self._under_way -= 1
            self._hand_on()
        time.sleep(PAUSE)

    def _take(self, queue: deque[threading.Lock], within: float) -> bool:
        turn = threading.Lock()
        turn.acquire()
        with self._lock:
            queue.append(turn)
            self._hand_on()
        if turn.acquire(timeout=max(0.0, within)):
            return True
        with self._lock:
            if turn not in queue:  # its turn came just now
                return True
            queue.remove(turn)
        return False

    def _hand_on(self) -> None:
        while self._under_way < self._most and (queue := self._writes or self._others):
            self._under_way += 1
            queue.popleft().release()


# The limit on the calls of this thread, None if there is none.
concurrency_limit: ContextVar[ConcurrencyLimit | None] = ContextVar("concurrency_limit", default=None)
