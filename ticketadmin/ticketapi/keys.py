"""The API key: where it comes from, and how it stays out of everything that people read."""

import re
import threading
from pathlib import Path

from ticketadmin.ticketapi.errors import KeyRefused
from ticketadmin.ticketapi.masking import spellings
from ticketadmin.ticketapi.reasons import Reason

MASK = "•••"
MIN_SPELLING = 6  # masking shorter texts would blank out ordinary words


class ApiKey:
    """The key itself, or a file that holds it and is read again when it changes.

    A file lets a secret be rotated without a restart. Nothing that prints, logs, compares or
    pickles this object shows the key; only `reveal` does.
    """

    __slots__ = ("_file", "_lock", "_patterns", "_spelled", "_stamp", "_value")

    def __init__(self, *, value: str = "", file: str = "") -> None:
        self._value = value.strip()
        self._patterns: tuple[re.Pattern[str], ...] = ()  # of this key and the one before it
        self._spelled = ""  # the key that the last pattern finds
        self._file = Path(file) if file else None
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def reveal(self) -> str:
        """Return the key for the request header. Raises KeyRefused (`no_key`) if there is none."""
        if self._file is not None:
            self._reload(self._file)
        if not self._value or not self._value.isascii() or not self._value.isprintable():
            raise KeyRefused(Reason.NO_KEY)
        return self._value

    def _reload(self, file: Path) -> None:
        with self._lock:
            try:
                status = file.stat()
                stamp = (status.st_mtime_ns, status.st_size)
                if stamp != self._stamp:
                    self._value = file.read_text(encoding="utf-8").strip()
                    self._stamp = stamp
            except (OSError, UnicodeDecodeError):
                self._value, self._stamp = "", None

    def mask(self, text: str) -> str:
        """Return text of the CRM with the key blanked out, however the CRM spells it.

        To be called on a text as it arrived and again after each step of decoding. A key that was replaced a
        moment ago is also blanked out: an answer to a request with it may still arrive.
        """
        if self._value != self._spelled:
            self._spell_out()
        for pattern in self._patterns:
            text = pattern.sub(MASK, text)
        return text

    def _spell_out(self) -> None:
        """Add the pattern of a key that was read since the last one was made."""
        with self._lock:
            value = self._value
            if value != self._spelled and len(value) >= MIN_SPELLING and value.isascii():
                self._patterns = (*self._patterns[-1:], spellings(value))
                self._spelled = value

    def __repr__(self) -> str:
        return f"ApiKey({MASK})"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "an API key is not pickled"
        raise TypeError(message)
