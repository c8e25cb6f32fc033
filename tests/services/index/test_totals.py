"""How the list finds and counts rows: exact up to its limit, by the quickest way of each database."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ticketadmin.models import ReadFrom, TicketIndex
from ticketadmin.services.index.listing import (
    MAX_ROWS_SAMPLED,
    ListFilters,
    Order,
    Query,
    Sort,
    Total,
    read_page,
    rows_in_order,
    total_of,
)
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]
TICKETS = 2 * MAX_ROWS_SAMPLED


@pytest.fixture
def query_for() -> object:
    """Fill the index: the older half says paper, every fifth printer and is An Phát's, three say rare.

    Each has a telephone number of its own and a day of change. Returns what makes queries.
    """
    index = current_index()
    seen = [
        ReadRow(
            f"TK{number:04}",
            number,
            {
                "ticket_title": title(number),
                "status_name": "New",
                "account_name": "Sao Mai" if number % 5 else "An Phát",
                "emergency_phone": f"+84 9{number:02} 345 678",
                "updated_at": f"2026-01-{number % 28 + 1:02} 10:00:00",
            },
        )
        for number in range(TICKETS)
    ]
    write_rows(index, seen, began_at=timezone.now(), read_from=ReadFrom.LIST)
    return lambda **wanted: Query(index, ListFilters(**wanted))


def title(number: int) -> str:
    words = ["paper"] if number < TICKETS / 2 else []
    words += ["printer jam"] if number % 5 == 0 else []
    words += ["rare"] if number in {1, 501, 901} else []
    return " ".join(words) or "other"


TOTALS: list[tuple[dict[str, object], int]] = [
    ({"text": "printer jam"}, 200),
    ({"text": "rare"}, 3),
    ({"text": "paper"}, 500),
    ({"text": "printer paper"}, 100),
    ({"text": "jam", "statuses": ("new",)}, 200),
    ({"text": "jam", "statuses": ("done",)}, 0),
    ({"text": "nothing"}, 0),
    ({"customer": "an phat"}, 200),
    ({"customer": "an phat", "text": "rare"}, 0),
    ({"customer": "sao mai", "text": "paper", "not_done": True}, 400),
    ({"customer": "an phat", "not_done": True, "done": ("new",)}, 0),
]


def test_totals_are_exact(query_for, subtests: pytest.Subtests) -> None:  # type: ignore[no-untyped-def]
    for wanted, expected in TOTALS:
        with subtests.test(wanted=wanted):
            assert total_of(query_for(**wanted)) == Total(expected)


def test_counting_stops_at_its_limit(query_for) -> None:  # type: ignore[no-untyped-def]
    assert total_of(query_for(text="printer jam"), most=150) == Total(150, is_more=True)
    assert total_of(query_for(text="printer jam"), most=200) == Total(200)


def test_postgresql_walks_the_table_for_frequent_words_only(query_for) -> None:  # type: ignore[no-untyped-def]
    walked = {}
    for text in ("printer jam", "rare"):
        with CaptureQueriesContext(connection) as captured:
            total_of(query_for(text=text))
        walked[text] = any("enable_bitmapscan" in query["sql"] for query in captured)

    is_postgresql = connection.vendor == "postgresql"
    assert walked == {"printer jam": is_postgresql, "rare": False}


# --- telephone numbers ---------------------------------------------------------------------------

WHOLE = "0920345678"


@pytest.fixture
def numbered() -> TicketIndex:
    """Fill the index: two tickets with one number, one with a longer one, one whose time is not known."""
    values = [
        {"emergency_phone": "0920 345 678", "updated_at": "2026-01-02 10:00:00"},
        {"ticket_title": "Call +84 920.345.678 today", "updated_at": "2026-01-03 10:00:00"},
        {"ticket_title": f"Meter {WHOLE}99", "updated_at": "2026-01-04 10:00:00"},
        {"account_name": WHOLE},
        {"emergency_phone": "0811 111 111", "updated_at": "2026-01-05 10:00:00"},
    ]
    seen = [ReadRow(f"TK{place}", place, one) for place, one in enumerate(values)]
    write_rows(current_index(), seen, began_at=timezone.now(), read_from=ReadFrom.LIST)
    return current_index()


def found(index: TicketIndex, **wanted: object) -> list[str]:
    return [row.code for row in read_page(Query(index, ListFilters(**wanted))).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("typed", [WHOLE, "+84 920 345 678", "0920.345.678"])
def test_a_whole_number_is_found_in_any_field_and_unknown_times_sort_last(
    typed: str, numbered: TicketIndex
) -> None:
    assert [code for code in found(numbered, text=typed) if code != "TK2"] == ["TK1", "TK0", "TK3"]
    assert found(numbered, text=f"call {typed}") == ["TK1"]
    assert found(numbered, text=f"{typed} 0811111111") == []
    assert found(numbered, text=f"{typed} nothing") == []
    assert found(numbered, customer=typed) == ["TK3"]


def test_postgresql_looks_inside_longer_numbers_for_one_that_no_ticket_has(
    numbered: TicketIndex,
) -> None:
    is_postgresql = connection.vendor == "postgresql"
    assert ("TK2" in found(numbered, text=WHOLE)) is not is_postgresql
    assert found(numbered, text=f"{WHOLE}9") == ["TK2"]
    assert found(numbered, text="920345678") == ["TK2", "TK1", "TK0", "TK3"]
    assert found(numbered, text="0920 345") == ["TK2", "TK1", "TK0", "TK3"]


def test_a_whole_number_is_found_by_its_index(numbered: TicketIndex) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = read_page(Query(numbered, ListFilters(text=WHOLE)))

    assert page.total == Total(len(page.rows))
    assert len(captured) <= 3, "the number, whether there is an index of numbers, the rows"
    if connection.vendor != "postgresql":
        return
    (look_up,) = (query["sql"] for query in captured if "@> ARRAY" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {look_up}")
        assert "indexed_numbers" in str(cursor.fetchall())


@pytest.mark.parametrize("order", [Order(), Order("title", is_descending=False), Order("number")])
def test_few_rows_have_the_same_order_as_many(query_for, order: Order) -> None:  # type: ignore[no-untyped-def]
    everything = [row.code for row in rows_in_order(replace(query_for(), order=order))]
    few = replace(query_for(codes=("TK0900", "TK0001", "TK0501")), order=order)

    rows = [row.code for row in read_page(few).rows]
    assert rows == [code for code in everything if code in rows]
    first = read_page(few, size=2)
    assert [row.code for row in (*first.rows, *read_page(few, first.next).rows)] == rows


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("column", Sort)
def test_the_whole_list_has_the_same_order_as_a_filtered_one(
    column: Sort, is_descending: bool, numbered: TicketIndex
) -> None:
    """The first page of the whole list has a query of its own; rows without a value come after it."""
    order = Order(column, is_descending=is_descending)
    filtered = read_page(Query(numbered, ListFilters(statuses=("?",)), order))
    codes = [row.code for row in filtered.rows]
    assert len(codes) == 5

    for size in range(1, 7):
        place, found = "", []
        for _page in codes:
            page = read_page(Query(numbered, order=order), place, size=size)
            found += [row.code for row in page.rows]
            if not (place := page.next):
                break
        assert found == codes
