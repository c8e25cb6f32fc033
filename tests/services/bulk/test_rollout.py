"""What a run has proved so far, as the next worker finds it in the database."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from ticketadmin.models import BulkItem, BulkState, BulkUpdate, Change, ItemOutcome, ItemState, User
from ticketadmin.services.bulk.rollout import HANDFUL, KEPT_OLD_VALUES, PROVED_FOR_FULL_SPEED, Rollout
from ticketadmin.services.bulk.runs import NothingToDo, check_bulk, resume_despite_damage
from ticketadmin.services.saving.edit import Edit

MOST = 16


@pytest.fixture
def run(lead: User) -> BulkUpdate:
    now = timezone.now()
    return BulkUpdate.objects.create(
        owner=lead, owner_name="Lead", state=BulkState.PAUSED, created_at=now, started_at=now
    )


def ended(run: BulkUpdate, number: int, outcome: str = ItemOutcome.VERIFIED, **values: Any) -> BulkItem:
    """Add a ticket of the run that has ended with this outcome."""
    code, now = f"TK{number}", timezone.now()
    change = Change.objects.create(
        ticket_code=code,
        actor=run.owner,
        actor_name="Lead",
        created_at=now,
        outcome=outcome,
        submission=uuid.uuid4(),
        **values,
    )
    return BulkItem.objects.create(
        bulk=run, position=number, ticket_code=code, change=change, outcome=outcome, state=ItemState.DONE
    )


def test_the_next_worker_continues_at_the_proved_speed(run: BulkUpdate) -> None:
    ended(run, 1)
    assert Rollout(run).in_flight(MOST) == HANDFUL

    for number in range(2, PROVED_FOR_FULL_SPEED + 1):
        ended(run, number)
    assert Rollout(run).in_flight(MOST) == MOST


def test_a_ticket_that_was_not_read_whole_proves_nothing(run: BulkUpdate) -> None:
    ended(run, 1, unchecked=["ticket_content"])

    assert Rollout(run).in_flight(MOST) == 1


def test_resuming_accepts_that_the_crm_keeps_the_old_values(run: BulkUpdate, lead: User) -> None:
    ended(run, 1, ItemOutcome.NOT_APPLIED)

    resume_despite_damage(run, user=lead)

    assert run.accepted == [KEPT_OLD_VALUES]


def test_a_dry_run_without_any_change_is_refused(run: BulkUpdate, lead: User) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(state=BulkState.DRAFT, started_at=None)
    BulkItem.objects.create(bulk=run, position=1, ticket_code="TK1")

    with pytest.raises(NothingToDo):
        check_bulk(run, user=lead, edit=Edit())
    run.refresh_from_db()

    assert run.state == BulkState.DRAFT
