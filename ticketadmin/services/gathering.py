"""Things that one piece of work would write one by one, gathered for a moment and written together.

A subclass says what is gathered and how it adds; its writer is given all of it. A process that is killed
loses what it gathered and did not write, so only what can be found out again is gathered.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, Self, TypeVar

Thing = TypeVar("Thing")


class Gatherer(Generic[Thing]):
    """What is gathered, by key. Any thread of the work may add and write."""

    EVERY: ClassVar[float]  # seconds between two writes
    MAX: ClassVar[int]  # things, with which it is written before its time
    USED: ClassVar[ContextVar[Any]]  # what gathers in a thread: a variable of each subclass's own

    def __init__(self, write: Callable[[dict[Any, Thing]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._things: dict[Any, Thing] = {}
        self._due = time.monotonic() + self.EVERY

    @classmethod
    def in_use(cls) -> Self | None:
        """Return what gathers in this thread, None where each thing is written at once."""
        found: Self | None = cls.USED.get()
        return found

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Gather in this thread instead of writing each thing."""
        token = self.USED.set(self)
        try:
            yield
        finally:
            self.USED.reset(token)

    def write_when_due(self) -> None:
        """Write what was gathered where a moment has passed, or much is there."""
        if time.monotonic() >= self._due or len(self._things) >= self.MAX:
            self.write()

    def write(self) -> None:
        """Write what was gathered. Of several threads at once, one does."""
        with self._lock:
            things, self._things = self._things, {}
            self._due = time.monotonic() + self.EVERY
        if things:
            self._write(things)
