"""Places in a list: the row after (or before) which a page begins, as a text for its address."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import NoneType
from typing import Any

MAX_PLACE = 2_000  # characters in an address


@dataclass(frozen=True)
class Place:
    """Where a page begins: after (or before) a row's key. `key` None: among the rows without a value."""

    key: Any
    pk: int
    is_back: bool = False

    @property
    def spelled(self) -> str:
        """The text for an address, which `place_of` reads."""
        kind, text = next(
            (name, write(self.key)) for name, of, write, _read in _KEYS if isinstance(self.key, of)
        )
        return base64.urlsafe_b64encode(json.dumps([kind, text, self.pk, self.is_back]).encode()).decode()


def place_of(text: str, key_type: type) -> Place | None:
    """Return the place that an address names, None for the beginning.

    Raises ValueError for anything else, also for the place of another order, whose keys are not of this type.
    """
    if not text:
        return None
    if len(text) > MAX_PLACE:
        raise ValueError
    try:
        kind, key, pk, is_back = json.loads(base64.urlsafe_b64decode(text.encode()))
        read = next(read for name, _type, _write, read in _KEYS if name == kind)
        place = Place(read(key), int(pk), bool(is_back))
        if type(place.key) not in {NoneType, key_type}:
            raise TypeError
        return place
    except (ValueError, TypeError, OverflowError, StopIteration, RecursionError) as error:
        raise ValueError from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)  # where there is one: not before the year 1


# The kinds of sort keys: the name in an address, the type, how a key is written there and how it is read.
_KEYS: tuple[tuple[str, Any, Callable[[Any], object], Callable[[Any], Any]], ...] = (
    ("none", NoneType, lambda _key: None, lambda _text: None),
    ("bytes", bytes | memoryview, lambda key: bytes(key).hex(), bytes.fromhex),
    ("time", datetime, datetime.isoformat, _moment),
    ("day", date, date.isoformat, date.fromisoformat),
    ("int", int, str, int),
)
