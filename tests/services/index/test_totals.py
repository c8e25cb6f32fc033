"""How many tickets a list says that there are: exact up to its limit, by whatever way they are counted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ticketadmin.models import ReadFrom
from ticketadmin.services.index.listing import SAMPLED, ListFilters, Query, Total, total_of
from ticketadmin.services.index.rows import Seen, current_index, write_rows

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]
TICKETS = 2 * SAMPLED


@pytest.fixture
def query_for() -> object:
    """Fill the index: the older half says paper, every fifth printer, three say rare; returns queries."""
    index = current_index()
    seen = [
        Seen(f"TK{number:04}", number, {"ticket_title": title(number), "status_name": "New"})
        for number in range(TICKETS)
    ]
    write_rows(index, seen, began_at=timezone.now(), read_from=ReadFrom.LIST)
    return lambda **wanted: Query(index, ListFilters(**wanted))


def title(number: int) -> str:
    words = ["paper"] if number < TICKETS / 2 else []
    words += ["printer jam"] if number % 5 == 0 else []
    words += ["rare"] if number in {1, 501, 901} else []
    return " ".join(words) or "other"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"text": "printer jam"}, Total(200)),
        ({"text": "rare"}, Total(3)),
        ({"text": "paper"}, Total(500)),
        ({"text": "printer paper"}, Total(100)),
        ({"text": "jam", "statuses": ("new",)}, Total(200)),
        ({"text": "jam", "statuses": ("done",)}, Total(0)),
        ({"text": "nothing"}, Total(0)),
    ],
)
def test_totals_are_exact(query_for, wanted: dict[str, object], expected: Total) -> None:  # type: ignore[no-untyped-def]
    assert total_of(query_for(**wanted)) == expected


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
