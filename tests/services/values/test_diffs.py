"""Differences word by word: what a user sees of them, and that nothing of either text is missing."""

import pytest
from hypothesis import given, strategies

from ticketadmin.services.values.diffs import LONGEST, Piece, word_diff

TEXTS = strategies.text(alphabet="ab <>/\n\tđ&", max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_rebuilt_from_the_pieces(before: str, after: str) -> None:
    pieces = word_diff(before, after)

    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("một hai ba", "một 2 ba", [("same", "một "), ("removed", "hai"), ("added", "2"), ("same", " ba")]),
        ("Đang xử lý", "Chờ khách hàng", [("removed", "Đang xử lý"), ("added", "Chờ khách hàng")]),
        ("giống", "giống", [("same", "giống")]),
        ("", "mới", [("added", "mới")]),
        ("<p>a</p>", "<p>b</p>", [("same", "<p>"), ("removed", "a"), ("added", "b"), ("same", "</p>")]),
    ],
)
def test_pieces_are_whole_words(before: str, after: str, pieces: list[tuple[str, str]]) -> None:
    assert [(piece.kind, piece.text) for piece in word_diff(before, after)] == pieces


def test_a_small_change_in_a_very_long_text_is_shown_as_small() -> None:
    long = "a " * LONGEST

    start, *change, end = word_diff(f"{long}b {long}", f"{long}c {long}")

    assert (start, end) == (Piece("same", long), Piece("same", f" {long}"))
    assert change == [Piece("removed", "b"), Piece("added", "c")]


def test_very_long_changes_are_shown_whole() -> None:
    before, after = "a b " * LONGEST + "x", "c a a b " * LONGEST + "y"

    assert word_diff(before, after) == (Piece("removed", before), Piece("added", after))
