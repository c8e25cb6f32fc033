"""Reading many tickets of a run by one call, for as long as the CRM's list is fit for it.

Used where nothing is at stake: a dry run, and the read-back of accepted writes. A row is only a shortcut: if
it is missing, incomplete or not as expected, its ticket is read singly, and so is every ticket just before it
is written. A list that proves of little use is not called again in this turn.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from ticketadmin.models import Reading
from ticketadmin.services.crm.reading import ReadTicket, read_listed
from ticketadmin.services.index.capabilities import can_filter_by_code, capabilities_of, keep_capabilities
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.values.choices import Choices
from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason

MAX_CODES_IN_A_CALL = 100
MAX_CODES_LENGTH = 4_000  # characters of the codes in one address, which proxies cut at 8,000
MIN_SHARE_LISTED = 0.5  # of the codes asked for; if fewer come back, the list is of little use


class ListReads:
    """Whether and how the tickets of one run are read together. Any thread of the run may use it."""

    def __init__(self, max_rows: int) -> None:
        """`max_rows` is how many rows one call may ask for; with 0 or 1 the list is not used."""
        self.max_rows = min(MAX_CODES_IN_A_CALL, max_rows)
        self.is_on = self.max_rows > 1
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Read every ticket singly from now on."""
        self.is_on = False

    def read(
        self, codes: Sequence[str], choices: Choices, *, names: Collection[str] | None = None
    ) -> dict[str, ReadTicket]:
        """Return the rows that the list shows, by code; a code without one is to be read singly.

        With `names`, only these fields are read. Never raises.
        """
        found: dict[str, ReadTicket] = {}
        waiting = list(self.parts(codes))
        while waiting and self.is_on:
            part = waiting.pop(0)
            try:
                rows = read_listed(part, choices, names=names)
            except TicketApiError as error:
                if error.reason is not Reason.OVERSIZED or len(part) == 1:
                    self._after(error)
                    return found
                self._halve(len(part))
                waiting = list(self.parts([*part, *chain.from_iterable(waiting)]))
                continue
            found |= rows.by_code
            if rows.ignored_filter:
                self._withdraw()
            elif len(rows.by_code) < MIN_SHARE_LISTED * len(part):
                self.stop()
        return found

    def parts(self, codes: Sequence[str]) -> Iterator[list[str]]:
        """Split codes into parts small enough for one call."""
        part: list[str] = []
        length = 0
        for code in codes:
            if part and (len(part) >= self.max_rows or length + len(code) + 1 > MAX_CODES_LENGTH):
                yield part
                part, length = [], 0
            part.append(code)
            length += len(code) + 1  # and a comma
        if part:
            yield part

    def first_part(self, codes: Sequence[str]) -> list[str]:
        """Return the first codes, as many as fit into one call."""
        return next(islice(self.parts(codes), 1), [])

    def _halve(self, asked: int) -> None:
        with self._lock:
            self.max_rows = max(1, min(self.max_rows, asked // 2))

    def _after(self, error: TicketApiError) -> None:
        if isinstance(error, InvalidTicket):
            self._withdraw()
        elif not isinstance(error, Unavailable):  # which passes, and concerns single reads as well
            self.stop()

    def _withdraw(self) -> None:
        """Forget that the list can be filtered, until the daily check proves it anew."""
        self.stop()
        index = current_index()
        keep_capabilities(index, replace(capabilities_of(index), filters_by_code=False))


def list_reads(choices: Choices) -> ListReads:
    """Return how tickets may be read together, by what is known of this CRM. No remote call is made."""
    index = current_index()
    if choices.reading is not Reading.WORKS or not can_filter_by_code(index):
        return ListReads(0)
    return ListReads(capabilities_of(index).page_size)
