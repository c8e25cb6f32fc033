"""The recorded intent as the lock on a ticket: one save at a time, and none overwrites another."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from ticketadmin.models import Change, Outcome, User
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.saving.errors import SaveInProgress
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import Blocked, SaveContext, TicketEdit
from ticketadmin.services.saving.lock import (
    MAX_CHANGES_SEEN,
    earlier_post,
    on_record,
    on_records,
    record_intent,
    wait_for,
)
from ticketadmin.services.saving.payload import Intent
from ticketadmin.services.saving.runner import this_runner
from ticketadmin.services.values.schema import TicketSchema

pytestmark = pytest.mark.django_db
CODE = "T-1"
EDITED = TicketEdit(CODE, Edit({"ticket_title": Set("B")}), Base(CODE), TicketSchema())
INTENT = Intent({"ticket_title": "B"}, {"ticket_title": "A"}, {"ticket_title": "B"})
BLIND = Intent({"ticket_title": "B"}, None, {"ticket_title": "B"})


@pytest.fixture
def context(staff: User, settings: Any) -> SaveContext:
    settings.TICKET_API_TIMEOUT = 0.02  # a save waits for another for four of these
    return SaveContext(staff, uuid4())


def other_save(user: User, **values: Any) -> Change:
    made = {"ticket_code": CODE, "actor": user, "actor_name": "Minh", "created_at": timezone.now()}
    return Change.objects.create(**{**made, "wanted": {}, **values})


def test_the_record_says_what_is_about_to_be_sent(context: SaveContext) -> None:
    change = record_intent(EDITED, context, INTENT, on_record(CODE))

    assert isinstance(change, Change)
    stored = Change.objects.get()
    assert (stored.outcome, stored.finished_at) == (Outcome.PENDING, None)
    assert (stored.wanted, stored.before, stored.payload) == (INTENT.wanted, INTENT.before, INTENT.payload)
    assert (stored.submission, stored.runner) == (context.submission, this_runner())
    assert [one.name for one in stored.fields.all()] == ["ticket_title"]


@pytest.mark.parametrize("intent", [INTENT, BLIND])
def test_while_another_save_is_under_way_nothing_is_recorded(
    intent: Intent, context: SaveContext, lead: User
) -> None:
    other = other_save(lead, runner=this_runner())

    found = record_intent(EDITED, context, intent, on_record(CODE))

    assert isinstance(found, Blocked)
    assert isinstance(found.problem, SaveInProgress)
    assert found.problem.change == other
    assert found.left == intent.wanted
    assert Change.objects.count() == 1


def test_a_save_that_ended_since_the_read_leads_to_another_comparison(
    context: SaveContext, lead: User
) -> None:
    seen = on_record(CODE)
    other_save(lead, outcome=Outcome.VERIFIED)

    assert record_intent(EDITED, context, INTENT, seen) is None
    assert Change.objects.count() == 1
    assert isinstance(record_intent(EDITED, context, INTENT, on_record(CODE)), Change)


@pytest.mark.parametrize("count", range(MAX_CHANGES_SEEN + 3))
def test_a_record_does_not_count_itself_among_the_changes_that_it_is_compared_with(
    count: int, context: SaveContext, lead: User
) -> None:
    for _number in range(count):
        other_save(lead, outcome=Outcome.VERIFIED)
    seen = on_record(CODE)

    assert isinstance(record_intent(EDITED, context, INTENT, seen), Change)


def test_many_tickets_are_looked_up_by_one_query_as_each_by_itself(
    staff: User, django_assert_num_queries: Any
) -> None:
    for number in range(MAX_CHANGES_SEEN + 2):
        outcome = Outcome.REJECTED if number % 2 else Outcome.VERIFIED
        other_save(staff, outcome=outcome)
        other_save(staff, outcome=outcome, ticket_code="T-2") if number < 2 else None
    other_save(staff, outcome=Outcome.PENDING, ticket_code="T-3")
    codes = [CODE, "T-2", "T-3", "T-4"]

    with django_assert_num_queries(1):
        found = on_records(codes)

    assert found == {code: on_record(code) for code in codes}
    assert [len(found[code]) for code in codes] == [MAX_CHANGES_SEEN, 2, 1, 0]


def test_without_a_read_there_is_no_further_comparison(context: SaveContext, lead: User) -> None:
    seen = on_record(CODE)
    other_save(lead, outcome=Outcome.VERIFIED)

    assert isinstance(record_intent(EDITED, context, BLIND, seen), Change)


def test_saves_of_other_tickets_do_not_interfere(context: SaveContext, lead: User) -> None:
    seen = on_record(CODE)
    other_save(lead, ticket_code="T-2")
    other_save(lead, ticket_code="T-3", outcome=Outcome.VERIFIED)

    assert isinstance(record_intent(EDITED, context, INTENT, seen), Change)


def test_a_form_posted_again_finds_its_first_record(context: SaveContext, lead: User) -> None:
    first = record_intent(EDITED, context, INTENT, on_record(CODE))

    again = record_intent(EDITED, context, INTENT, on_record(CODE))

    assert isinstance(again, Blocked)
    assert isinstance(again.problem, SaveInProgress)
    assert again.problem.change == first == earlier_post(context)
    assert earlier_post(SaveContext(lead, context.submission)) is None  # another user's form


def test_a_database_error_is_not_mistaken_for_a_lock(context: SaveContext) -> None:
    broken = replace(context, change_reason=None)  # type: ignore[arg-type] # a column that takes no null

    with pytest.raises(IntegrityError):
        record_intent(EDITED, broken, INTENT, on_record(CODE))
    assert not Change.objects.exists()


def test_only_the_newest_changes_of_a_ticket_are_compared(lead: User) -> None:
    made = [other_save(lead, outcome=Outcome.VERIFIED) for _number in range(MAX_CHANGES_SEEN + 2)]
    other_save(lead, ticket_code="T-2")

    assert on_record(CODE) == [(one.pk, Outcome.VERIFIED) for one in reversed(made[-MAX_CHANGES_SEEN:])]
    assert on_record(CODE, but=made[-1].pk)[0] == (made[-2].pk, Outcome.VERIFIED)


def test_waiting_for_a_save_ends_with_it_or_after_a_timeout(context: SaveContext, lead: User) -> None:
    running = other_save(lead, runner=this_runner())
    waited = wait_for(running)
    assert waited is not None
    assert waited.outcome == Outcome.PENDING

    Change.objects.filter(pk=running.pk).update(outcome=Outcome.VERIFIED)
    waited = wait_for(running)
    assert waited is not None
    assert waited.outcome == Outcome.VERIFIED


def test_waiting_ends_when_the_record_is_withdrawn(context: SaveContext, lead: User) -> None:
    running = other_save(lead, runner=this_runner())
    Change.objects.all().delete()

    assert wait_for(running) is None
