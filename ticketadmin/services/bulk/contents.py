"""The contents of tickets as cells of an exported list.

The index holds no content, so each is one read of its ticket, made while the file is written. A content that
cannot be read or does not fit is a cell that says so: the file is always completed.
"""

import time
from collections.abc import Mapping
from contextvars import copy_context

from ticketadmin.services.bulk.exports import Missing, missing_text, shortened
from ticketadmin.services.crm.hold import asked_to_wait
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.history.export import harmless
from ticketadmin.services.index.texts import spelled
from ticketadmin.services.spreadsheets.records import ExportedCell
from ticketadmin.services.spreadsheets.writing import MAX_CELL, cell_text, code_units, fitting
from ticketadmin.services.values.choices import Choices
from ticketadmin.ticketapi.errors import KeyRefused, NotAllowed, NotFound, TicketApiError
from ticketadmin.ticketapi.reasons import Reason

CONTENT = "ticket_content"
MAX_WITH_CONTENTS = 500  # of one file with contents
MAX_CONTENT_BYTES = 5_000_000  # of one file, in UTF-8: with its record it stays below what an upload may hold
MAX_CONTENT_SECONDS = 60.0  # of reading: proxies abort a download that sends nothing for 90


class ContentReader:
    """Reads contents one after the other and counts those that it could not read.

    Create it while the request is served: reads then carry the request's id and language, although the file
    may be streamed after that. `seconds` count from the first read; `size` is that of all cells, in bytes.
    """

    def __init__(
        self, choices: Choices, *, seconds: float = MAX_CONTENT_SECONDS, size: int = MAX_CONTENT_BYTES
    ) -> None:
        self._choices = choices
        self._seconds = seconds
        self._room = size
        self._until: float | None = None
        self._missing = 0
        self._context = copy_context()

    def cell_of(self, code: str) -> ExportedCell:
        """Return the cell of a ticket's content, from one read of the ticket. Never raises TicketApiError."""
        return self._context.run(self._cell_of, code)

    def audit_details(self) -> Mapping[str, int]:
        """Return what the audit log records about the contents."""
        return {"contents_not_read": self._missing}

    def _cell_of(self, code: str) -> ExportedCell:
        content = self._content_of(code)
        if isinstance(content, Missing):
            self._missing += 1
            return ExportedCell(missing_text(content), None)
        cell = content_cell(content)
        self._room -= len(cell.text.encode())
        return cell

    def _content_of(self, code: str) -> str | Missing:
        if self._room <= 0:
            return Missing.NO_ROOM
        if not self._has_time():
            return Missing.NO_TIME
        try:
            return _content_in(read_ticket(code, self._choices))
        except NotFound:
            return Missing.NO_TICKET
        except (CannotRead, KeyRefused, NotAllowed):
            return Missing.REFUSED
        except TicketApiError as error:
            return Missing.TOO_LARGE if error.reason is Reason.OVERSIZED else Missing.NO_ANSWER

    def _has_time(self) -> bool:
        """Return whether a read may start; wait as long as the CRM asked, if that is within the limit."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        wait = asked_to_wait()
        if now + wait >= self._until:
            return False
        if wait:
            time.sleep(wait)
        return True


def content_cell(content: str) -> ExportedCell:
    """Return the cell of a content, shortened and marked where Excel would not hold it.

    In a CSV file the apostrophes that disarm formulas count as well.
    """
    if code_units(harmless(content)) <= MAX_CELL:
        return ExportedCell(cell_text(content), content)
    beginning = fitting(content, MAX_CELL - code_units(shortened("")))
    growth = code_units(harmless(beginning)) - code_units(beginning)
    beginning = fitting(beginning, code_units(beginning) - growth)
    return ExportedCell(cell_text(shortened(beginning)), None, is_cut=True)


def _content_in(read: ReadTicket) -> str | Missing:
    if CONTENT in read.unread:
        return Missing.TOO_LARGE
    return spelled(read.values[CONTENT]) if CONTENT in read.values else Missing.NOT_KNOWN
