"""Search words: folding on both sides, and telephone numbers in any spelling."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.services.index.words import (
    MAX_SEARCH_QUERY,
    MAX_SEARCH_WORDS,
    national,
    searched_part,
    terms_in,
    words_of,
)

TITLE = "Máy in hỏng – khách Đặng Văn Ân"


def finds(query: str, *texts: str) -> bool:
    words = words_of(texts)
    return all(any(all(word in words for word in way) for way in term.options) for term in terms_in(query))


@pytest.mark.parametrize(
    "query",
    [
        "may in", "in máy", "MÁY HỎNG", "dang van an", "Đặng", "đang ân",
        unicodedata.normalize("NFD", "Máy in hỏng"), "ma\u200by in", "m\u00adáy",
        "“máy in”, hỏng!",
    ],
)  # fmt: skip
def test_each_word_is_found_in_any_order_and_spelling(query: str) -> None:
    assert finds(query, TITLE)
    assert finds(query, unicodedata.normalize("NFD", TITLE))


@pytest.mark.parametrize("query", ["may quet", "in hongs", "an dangg"])
def test_an_absent_word_finds_nothing(query: str) -> None:
    assert not finds(query, TITLE)


def test_a_word_is_not_found_across_two_fields() -> None:
    assert not finds("anphat", "an", "phat")


@pytest.mark.parametrize("around", ["...{}", "{}…", "#{}", "№ {}", "({})", "–{}-", "/{}/", "“{}”;", "--> {}"])
@pytest.mark.parametrize("known", ["5286", "TK240080", "52861234", "0912345678"])
def test_punctuation_around_a_code_or_number_does_not_hide_it(around: str, known: str) -> None:
    assert finds(around.format(known), "Lỗi in", known)


@pytest.mark.parametrize("stored", ["TK240080", "TK-240080", "tk_240080"])
@pytest.mark.parametrize(
    "typed", ["TK240080", "TK-240080", "tk_240080", "Tk.240080", "tk/240080", "TK – 240080"]
)
def test_a_code_is_found_with_other_punctuation_inside(typed: str, stored: str) -> None:
    assert finds(typed, "Lỗi in", stored)
    assert not finds(typed, "Lỗi in", stored.replace("8", "9"))


@pytest.mark.parametrize("typed", ["5.286", "52-86", "5 286"])
def test_a_number_is_found_with_punctuation_inside(typed: str) -> None:
    assert finds(typed, "Lỗi in", "5286")


@pytest.mark.parametrize("text", ["C#", "g++", "100%", "a@b.vn", "$5", "R&D"])
def test_signs_that_belong_to_a_word_are_still_searched_for(text: str) -> None:
    assert finds(text, f"về {text} hôm nay")
    assert not finds(text, "cg100abvn5rd")


STORED = [
    "0912345678",
    "0912 345 678",
    "0912.345.678",
    "+84 912 345 678",
    "+84912345678",
    "(+84) 912-345-678",
]
TYPED = [*STORED, "84912345678", "0084912345678", "912345678", "345678", "5678", "0912345", "0912 345"]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("typed", TYPED)
def test_a_number_is_found_in_any_spelling(stored: str, typed: str) -> None:
    assert finds(typed, "Lỗi in", stored)


@pytest.mark.parametrize("typed", ["+84 912 345 679", "0812345678", "5679"])
def test_another_number_is_not_found(typed: str) -> None:
    assert not finds(typed, "0912 345 678")


def test_a_number_in_a_title_and_words_beside_it_are_found_together() -> None:
    assert finds("an phat +84 912 345 678", "Gọi 0912.345.678 cho An Phát")
    assert finds("2026 112233", "hoá đơn 2026, mã 112233")


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [
        ("+84 24 3825 1234", "02438251234"),
        ("+1 (555) 010-9999", "15550109999"),
        ("8412345", "8412345"),
        ("0084 912 345 678", "0912345678"),
        ("+84 0912 345 678", "0912345678"),
    ],
)
def test_a_number_as_it_is_dialled_here(typed: str, dialled: str) -> None:
    assert national(typed) == dialled


def test_characters_that_no_database_compares_are_not_part_of_a_word() -> None:
    assert words_of(["a\0b\x1b c"]) == "ab c"
    assert finds("a\0b", "ab")


@given(st.text(max_size=400))
def test_any_query_has_few_terms_and_no_empty_word(query: str) -> None:
    terms = terms_in(query)

    assert len(terms) <= MAX_SEARCH_WORDS
    assert all(word for term in terms for way in term.options for word in way)


@given(st.text(alphabet="abcdeđưữ 0123-", min_size=1, max_size=40))
def test_every_text_finds_itself(text: str) -> None:
    assert finds(text, text)


@pytest.mark.parametrize(
    ("query", "searched"),
    [
        ("máy in", "máy in"),
        ("a b c d e f g h i k l m n o", "a b c d e f g h i k l m"),
        ("a a a a a a a a a a a a a a", "a a a a a a a a a a a a a a"),  # one word
        ("+84 912 000 111 a b c d e f g h i k l m n", "+84 912 000 111 a b c d e f g h i k l"),
        ("x" * 201, "x" * 200),
        ("x" * 150 + " " + "y" * 60, "x" * 150),
        ("x" * 150 + " " + "y" * 49 + " z", "x" * 150 + " " + "y" * 49),
    ],
)
def test_a_long_query_is_cut_at_whole_words(query: str, searched: str) -> None:
    assert searched_part(query) == searched


@given(st.text('ab 0đ.+"()\n', max_size=450))
def test_the_search_uses_the_beginning_of_the_query_and_reports_the_rest(query: str) -> None:
    part = searched_part(query)

    assert query.startswith(part)
    assert len(part) <= MAX_SEARCH_QUERY
    assert terms_in(part) == terms_in(part + " ")
    assert set(terms_in(part)) <= set(terms_in(query)) or len(query) > MAX_SEARCH_QUERY
