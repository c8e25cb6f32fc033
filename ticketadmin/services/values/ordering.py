"""Names in the order of the Vietnamese alphabet, worked out here because databases do not agree on it.

a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y, with f j w z where Latin has them; marks of
tone decide only between names that are otherwise the same: ngang, huyền, hỏi, ngã, sắc, nặng.
"""

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from ticketadmin.text import normalize

MAX_SORT_KEY = 90  # bytes of letters in a sort key, and of tones
MAX_SORTED_TEXT = 1_000  # the same for sorting here, where nothing is stored

_T = TypeVar("_T")
_LETTERS = {letter: place for place, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}


def in_order(items: Iterable[_T], name: Callable[[_T], str]) -> list[_T]:
    """Return items by their names, however these were typed (composed or not, either case)."""
    return sorted(items, key=lambda item: sort_key(name(item), limit=MAX_SORTED_TEXT))


def sort_key(name: str, *, limit: int = MAX_SORT_KEY) -> bytes:
    """Return bytes that order names as `in_order` does, in every database and with any collation.

    Two names have the same key if, and only if, they are equal when trimmed, composed and case-folded, up to
    the limit.
    """
    letters, tones = bytearray(), bytearray()
    for character in normalize("NFC", name.strip()[: 2 * limit].casefold()):
        weights, tone = _taken_apart(character)
        letters += weights
        tones.append(tone + 1)
        if len(letters) > limit:
            break
    while tones and tones[-1] == 1:
        tones.pop()
    return bytes(letters[:limit] + b"\x00" + tones[:limit]) if letters else b""


@lru_cache(maxsize=1_000)  # every row of the index has some hundred characters, of the same few
def _taken_apart(character: str) -> tuple[bytes, int]:
    """Return the weights of a character's letters, and its tone."""
    parts = normalize("NFD", character)
    tone = next((_TONES[part] for part in parts if part in _TONES), 0)
    bare = normalize("NFC", "".join(part for part in parts if part not in _TONES))
    return b"".join(map(_weight, bare)), tone


def number_key(number: float) -> bytes:
    """Return bytes that order numbers by their value."""
    bits = int.from_bytes(struct.pack(">d", number), "big")
    return (bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63)).to_bytes(8, "big")


def _weight(letter: str) -> bytes:
    known = _LETTERS.get(letter)
    if known is not None:
        return bytes([0xA0 + known])
    code = ord(letter)
    return bytes([code]) if 0x20 <= code < 0x7F else b"\x7f" + code.to_bytes(3, "big")
