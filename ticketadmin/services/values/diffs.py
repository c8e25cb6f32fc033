"""Differences between two texts, word by word. Pure functions; markup is treated as separate words."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

# Words of both texts between their common beginning and end. Comparing is cubic where words repeat, and a
# customer may send such a text. So longer ones are shown whole, and in shorter ones difflib's `autojunk`
# begins no match with a word that makes up more than a hundredth of the newer text.
LONGEST = 1_500
_WORDS = re.compile(r"<[^<>]*>|\s+|[^\s<]+|<")


@dataclass(frozen=True)
class Piece:
    """A run of text that is in both versions, only in the newer, or only in the older."""

    kind: Literal["same", "added", "removed"]
    text: str


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Return the changes from one text to another as pieces, whole words at a time.

    Leaving out the added pieces gives `before`, leaving out the removed ones `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    start = common_length(old, new)
    end = common_length(old[start:][::-1], new[start:][::-1])
    head, tail = "".join(old[:start]), "".join(old[len(old) - end :])
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    runs = [(True, head, head), *_runs(old, new), (True, tail, tail)]
    return tuple(piece for run in runs for piece in _run(*run))


def common_length(*texts: Sequence[str]) -> int:
    """Return how many words, or letters, the texts have in common at their beginning."""
    return sum(1 for _same in takewhile(lambda these: len(set(these)) == 1, zip(*texts, strict=False)))


def _runs(old: list[str], new: list[str]) -> list[tuple[bool, str, str]]:
    """Return runs of words as: the same?, the older text, the newer text."""
    if len(old) + len(new) > LONGEST:
        return [(False, "".join(old), "".join(new))]
    runs: list[tuple[bool, str, str]] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        was, now = "".join(old[i1:i2]), "".join(new[j1:j2])
        # White space that happens to be in both texts is not worth breaking a change in two.
        is_same = tag == "equal" and bool(was.strip())
        if runs and not is_same and not runs[-1][0]:
            _same, earlier, later = runs.pop()
            was, now = earlier + was, later + now
        runs.append((is_same, was, now))
    return runs


def _run(is_same: bool, was: str, now: str) -> tuple[Piece, ...]:
    pieces = (Piece("same", was),) if is_same or was == now else (Piece("removed", was), Piece("added", now))
    return tuple(piece for piece in pieces if piece.text)
