"""Items of a run that have ended, written down together.

What was sent is on record in each item's change, which is written before the PUT and finished by itself. A
worker that is killed before it wrote its endings leaves items in progress; the next one finds their changes
finished, and takes the outcome from them.
"""

from contextvars import ContextVar

from ticketadmin.models import BulkItem
from ticketadmin.services.write_buffer import WriteBuffer


class Endings(WriteBuffer[BulkItem]):
    """The items of one run that ended since the last write, by primary key."""

    EVERY = 0.5
    MAX = 50
    USED = ContextVar("endings", default=None)

    def add(self, item: BulkItem) -> None:
        """Keep an item that has ended."""
        with self._lock:
            self._items[item.pk] = item
