"""What differs between two texts, word by word. Pure functions; markup is treated as words of its own."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

LONGEST = 4_000  # words; beyond that the texts are shown whole, because comparing is quadratic
_WORDS = re.compile(r"<[^<>]*>|\s+|[^\s<]+|<")


@dataclass(frozen=True)
class Piece:
    """A run of text that is in both versions, only in the newer, or only in the older."""

    kind: Literal["same", "added", "removed"]
    text: str


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Return the way from one text to another as pieces, whole words at a time.

    Leaving out the added pieces gives `before`, leaving out the removed ones `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > LONGEST:
        return _pieces(("removed", before), ("added", after))
    runs: list[tuple[bool, str, str]] = []  # same?, older text, newer text
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        was, now = "".join(old[i1:i2]), "".join(new[j1:j2])
        # White space that happens to stand in both texts is not worth breaking a change in two.
        is_same = tag == "equal" and bool(was.strip())
        if runs and not is_same and not runs[-1][0]:
            _same, earlier, later = runs.pop()
            was, now = earlier + was, later + now
        runs.append((is_same, was, now))
    return tuple(piece for run in runs for piece in _run(*run))


def _run(is_same: bool, was: str, now: str) -> tuple[Piece, ...]:
    if is_same or was == now:
        return _pieces(("same", was))
    return _pieces(("removed", was), ("added", now))


def _pieces(*named: tuple[Literal["same", "added", "removed"], str]) -> tuple[Piece, ...]:
    return tuple(Piece(kind, text) for kind, text in named if text)
