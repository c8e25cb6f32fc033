"""Leases: a worker that was silent for too long leaves everything to the one that took over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ticketadmin.models import BulkItem, BulkState, BulkUpdate, ItemState, User
from ticketadmin.services.bulk_engine import _Drain, drain, sweep


@pytest.fixture
def run(lead: User) -> BulkUpdate:
    now = timezone.now()
    made = BulkUpdate.objects.create(
        owner=lead, owner_name="Lead", state=BulkState.RUNNING, created_at=now, started_at=now, worker="old"
    )
    for number in range(4):
        BulkItem.objects.create(bulk=made, position=number, ticket_code=f"TK{number}", plan="send")
    return made


def test_a_worker_that_lost_its_lease_takes_nothing_back(run: BulkUpdate) -> None:
    late = _Drain(run, "old", lambda: False)
    late.claimed = late._claim()
    BulkUpdate.objects.filter(pk=run.pk).update(worker="new", lease_until=timezone.now())

    late._tick()
    late._close()

    assert late.is_stopping
    assert set(run.items.values_list("state", flat=True)) == {ItemState.WORKING}


def test_a_leased_run_is_nobody_elses(run: BulkUpdate, settings: object) -> None:
    later = timezone.now() + timedelta(seconds=30)
    BulkUpdate.objects.filter(pk=run.pk).update(lease_until=later)

    assert sweep() == []
    drain(run.pk, worker="second")
    run.refresh_from_db()

    assert run.worker == "old"
    assert set(run.items.values_list("state", flat=True)) == {ItemState.WAITING}


def test_a_run_whose_lease_ran_out_is_found(run: BulkUpdate) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(lease_until=timezone.now())

    assert sweep() == [run.pk]


def test_workers_share_the_global_limit(run: BulkUpdate, lead: User, settings: object) -> None:
    settings.BULK_MAX_IN_FLIGHT = 6  # type: ignore[attr-defined]
    now = timezone.now()
    BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=now,
        worker="other",
        slots=4,
        lease_until=now + timedelta(seconds=30),
    )

    late = _Drain(run, "old", lambda: False)
    assert late._renew()

    assert late.bulk.slots == 2


def test_a_lead_who_lost_the_right_pauses_the_run(run: BulkUpdate, lead: User) -> None:
    lead.groups.clear()
    BulkUpdate.objects.filter(pk=run.pk).update(lease_until=None)

    drain(run.pk, worker="w")
    run.refresh_from_db()

    assert (run.state, run.pause_reason) == (BulkState.PAUSED, "not_allowed")
