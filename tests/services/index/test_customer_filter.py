"""The customer filter finds parts of words as the search does, in the customer's name and e-mail alone."""

from datetime import datetime
from itertools import pairwise

import pytest

from ticketadmin.models import ReadFrom
from ticketadmin.services.index.listing import ListFilters, Query
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows
from ticketadmin.services.index.words import folded_text

pytestmark = pytest.mark.django_db
NOON = datetime.fromisoformat("2026-11-28T12:00:00+00:00")
# The search looks at codes, too: these have nothing in common with the customers.
CUSTOMERS = {
    "Q-1": ("Công ty Cổ phần An Phát", "lienhe@anphat.vn"),
    "Q-3": ("Đại lý Thanh Đạt – Hải Phòng", "thanh.dat@example.com"),
    "Q-5": ("Mekong Retail", "sales@mekong.example"),
    "Q-6": ("A&B (Việt Nam) 24/7", ""),
    "Q-8": ("", "anphat@an.vn"),
}
TITLE = "An Phát hỏi về Mekong, Thanh Đạt và A&B 24/7"  # holds what the filter must not find there


def fragments() -> list[str]:
    """Return the beginning, the middle and the end of words, single letters, words in another order."""
    words = [word for name, email in CUSTOMERS.values() for word in (*name.split(), email) if word]
    parts = [part for word in words for part in (word[:3], word[1:4], word[-3:], word[:1])]
    pairs = [f"{second[:2]} {first[-2:]}" for first, second in pairwise(words)]
    return [one for one in dict.fromkeys([*words, *parts, *pairs]) if any(map(str.isalnum, one))]


def codes(**filters: str) -> set[str]:
    rows = Query(current_index(), ListFilters(**filters)).rows()  # type: ignore[arg-type]
    return set(rows.values_list("code", flat=True))


def test_the_customer_filter_finds_parts_of_words_in_the_customer_only() -> None:
    seen = [
        ReadRow(code, None, {"account_name": name, "account_email": email})
        for code, (name, email) in CUSTOMERS.items()
    ]
    seen.append(ReadRow("Q-9", None, {"ticket_title": TITLE, "account_name": "?", "account_email": ""}))
    write_rows(current_index(), seen, began_at=NOON, read_from=ReadFrom.LIST)

    for fragment in fragments():
        wanted = folded_text(fragment).split()
        expected = {
            code
            for code, texts in CUSTOMERS.items()
            if all(word.strip("().,–/") in folded_text(" ".join(texts)) for word in wanted)
        }
        by_filter, by_search = codes(customer=fragment), codes(text=fragment)
        assert by_filter == expected, fragment
        assert by_filter == by_search - {"Q-9"}, fragment
