"""What a lead pastes for a bulk update, as codes: each once, duplicates reported, the rest listed."""

import pytest
from hypothesis import given, strategies

from ticketadmin.services.bulk.codes import PastedCodes, read_codes
from ticketadmin.services.index.omnibox import CODE


@pytest.mark.parametrize(
    "text",
    [
        "TK-1,tk_2;123", "TK-1 tk_2 123", "TK-1\ttk_2\t123", "TK-1\r\ntk_2\r123\n", "TK-1|tk_2|123",
        "\"TK-1\", 'tk_2', “123”",
        "• TK-1\n• tk_2\n▪ 123", "- TK-1\n– tk_2\n* 123", "1. TK-1\n2) tk_2\n 3. 123",
        "[TK-1] (tk_2) <123>", "TK-1、tk_2，123", "#TK-1, #tk_2: 123.",
        "\ufeffTK-1\u200b \u200ftk_2\u00a0123",
        "TK\u20111, tk_2, 1\u00ad23", "Mã phiếu\nTK-1\ntk_2\n123",
        "ticket_code\tTên\nTK-1\ntk_2\n123", ",;TK-1,,tk_2\n\n123;",
    ],
)  # fmt: skip
def test_codes_are_read_whatever_is_between_them(text: str) -> None:
    assert read_codes(text).codes == ("TK-1", "tk_2", "123")


def test_only_the_codes_are_read_from_copied_spreadsheet_columns() -> None:
    pasted = read_codes("Title\tMã phiếu\tStatus\r\nPRINTER\tTK-1\tNEW\r\nSCREEN\t123\tOLD\r\n\r\n")

    assert pasted == PastedCodes(("TK-1", "123"))


def test_repeated_codes_are_merged_and_reported_regardless_of_case() -> None:
    pasted = read_codes("TK-1 tk-2 tk-1 TK-1 TK-3")

    assert pasted == PastedCodes(("TK-1", "tk-2", "TK-3"), repeated=(("TK-1", 3),))


def test_texts_that_are_not_codes_are_listed_once_and_shortened() -> None:
    pasted = read_codes(f"TK-1 lan@example.com https://x.vn/TK-9 lan@example.com mất {'x' * 65} {'é' * 500}")

    assert pasted.codes == ("TK-1",)
    assert pasted.malformed == (
        "lan@example.com", "https://x.vn/TK-9", "mất", "x" * 65, "é" * 80 + "…",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "  \n\t", "•\n-\n*", "Mã phiếu\n"])
def test_an_empty_paste_has_no_codes(text: str) -> None:
    assert read_codes(text) == PastedCodes()


def test_a_lone_word_that_is_also_a_heading_is_a_code() -> None:
    assert read_codes("Code").codes == ("Code",)


def test_the_limit_counts_tickets_and_not_pieces_of_text() -> None:
    most = [f"TK{number}" for number in range(10_000)]

    assert len(read_codes("\n".join([*most, *most])).codes) == 10_000
    assert len(read_codes("\n".join([*most, "TK-more"])).codes) == 10_001


@given(strategies.text(max_size=300))
def test_any_text_yields_valid_codes_each_once(text: str) -> None:
    codes = read_codes(text).codes

    assert all(CODE.fullmatch(code) for code in codes)
    assert len({code.casefold() for code in codes}) == len(codes)
