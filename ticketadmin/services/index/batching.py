"""Reads of one piece of work that makes many, gathered for a moment and written to the index together.

A bulk run reads each ticket twice within a save. Written one by one these are more statements than the save
itself; gathered, a ticket's last read counts, and its row costs less than two. A worker that is killed loses
the reads of its last second: the rows stay older until the next sweep, and say so.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from ticketadmin.services.crm.reading import ReadTicket

EVERY = 1.0  # seconds
MAX_READS = 100  # in one batch

Batch = dict[str, tuple[ReadTicket, datetime]]  # by code: what was read, and when that began
_gathered_by: ContextVar["GatheredReads | None"] = ContextVar("gathered_by", default=None)


class GatheredReads:
    """The reads of one piece of work. Any of its threads may add and write."""

    def __init__(self, write: Callable[[Batch], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._batch: Batch = {}
        self._due = time.monotonic() + EVERY

    def add(self, read: ReadTicket, began_at: datetime) -> None:
        """Keep a read; of a ticket read before, the later one counts."""
        with self._lock:
            kept = self._batch.get(read.code)
            if kept is None or kept[1] < began_at:
                self._batch[read.code] = read, began_at

    def write_when_due(self) -> None:
        """Write what was gathered where a moment has passed, or much is there."""
        if time.monotonic() >= self._due or len(self._batch) >= MAX_READS:
            self.write()

    def write(self) -> None:
        """Write what was gathered. Of several threads at once, one does."""
        with self._lock:
            batch, self._batch = self._batch, {}
            self._due = time.monotonic() + EVERY
        if batch:
            self._write(batch)


@contextmanager
def gathering(reads: GatheredReads) -> Iterator[None]:
    """Gather the reads of this thread instead of writing each."""
    token = _gathered_by.set(reads)
    try:
        yield
    finally:
        _gathered_by.reset(token)


def gathered_by() -> GatheredReads | None:
    """Return what gathers the reads of this thread, None where each is written."""
    return _gathered_by.get()
