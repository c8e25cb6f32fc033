"""The rules of the browser, case by case; Chromium itself judges them in tests/e2e/test_widgets.py."""

import pytest
from hypothesis import given, strategies

from ticketadmin.services.values.browser import (
    Widget,
    has_line_end,
    is_date,
    posted_text,
    posted_texts,
    renderable,
    with_plain_line_ends,
)

ONE_LINE = [widget for widget in Widget if widget.is_one_line]
MANY_LINES = [Widget.AREA, Widget.CONTENT, Widget.SELECT, Widget.CHECKS]
TEXTS = strategies.text(alphabet="a \r\n\t\0\ud800\udfffé<&\"'", max_size=12)


@pytest.mark.parametrize("widget", ONE_LINE)
def test_a_one_line_box_drops_every_line_end(widget: Widget) -> None:
    assert posted_text(widget, "a\nb\r\nc\rd ") == "abcd "


@pytest.mark.parametrize("widget", MANY_LINES)
def test_other_widgets_post_every_line_end_as_crlf(widget: Widget) -> None:
    assert posted_text(widget, "a\nb\r\nc\rd") == "a\r\nb\r\nc\r\nd"


@pytest.mark.parametrize(
    ("text", "posted"),
    [
        ("2026-11-28", "2026-11-28"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-29", ""),
        ("28/11/2026", ""),
        ("0000-01-01", ""),
        ("2026-11-28T10:00", ""),
        (" 2026-11-28", ""),
        ("٢٠٢٦-11-28", ""),
    ],
)
def test_a_date_input_drops_what_is_not_a_date(text: str, posted: str) -> None:
    assert posted_text(Widget.DATE, text) == posted
    assert is_date(text) == bool(posted)


def test_checkboxes_post_an_empty_text_before_the_ticked_values() -> None:
    assert posted_texts(Widget.CHECKS, []) == [""]
    assert posted_texts(Widget.CHECKS, ["A", "b\nc"]) == ["", "A", "b\r\nc"]


@pytest.mark.parametrize("widget", [one for one in Widget if one is not Widget.CHECKS])
def test_every_other_widget_posts_one_text(widget: Widget) -> None:
    assert posted_texts(widget, []) == [""]
    assert len(posted_texts(widget, ["a", "b"])) == 1


@given(TEXTS)
def test_what_is_rendered_is_valid_utf_8_of_the_same_length(text: str) -> None:
    shown = renderable(text)

    assert len(shown) == len(text)
    assert "\0" not in shown
    assert shown.encode().decode() == shown
    assert all(after == before or after == "\ufffd" for before, after in zip(text, shown, strict=True))


@given(TEXTS)
def test_plain_line_ends_keep_the_lines(text: str) -> None:
    plain = with_plain_line_ends(text)

    assert "\r" not in plain
    assert has_line_end(plain) == has_line_end(text)
    assert plain.split("\n") == text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@given(strategies.sampled_from(sorted(Widget)), TEXTS)
def test_posting_a_posted_value_again_changes_nothing(widget: Widget, text: str) -> None:
    once = posted_text(widget, text)

    assert posted_text(widget, once) == once
