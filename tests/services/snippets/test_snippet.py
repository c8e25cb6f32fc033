"""What a snippet says: names and contents as they are kept, placeholders, and what it inserts where."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from ticketadmin.services.snippets.snippet import (
    MAX_SNIPPET_CONTENT,
    MAX_SNIPPET_NAME,
    as_content,
    as_name,
    insertion_of,
)

VALUES = {"customer": "A & <B>", "code": "ABC123", "today": "28/11/2026", "me": "Lan"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("chao", "chao"),
        ("//Chao ", "chao"),
        ("CHA\u0300O-khách_2", "chào-khách_2"),
        ("x" * MAX_SNIPPET_NAME, "x" * MAX_SNIPPET_NAME),
        ("a\n", "a"),
    ],
)
def test_a_name_is_stored_in_one_spelling(typed: str, kept: str) -> None:
    assert as_name(typed) == kept
    assert as_name(kept) == kept


@pytest.mark.parametrize("typed", ["", "  ", "//", "two words", "a/b", "x" * 41, "x" * 10_000, "a.b", "<b>"])
def test_a_name_must_be_one_word(typed: str) -> None:
    with pytest.raises(ValidationError):
        as_name(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Chào bạn,\r\nhẹn gặp lại.  ", "Chào bạn,\nhẹn gặp lại."),
        ("Lan <lan@example.com> a < b", "Lan <lan@example.com> a < b"),
        ("<p onclick=x()>Xin</p><script>1</script>", "<p>Xin</p>"),
        ("<script>1</script>a &lt; b", "<p>a &lt; b</p>"),
        ("a\x00\x07b\tc", "ab\tc"),
        ("e\u0301", "é"),
    ],
)
def test_content_is_stored_clean_and_plain_text_stays_plain(typed: str, kept: str) -> None:
    assert as_content(typed) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "no_content"),
        (" \n\t", "no_content"),
        ("<p><br></p>", "no_content"),
        ("<script>1</script>", "no_content"),
        ("x" * (MAX_SNIPPET_CONTENT + 1), "too_long"),
        ("x" * 10_000_000, "too_long"),
        ("<p>" + "x" * 19_000 + "&" * 500, "too_long"),
        ("{customer} {kunde}", "no_placeholder"),
        ("<div>" * 4_000, "too_deep"),
    ],
)
def test_a_content_that_cannot_be_stored_says_why(typed: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        as_content(typed)

    assert refused.value.code == code
    assert refused.value.messages[0]


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<b>", "<br>", "<a href='http://x.vn'>", "<ul><li>", "<td>", "<!--", "<", ">"),
        *("&lt;", "&#824;", "\u0338", "e\u0301", "\u037e", " ", "\n", "{me}", "x", "&", '"', "'"),
    ]
)


@example("<p>&#824;x</p>")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_storing_a_stored_content_again_changes_nothing(typed: str) -> None:
    try:
        kept = as_content(typed)
    except ValidationError:
        return
    assert as_content(kept) == kept


def test_rich_text_gets_html_and_other_boxes_its_text() -> None:
    shown = insertion_of("<p>Chào <b>{customer}</b>,</p><p>{code} {today} {me}</p>", VALUES)

    assert shown.html == "<p>Chào <b>A &amp; &lt;B&gt;</b>,</p><p>ABC123 28/11/2026 Lan</p>"
    assert shown.text == "Chào A & <B>,\nABC123 28/11/2026 Lan"
    assert shown.problems == ()


def test_plain_text_gets_values_as_they_are_and_rich_text_escaped() -> None:
    shown = insertion_of("Chào {customer},\n{me} < 3", VALUES)

    assert shown.text == "Chào A & <B>,\nLan < 3"
    assert shown.html == "<p>Chào A &amp; &lt;B&gt;,<br>Lan &lt; 3</p>"


@pytest.mark.parametrize("known", [{}, {"customer": ""}, {"customer": "A", "code": ""}])
def test_an_unknown_value_is_reported_and_inserts_nothing(known: dict[str, str]) -> None:
    shown = insertion_of("{customer} {code}", known)

    assert (shown.html, shown.text) == ("", "")
    assert len(shown.problems) == 2 - bool(known.get("customer"))


@pytest.mark.parametrize("value", ["{me}", "<img src=x onerror=1>", "javascript:alert(1)", '" onclick="x'])
def test_a_value_is_neither_html_nor_a_placeholder(value: str) -> None:
    shown = insertion_of(
        '<p><a href="https://x.vn/{customer}">{customer}</a></p>', {**VALUES, "customer": value}
    )

    assert shown.text == value
    assert shown.html.count("<") == 4  # the paragraph and the link


def test_html_that_was_stored_unclean_is_inserted_clean() -> None:
    """As a row that was not stored through a form."""
    shown = insertion_of("<p onclick=x()>Xin<script>1</script></p>", VALUES)

    assert shown.html == "<p>Xin</p>"


def test_values_that_make_a_text_too_long_insert_nothing() -> None:
    shown = insertion_of("{customer}" * 2_000, {**VALUES, "customer": "x" * 255})

    assert shown.problems
    assert not shown.html
