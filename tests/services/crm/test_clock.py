"""The database's clock as one piece of work counts it, instead of asking for every read."""

import math

import pytest

from tests.services.index.test_batching import ASKS_FOR_THE_TIME, statements
from ticketadmin.services.crm.clock import CountedClock, database_now

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]


def test_a_counted_clock_queries_the_database_once_and_is_never_ahead() -> None:
    clock = CountedClock()
    clock.ASKED_EVERY = math.inf
    before = database_now()

    with statements() as asked:
        found = [clock.now() for _time in range(20)]

    assert found == sorted(found)
    assert before <= found[0]
    assert found[-1] <= database_now()
    assert len(asked) == ASKS_FOR_THE_TIME


def test_a_counted_clock_queries_the_database_again_after_a_while() -> None:
    clock = CountedClock()
    clock.ASKED_EVERY = -1.0

    with statements() as asked:
        found = [clock.now() for _time in range(3)]

    assert found == sorted(found)
    assert len(asked) == 3 * ASKS_FOR_THE_TIME
