"""What pages of bulk updates show: outcomes that were settled after the run."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import make_change, make_item, make_run
from ticketadmin.models import BulkState, ItemOutcome, Outcome, User
from ticketadmin.services.bulk.progress import refresh_outcomes


@pytest.mark.parametrize("tickets", [1, 30])
def test_outcomes_that_were_settled_since_are_taken_over_by_two_queries(tickets: int, lead: User) -> None:
    run = make_run(lead, state=BulkState.FINISHED)
    for number in range(tickets):
        change = make_change(lead, f"TK{number}", outcome=Outcome.REJECTED, reason="conflict")
        make_item(run, f"TK{number}", change=change, outcome=ItemOutcome.UNKNOWN, reason="server_error")

    with CaptureQueriesContext(connection) as captured:
        refresh_outcomes(run)

    assert set(run.items.values_list("outcome", "reason")) == {(ItemOutcome.REJECTED, "conflict")}
    assert len(captured) <= 2
    with CaptureQueriesContext(connection) as captured:
        refresh_outcomes(run)
    assert len(captured) == 1  # nothing is left to write


@pytest.mark.parametrize(
    ("outcome", "results", "expected"),
    [
        (Outcome.PENDING, {}, ItemOutcome.UNKNOWN),
        (Outcome.ACCEPTED, {}, ItemOutcome.UNKNOWN),
        (Outcome.ACCEPTED, {"ticket_title": "accepted"}, ItemOutcome.ACCEPTED),
        (Outcome.VERIFIED, {"ticket_title": "verified"}, ItemOutcome.VERIFIED),
        (Outcome.REJECTED, {}, ItemOutcome.REJECTED),
    ],
)
def test_an_outcome_is_taken_over_once_it_is_settled(
    outcome: Outcome, results: dict[str, str], expected: ItemOutcome, lead: User
) -> None:
    run = make_run(lead, state=BulkState.FINISHED)
    change = make_change(lead, "TK1", outcome=outcome, results=results)
    make_item(run, "TK1", change=change, outcome=ItemOutcome.UNKNOWN)
    make_item(run, "TK2", outcome=ItemOutcome.UNKNOWN)
    make_item(run, "TK3", outcome=ItemOutcome.CONFLICT, change=change)

    refresh_outcomes(run)

    kept = list(run.items.order_by("position").values_list("outcome", flat=True))
    assert kept == [expected, ItemOutcome.UNKNOWN, ItemOutcome.CONFLICT]
