"""Cleaning typical content beside bare bleach and bare nh3, and the pathological set."""

from functools import partial

import bleach
import nh3

from benchmarks.measuring import Row, side_by_side
from tests.sanitizing.test_cleaning import EXPENSIVE
from ticketadmin.sanitizing import ATTRIBUTES, TAGS, ContentTooComplex, clean_html

PARAGRAPH = (
    "<p class=MsoNormal><span style='color:red'><b>Máy in</b> không nhận lệnh, khách đã thử "
    "<i>khởi động lại</i>. "
    "Xem <a href='https://example.com/?a=1&amp;b=2'>ảnh chụp</a>.</span></p><ul><li>một<li>hai</ul>"
)


def cleaning(rounds: int) -> list[Row]:
    """Return typical sizes with their ratio, then the worst documents."""
    rows: list[Row] = []
    for kilobytes in (1, 10, 50):
        text = (PARAGRAPH * (kilobytes * 1000 // len(PARAGRAPH) + 1))[: kilobytes * 1000]
        measured = side_by_side(
            f"cleaning {kilobytes} KB",
            {
                "bare bleach": partial(_bleach, text),
                "bare nh3": partial(_nh3, text),
                "ours": partial(_ours, text),
            },
            rounds,
        )
        measured["ours"].peer, measured["ours"].limit = "bare bleach", "≤ 1.3 ×"
        rows += measured.values()
    worst = side_by_side(
        "cleaning, pathological", {name: partial(_ours, text) for name, text in EXPENSIVE.items()}, 2
    )
    slowest = max(worst.values(), key=lambda row: row.median)
    slowest.limit, slowest.note = "≤ 2000 ms", f"the slowest of {len(worst)}"
    return [*rows, slowest]


def _bleach(text: str) -> None:
    bleach.clean(
        text, tags=TAGS, attributes={tag: list(names) for tag, names in ATTRIBUTES.items()}, strip=True
    )


def _nh3(text: str) -> None:
    nh3.clean(text, tags=set(TAGS))


def _ours(text: str) -> None:
    try:
        clean_html(text)
    except ContentTooComplex:
        return
