"""A write buffer: rows that concurrent work would write one by one, written together every second or so.

A subclass says what is buffered and how an item is added; its writer gets all of them. A process that is
killed loses what it had not written, so only what can be determined again may be buffered.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, Self, TypeVar

_T = TypeVar("_T")


class WriteBuffer(Generic[_T]):
    """Items to write, by key. Any thread of the work may add and write."""

    EVERY: ClassVar[float]  # seconds between two writes
    MAX: ClassVar[int]  # items at which the buffer is written early
    USED: ClassVar[ContextVar[Any]]  # the buffer in use in a thread: a variable of each subclass

    def __init__(self, write: Callable[[dict[Any, _T]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._items: dict[Any, _T] = {}
        self._due = time.monotonic() + self.EVERY

    @classmethod
    def in_use(cls) -> Self | None:
        """Return the buffer of this thread; None if each item is written immediately."""
        found: Self | None = cls.USED.get()
        return found

    @contextmanager
    def buffering(self) -> Iterator[None]:
        """Use this buffer in this thread instead of writing each item."""
        token = self.USED.set(self)
        try:
            yield
        finally:
            self.USED.reset(token)

    @property
    def is_due(self) -> bool:
        """Return whether the time has come to write, or the buffer is full."""
        return time.monotonic() >= self._due or len(self._items) >= self.MAX

    def write_when_due(self) -> None:
        """Write the items if that is due."""
        if self.is_due:
            self.write()

    def write(self) -> None:
        """Write the items; of several threads that call this at the same time, one writes."""
        with self._lock:
            items, self._items = self._items, {}
            self._due = time.monotonic() + self.EVERY
        if items:
            self._write(items)
