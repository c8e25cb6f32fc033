"""The threads that work on items in parallel. They know nothing about the work itself."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from django.db import DatabaseError, connection, connections

from ticketadmin.models import BulkItem
from ticketadmin.services.bulk.results import ItemResult


@dataclass(frozen=True)
class Task:
    """One piece of work for a thread: for one item or several, with a result for each."""

    items: Sequence[BulkItem]
    run: Callable[[], Sequence[ItemResult]]


@dataclass(frozen=True)
class Finished:
    """A task that a thread has finished: its results, or the error that it raised."""

    task: Task
    results: Sequence[ItemResult] | Exception

    def by_item(self) -> list[tuple[BulkItem, ItemResult | Exception]]:
        """Return each item with its result or the error."""
        if isinstance(self.results, Exception):
            return [(item, self.results) for item in self.task.items]
        return list(zip(self.task.items, self.results, strict=True))


class Crew:
    """A fixed number of threads, each with its own database connection. Use as a context manager."""

    def __init__(self, size: int) -> None:
        self._given: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _number in range(size)]

    def __enter__(self) -> "Crew":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _thread in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()

    def give(self, task: Task) -> None:
        """Hand a task to the next free thread."""
        self._given.put(task)

    def collect(self, *, timeout: float) -> list[Finished]:
        """Wait for at least one finished task, at most `timeout` seconds, and return all there are."""
        try:
            found = [self._done.get(timeout=timeout)]
        except queue.Empty:
            return []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def _work(self) -> None:
        try:
            _connect()
            while (task := self._given.get()) is not None:
                self._done.put(self._do(task))
        finally:
            connections.close_all()

    def _do(self, task: Task) -> Finished:
        try:
            return Finished(task, task.run())
        except Exception as error:  # noqa: BLE001 - the last line of defence: the drain decides what it means
            return Finished(task, error)


def _connect() -> None:
    """Connect this thread to the database, while the first ticket of a run goes alone.

    SQLite keeps half a megabyte for it instead of two; a write elsewhere drops it anyway.
    """
    with suppress(DatabaseError):  # the first task meets the error again, and reports it
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA cache_size = -512")
