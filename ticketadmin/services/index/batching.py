"""The tickets that a bulk run reads, buffered for a second and written to the index together.

A bulk run reads each ticket twice within a save. Written one by one these are more statements than the save
itself; buffered, only a ticket's last read is written, and its row costs less than two. A worker that is
killed loses the reads of its last second: the rows stay older until the next sweep, and say so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from ticketadmin.services.crm.clock import CountedClock, reading_clock
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.write_buffer import WriteBuffer

Read = tuple[ReadTicket, datetime]  # what was read, and when that began
Batch = dict[str, Read]  # by code


class ReadBuffer(WriteBuffer[Read]):
    """The reads of one bulk run, by ticket code."""

    EVERY = 1.0
    MAX = 100
    USED = ContextVar("read_buffer", default=None)

    def __init__(self, write: Callable[[Batch], None]) -> None:
        super().__init__(write)
        self._clock = CountedClock()  # a batch is dated by its first read anyway

    @contextmanager
    def buffering(self) -> Iterator[None]:
        """Buffer the reads of this thread instead of writing each."""
        token = reading_clock.set(self._clock.now)
        try:
            with super().buffering():
                yield
        finally:
            reading_clock.reset(token)

    def add(self, read: ReadTicket, began_at: datetime) -> None:
        """Keep a read; of a ticket read before, the later one counts."""
        with self._lock:
            kept = self._items.get(read.code)
            if kept is None or kept[1] < began_at:
                self._items[read.code] = read, began_at
