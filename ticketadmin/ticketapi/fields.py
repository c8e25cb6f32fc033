"""Which fields a GET requests: all that the product can use, without those that this CRM refuses.

The documentation promises a few; whether `fields=` takes others is not documented, and an unknown name
may be answered with 400 for the whole request. Then a search by halving finds which names are refused, and
the others are kept. The result is believed only for some minutes: the 400 may have had a cause that passes.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence

from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError
from ticketadmin.ticketapi.reasons import Reason

BELIEVED_SECONDS = 600.0
Names = tuple[str, ...]


class AskedFields:
    """The names to ask one endpoint for. Thread-safe; `documented` ones are always asked for."""

    def __init__(
        self, documented: Sequence[str], wished: Sequence[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.documented: Names = tuple(documented)
        self._further: Names = tuple(name for name in wished if name not in self.documented)
        self._refused: frozenset[str] = frozenset()
        self._believed_until = 0.0
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def names(self) -> Names:
        """All names that are not known to be refused."""
        refused = self._refused if self._clock() < self._believed_until else frozenset()
        return (*self.documented, *(name for name in self._further if name not in refused))

    def find_refused(self, accepts: Callable[[Names], bool], *, words: str = "") -> None:
        """Ask for parts of the names until each refused one is known.

        `accepts` asks the CRM for some names and returns whether it answered; an error that it raises ends
        the search, and names not accepted by then count as refused. Names that occur in the `words` of the
        refusal are tried apart from the others: that takes two calls if the CRM names what it refuses, else
        at most two per name.
        """
        with self._lock:
            if self._clock() < self._believed_until:  # another thread found out meanwhile
                return
            named = set(re.findall(r"[A-Za-z0-9_]+", words))
            suspects = tuple(name for name in self._further if name in named)
            trusted = tuple(name for name in self._further if name not in named)
            groups = [trusted, suspects] if suspects else _halves(self._further)
            accepted: set[str] = set()
            try:
                for group in groups:
                    accepted.update(self._accepted(group, accepts))
            finally:
                self._refused = frozenset(self._further) - accepted
                self._believed_until = self._clock() + BELIEVED_SECONDS

    def _accepted(self, group: Names, accepts: Callable[[Names], bool]) -> Names:
        if not group or accepts((*self.documented, *group)):
            return group
        if len(group) == 1:
            return ()
        return tuple(name for half in _halves(group) for name in self._accepted(half, accepts))


def _halves(names: Names) -> tuple[Names, Names]:
    middle = len(names) // 2
    return names[:middle], names[middle:]


def is_refused_name(error: TicketApiError) -> bool:
    """Return whether an error can mean that the CRM does not know a name in `fields=`."""
    return isinstance(error, InvalidTicket) and error.reason is Reason.INVALID
