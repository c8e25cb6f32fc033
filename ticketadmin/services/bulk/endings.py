"""Items of a run that have ended, written down together.

What was sent is on record in each item's change, which is written before the PUT and finished by itself. A
worker that is killed before it wrote its endings leaves items in progress; the next one finds their changes
finished, and takes the outcome from them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ticketadmin.models import BulkItem

EVERY = 0.5  # seconds
MAX_ENDINGS = 50  # in one statement
_gathered_by: ContextVar["Endings | None"] = ContextVar("endings_gathered_by", default=None)


class Endings:
    """The items of one run that ended since the last write. Any of its threads may add."""

    def __init__(self, write: Callable[[list[BulkItem]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._ended: list[BulkItem] = []
        self._due = time.monotonic() + EVERY

    def add(self, item: BulkItem) -> None:
        """Keep an item that has ended."""
        with self._lock:
            self._ended.append(item)

    def write_when_due(self) -> None:
        """Write what has ended where a moment has passed, or much is there."""
        if time.monotonic() >= self._due or len(self._ended) >= MAX_ENDINGS:
            self.write()

    def write(self) -> None:
        """Write what has ended."""
        with self._lock:
            ended, self._ended = self._ended, []
            self._due = time.monotonic() + EVERY
        for start in range(0, len(ended), MAX_ENDINGS):
            self._write(ended[start : start + MAX_ENDINGS])


@contextmanager
def gathering_endings(endings: Endings) -> Iterator[None]:
    """Gather the endings of this thread instead of writing each."""
    token = _gathered_by.set(endings)
    try:
        yield
    finally:
        _gathered_by.reset(token)


def gathered_by() -> Endings | None:
    """Return what gathers the endings of this thread, None where each is written."""
    return _gathered_by.get()
