"""Names in the order of the Vietnamese alphabet, which no database here knows alike.

a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y, with f j w z where Latin has them; marks of
tone decide only between names that are otherwise the same: ngang, huyền, hỏi, ngã, sắc, nặng.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ticketadmin.text import normalize

Thing = TypeVar("Thing")
_LETTERS = {letter: place for place, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}


def in_order(things: Iterable[Thing], name: Callable[[Thing], str]) -> list[Thing]:
    """Return things by their names, however these were typed (composed or not, either case)."""
    return sorted(things, key=lambda thing: _place(name(thing)))


def _place(name: str) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    letters: list[tuple[int, int]] = []
    tones: list[int] = []
    for character in normalize("NFC", name.strip().casefold()):
        parts = normalize("NFD", character)
        tone = next((_TONES[part] for part in parts if part in _TONES), 0)
        bare = normalize("NFC", "".join(part for part in parts if part not in _TONES))
        known = _LETTERS.get(bare)
        letters.append((1, known) if known is not None else (0, ord(bare[:1] or " ")))
        tones.append(tone)
    return tuple(letters), tuple(tones)
