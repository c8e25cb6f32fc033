"""The databases know how many rows an index leads to, once a sweep has ended."""

import logging
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from tests.swept import sweep
from ticketadmin.models import ReadFrom
from ticketadmin.services.index.listing import ListFilters, Query, total_of
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows
from ticketadmin.services.index.searching import FREQUENT_ROWS
from ticketadmin.services.index.statistics import refresh_statistics

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]
KNOWN = {
    "sqlite": "SELECT COUNT(*) FROM sqlite_stat1 WHERE tbl = 'ticketadmin_indexedticket'",
    "postgresql": "SELECT COUNT(*) FROM pg_stats WHERE tablename = 'ticketadmin_indexedticket'",
}


def answers(sql: str, parameters: Any = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def has_statistics() -> bool:
    if connection.vendor == "sqlite" and not answers(
        "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"
    ):
        return False
    return answers(KNOWN[connection.vendor])[0][0] > 0


def plan_of_the_count(query: Query) -> str:
    with CaptureQueriesContext(connection) as captured:
        total_of(query)
    (counted,) = (one["sql"] for one in captured if "LIMIT 10001" in one["sql"])
    return str(answers(f"EXPLAIN QUERY PLAN {counted}"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL walks the table: test_totals.py")
def test_open_tickets_of_a_customer_are_counted_among_those_found_by_the_name() -> None:
    seen = [
        ReadRow(
            f"TK{number:05}",
            number,
            {"account_name": "An Phát" if number % 2 else "Sao Mai", "status_name": f"S{number % 5}"},
        )
        for number in range(2 * FREQUENT_ROWS + 10)
    ]
    write_rows(current_index(), seen, began_at=timezone.now(), read_from=ReadFrom.LIST)
    query = Query(current_index(), ListFilters(customer="an phat", not_done=True, done=("S4",)))
    assert "indexed_status" in plan_of_the_count(query), "without statistics all open tickets are walked"

    refresh_statistics(is_first=True)

    assert "USING INTEGER PRIMARY KEY" in plan_of_the_count(query)
    assert total_of(query).count == 804


def test_a_sweep_refreshes_statistics_on_postgresql_only_the_first(sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    taken = []
    for _sweep in range(2):
        with CaptureQueriesContext(connection) as captured:
            sweep()
        taken.append(any("ANALYZE" in one["sql"] for one in captured))
        assert has_statistics()

    assert taken == [True, connection.vendor == "sqlite"]


def test_a_failure_to_refresh_statistics_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if "ANALYZE" in sql:
            raise DatabaseError("locked")
        return execute(sql, *rest)

    with caplog.at_level(logging.WARNING), connection.execute_wrapper(refuse):
        refresh_statistics(is_first=True)

    assert "could not update the statistics of the index: DatabaseError" in caplog.text
