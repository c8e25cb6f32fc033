"""Updates the index from reads that the tool makes anyway: opening, saving, read-backs, dry runs.

Where nothing can be read back, an accepted save leaves the values that were sent, marked as such. An error in
updating the index never fails the read or the save behind it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.dispatch import receiver
from django.utils import timezone

from ticketadmin.models import Change, Outcome, ReadFrom
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.reading import ReadTicket, ticket_absent, ticket_read
from ticketadmin.services.index.batching import Batch, ReadBuffer
from ticketadmin.services.index.rows import (
    index_to_write,
    listed_fields,
    mark_missing,
    seen_in_save,
    seen_in_ticket,
    write_read,
    write_rows,
)
from ticketadmin.services.saving.record import change_finished

logger = logging.getLogger(__name__)


@receiver(ticket_read)
def note_read(read: ReadTicket, began_at: datetime, before: ReadTicket | None, **_signal: Any) -> None:
    """Write the row of a ticket that was just read, or leave it to the buffer of this thread."""
    if reads := ReadBuffer.in_use():
        reads.add(read, began_at)
        return
    with _not_failing("a read"):
        listed = listed_fields()
        earlier = seen_in_ticket(before, listed) if before else None
        write_read(index_to_write(), seen_in_ticket(read, listed), began_at=began_at, before=earlier)


def write_batch(batch: Batch) -> None:
    """Write the rows of tickets that were read within a moment, as of the earliest of those reads."""
    listed = listed_fields()
    began_at = min(began for _read, began in batch.values())
    seen = [seen_in_ticket(read, listed) for read, _began in batch.values()]
    with _not_failing(f"{len(batch)} reads"):
        write_rows(index_to_write(), seen, began_at=began_at, read_from=ReadFrom.TICKET)


@receiver(ticket_absent)
def note_absent(code: str, began_at: datetime, **_signal: Any) -> None:
    """Mark the row of a ticket that the CRM no longer has; a code that the index never held makes no row."""
    with _not_failing("a read"):
        mark_missing(index_to_write(), code, began_at=began_at)


@receiver(change_finished)
def note_sent(change: Change, **_signal: Any) -> None:
    """Write what an accepted save sent, where it could not be read back."""
    outcome = Outcome(change.outcome)
    if not outcome.is_saved or outcome.is_applied:
        return
    with _not_failing("a save"):
        seen = seen_in_save(change.ticket_code, change.wanted, listed_fields())
        began_at = database_now() - (timezone.now() - change.created_at)  # by the clock of reads
        write_rows(index_to_write(), [seen], began_at=began_at, read_from=ReadFrom.SENT)


@contextmanager
def _not_failing(written: str) -> Iterator[None]:
    """Log an error of the database: what was read or saved is not lost with its row of the index."""
    try:
        yield
    except DatabaseError as error:
        logger.warning("could not write %s to the index: %s", written, type(error).__name__)
