"""What the search box makes of what users type and paste."""

import pytest

from ticketadmin.services.index.omnibox import (
    CodeAndWords,
    KnownCodes,
    ManyTickets,
    NamedRecipe,
    OmniboxMeaning,
    OneTicket,
    SearchWords,
    StatusChange,
    codes_in,
    form_of_code,
    matching_statuses,
    understand,
)
from ticketadmin.services.values.ordering import sort_key

CODES = KnownCodes(
    {sort_key("TK-ABC"): "TK-ABC"}, frozenset({form_of_code("ABCXYZ1234"), form_of_code("TK-0001")})
)
STATUSES = ["Mới", "Đang xử lý", "Chờ khách hàng", "Đã hoàn tất", "Hủy"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("ABCXYZ1234", OneTicket("ABCXYZ1234")),
        ("  ABCXYZ1234\n", OneTicket("ABCXYZ1234")),
        ("ABC", SearchWords("ABC")),
        ("tk-abc", OneTicket("TK-ABC")),  # the index knows it
        ("tk-abd", SearchWords("tk-abd")),
        ("invoice", SearchWords("invoice")),
        ("ABCXYZ1234 dang xu ly", StatusChange("ABCXYZ1234", "Đang xử lý")),
        ("ABCXYZ1234 ĐANG", StatusChange("ABCXYZ1234", "Đang xử lý")),
        ("ABCXYZ1234 xu ly", StatusChange("ABCXYZ1234", "Đang xử lý")),
        ("TK-0001 huy", StatusChange("TK-0001", "Hủy")),
        ("TK-0001 khong co", CodeAndWords("TK-0001", "khong co", "TK-0001 khong co")),
        ("ABCXYZ1234  Đang sử lý", CodeAndWords("ABCXYZ1234", "Đang sử lý", "ABCXYZ1234 Đang sử lý")),
        ("TK-0001 " + "x" * 256, SearchWords("TK-0001 " + "x" * 256)),
        ("khong TK-0001 co", SearchWords("khong TK-0001 co")),
        ("TK-0001, TK-0002;TK-0001 TK-0003", ManyTickets(("TK-0001", "TK-0002", "TK-0003"))),
        ("máy in hỏng", SearchWords("máy in hỏng")),
        ("Re: [TK-0001] máy in hỏng", OneTicket("TK-0001")),
        ("Fwd: Re: [#TK-0001] máy in", OneTicket("TK-0001")),
        ("máy in #TK-0001", OneTicket("TK-0001")),
        ("máy in TK-0001 hỏng", SearchWords("máy in TK-0001 hỏng")),
        ("in hoa DON", SearchWords("in hoa DON")),
        ("", SearchWords("")),
        ("...TK-0001", OneTicket("TK-0001")),
        ("(#TK-0001)", OneTicket("TK-0001")),
        ("“tk-abc”…", OneTicket("TK-ABC")),
        ("#TK-0001: huy", StatusChange("TK-0001", "Hủy")),
        ("TK-0001 /", NamedRecipe(("TK-0001",), "")),
    ],
)
def test_every_form_of_query_is_understood(text: str, meaning: OmniboxMeaning) -> None:
    assert understand(text, STATUSES, CODES) == meaning


NUMBERS = {sort_key(code): code for code in ("5286", "TK240080", "TK-77-0001", "AB-1234", "AB_1234")}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("...5286", OneTicket("5286")),
        ("5.286", OneTicket("5286")),
        ("№5286,", OneTicket("5286")),
        ("TK-240080", OneTicket("TK240080")),
        ("tk_240080.", OneTicket("TK240080")),
        ("TK/240080", OneTicket("TK240080")),
        ("TK770001", SearchWords("TK770001")),  # where the diacritics belong is unknown
        ("tk.77.0001", OneTicket("TK-77-0001")),
        ("ab1234", SearchWords("ab1234")),  # two codes that differ only in a diacritic: neither is chosen
        ("AB_1234", OneTicket("AB_1234")),
        ("TK-240080 huy", StatusChange("TK240080", "Hủy")),
    ],
)
def test_punctuation_hides_no_code_that_is_known(text: str, meaning: OmniboxMeaning) -> None:
    known = KnownCodes(NUMBERS, frozenset({form_of_code("AB-1234"), form_of_code("5286")}))

    assert understand(text, STATUSES, known) == meaning


def test_words_after_a_code_are_a_search_if_no_status_is_known() -> None:
    assert understand("TK-0001 huy", [], CODES) == SearchWords("TK-0001 huy")


def test_codes_are_found_in_a_mail_and_noise_is_not() -> None:
    mail = """Chào em, nhờ em xem giúp chị các phiếu sau (gọi 0901-234-567, trước 2026-11-30):
    - TK240237 – khách Bình Minh
    - [ABCXYZ1234], TK240238.
    Chi tiết: https://crm.example.com/t/TK999999 hoặc viết vào lan@EXAMPLE-2.com. Cảm ơn, LAN"""

    assert codes_in(mail, KnownCodes()) == ("TK240237", "ABCXYZ1234", "TK240238", "TK999999")


def test_a_spreadsheet_column_has_one_code_per_line() -> None:
    column = "Mã\tTiêu đề\nTK-1\tMáy in\nTK-2\tMàn hình\nTK-1\tlặp lại\n"

    assert codes_in(column, KnownCodes()) == ("TK-1", "TK-2")


@pytest.mark.parametrize("typed", ["dang xu ly", "ĐANG XỬ LÝ", "đang xử lý", "dang", "Đang"])
def test_diacritics_and_case_are_optional(typed: str) -> None:
    assert matching_statuses(typed, STATUSES)[0] == "Đang xử lý"


def test_typing_nothing_suggests_no_status() -> None:
    assert matching_statuses("  ", STATUSES) == []
