"""The threads that work on items side by side, and nothing of what the work is."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from django.db import connections

from ticketadmin.models import BulkItem
from ticketadmin.services.bulk.results import ItemResult


@dataclass(frozen=True)
class Finished:
    """One item that a thread has finished with: the result of its step, or the error that broke out."""

    item: BulkItem
    result: ItemResult | Exception


class Crew:
    """A fixed number of threads, each with its own database connection. Use as a context manager."""

    def __init__(self, size: int, step: Callable[[BulkItem], ItemResult]) -> None:
        self._step = step
        self._given: queue.SimpleQueue[BulkItem | None] = queue.SimpleQueue()
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

    def give(self, item: BulkItem) -> None:
        """Hand an item to the next free thread."""
        self._given.put(item)

    def collect(self, *, timeout: float) -> list[Finished]:
        """Wait for at least one finished item, at most `timeout` seconds, and return all there are."""
        try:
            found = [self._done.get(timeout=timeout)]
        except queue.Empty:
            return []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def _work(self) -> None:
        try:
            while (item := self._given.get()) is not None:
                self._done.put(self._do(item))
        finally:
            connections.close_all()

    def _do(self, item: BulkItem) -> Finished:
        try:
            return Finished(item, self._step(item))
        except Exception as error:  # noqa: BLE001 - the last line of defence: the drain decides what it means
            return Finished(item, error)
