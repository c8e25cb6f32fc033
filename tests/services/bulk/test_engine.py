"""Leases: a worker that stalled for too long leaves everything to the one that took over."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import make_change
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    CrmSnapshot,
    ItemOutcome,
    ItemState,
    Origin,
    Outcome,
    User,
)
from ticketadmin.services.bulk.closing import finish_phase
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.engine import Turn, drain
from ticketadmin.services.bulk.items import resolve_doubt, send_item
from ticketadmin.services.bulk.lease import Lease, leased, sweep
from ticketadmin.services.bulk.results import Done, Doubt, Retry
from ticketadmin.services.bulk.runs import NotNow, change_wishes, discard_bulk
from ticketadmin.services.bulk.threads import Finished, Task
from ticketadmin.services.bulk.waits import MAX_LOOKS
from ticketadmin.services.bulk.work import keep_items, work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.concurrency import ConcurrencyLimit
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.index.batching import ReadBuffer
from ticketadmin.services.saving import lock
from ticketadmin.ticketapi.reasons import Reason


@pytest.fixture
def run(lead: User) -> BulkUpdate:
    now = timezone.now()
    made = BulkUpdate.objects.create(
        owner=lead, owner_name="Lead", state=BulkState.RUNNING, created_at=now, started_at=now, worker="old"
    )
    for number in range(4):
        BulkItem.objects.create(bulk=made, position=number, ticket_code=f"TK{number}", plan="send")
    return made


def test_a_worker_that_lost_its_lease_requeues_nothing(run: BulkUpdate) -> None:
    late = Turn(run, "old", lambda: False)
    late.claimed = late.claim()
    BulkUpdate.objects.filter(pk=run.pk).update(worker="new", lease_until=timezone.now())

    late.tick()
    late.close()

    assert late.steps.is_stopping
    assert set(run.items.values_list("state", flat=True)) == {ItemState.WORKING}


def test_a_leased_run_is_taken_by_no_other_worker(run: BulkUpdate, settings: object) -> None:
    later = timezone.now() + timedelta(seconds=30)
    BulkUpdate.objects.filter(pk=run.pk).update(lease_until=later)

    assert sweep() == []
    drain(run.pk, worker="second")
    run.refresh_from_db()

    assert run.worker == "old"
    assert set(run.items.values_list("state", flat=True)) == {ItemState.WAITING}


def test_a_run_whose_lease_expired_is_found(run: BulkUpdate) -> None:
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

    late = Turn(run, "old", lambda: False)
    assert late.renew()

    assert late.bulk.slots == 2


def test_a_lead_who_lost_the_right_pauses_the_run(run: BulkUpdate, lead: User) -> None:
    lead.groups.clear()
    BulkUpdate.objects.filter(pk=run.pk).update(lease_until=None)

    drain(run.pk, worker="w")
    run.refresh_from_db()

    assert (run.state, run.pause_reason) == (BulkState.PAUSED, "not_allowed")


def states(run: BulkUpdate) -> set[str]:
    return set(run.items.values_list("state", flat=True))


def change_of(item: BulkItem, sandbox: Sandbox, **values: Any) -> Change:
    """Create the record of a title that this ticket of a run was sent."""
    owner, code = item.bulk.owner, item.ticket_code
    assert owner is not None
    made = {"submission": item.submission, "bulk": item.bulk.uuid, "origin": Origin.BULK, **values}
    before = {"ticket_title": sandbox.ticket(code)["ticket_title"]}
    return make_change(owner, code, wanted={"ticket_title": "Của lượt chạy"}, before=before, **made)


def taken_over(run: BulkUpdate) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(
        worker="new", lease_until=timezone.now() + timedelta(seconds=30)
    )


def forget_lists() -> None:
    CrmSnapshot.objects.all().delete()


def test_the_lease_thread_never_waits_for_the_crm(run: BulkUpdate, sandbox: Sandbox) -> None:
    forget_lists()
    sandbox.forget_log()

    turn = Turn(run, "old", lambda: False)
    turn.refreshed = turn.started = time.monotonic() - 1_000
    turn.tick()

    assert sandbox.log() == []
    assert not turn.steps.is_stopping


def test_stale_lists_are_refreshed_by_the_sending_threads(run: BulkUpdate, sandbox: Sandbox) -> None:
    forget_lists()
    sandbox.forget_log()
    run.items.exclude(position=0).delete()

    turn = Turn(run, "old", lambda: False)
    turn.steps.step(run.items.get())

    assert [call.path for call in sandbox.log()][:2] == [
        "/api/v6.1/ticket/categories",
        "/api/v6.1/ticket/status",
    ]
    assert get_choices(ask=False).statuses.is_known


def test_tickets_continue_while_reads_are_written_to_the_index(
    run: BulkUpdate, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReadBuffer, "EVERY", 0.0)
    all_done, went_on = threading.Event(), []
    turn = Turn(run, "old", lambda: False)

    def step(item: BulkItem) -> Done:
        turn.steps.reads.add(ReadTicket(item.ticket_code, {}, timezone.now()), timezone.now())
        item.state, item.outcome, item.plan = ItemState.DONE, ItemOutcome.VERIFIED, "send"
        turn.steps.endings.add(item)
        if item.position == 3:
            all_done.set()
        return Done()

    monkeypatch.setattr(turn.steps, "step", step)
    turn.steps.reads = ReadBuffer(lambda _batch: went_on.append(all_done.wait(10)))
    turn.run()

    assert went_on[0]
    assert states(run) == {ItemState.DONE}


def test_an_error_while_writing_reads_is_not_lost(run: BulkUpdate, sandbox: Sandbox) -> None:
    turn = Turn(run, "old", lambda: False)

    with pytest.raises(ZeroDivisionError):
        turn.take_in(Finished(Task([], turn.steps.write_reads), ZeroDivisionError()))


def test_a_worker_that_lost_its_lease_claims_nothing(run: BulkUpdate) -> None:
    late = Turn(run, "old", lambda: False)
    taken_over(run)

    assert late.claim() == []
    assert late.steps.is_stopping
    assert states(run) == {ItemState.WAITING}


def test_a_worker_that_lost_its_lease_before_it_began_recovers_nothing(run: BulkUpdate) -> None:
    run.items.update(state=ItemState.WORKING)
    late = Turn(run, "old", lambda: False)
    taken_over(run)

    late.run()

    assert states(run) == {ItemState.WORKING}


def test_a_worker_that_lost_its_lease_starts_none_of_its_handed_out_items(
    run: BulkUpdate, sandbox: Sandbox
) -> None:
    late = Turn(run, "old", lambda: False)
    item = late.claim()[0]
    taken_over(run)
    late.tick()
    sandbox.forget_log()

    late.steps.step(item)

    assert sandbox.log() == []
    assert states(run) == {ItemState.WORKING}


def test_a_ticket_whose_turn_comes_while_the_run_stops_is_not_started(
    run: BulkUpdate, sandbox: Sandbox
) -> None:
    run.wishes = {"ticket_title": {"set": "Lượt chạy"}}
    turn = Turn(run, "old", lambda: False)
    item = turn.claim()[0]
    assert get_choices().statuses.is_known
    sandbox.forget_log()
    turn.steps.limit = ConcurrencyLimit(1, may_begin=lambda: False)

    assert turn.steps.step(item) == Retry(Reason.BUSY_HERE)

    assert sandbox.log() == []
    assert not Change.objects.exists()
    item.refresh_from_db()
    assert (item.state, item.reason, item.attempts) == (ItemState.WAITING, "", 0)


def test_a_worker_whose_bulk_update_was_discarded_ends_quietly(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(state=BulkState.CHECKING, started_at=None)
    run.refresh_from_db()
    turn = Turn(run, "old", lambda: False)
    item = turn.claim()[0]
    discard_bulk(BulkUpdate.objects.get(pk=run.pk), user=lead)

    plan_item(work_on(turn.bulk, lead), item)  # was being checked
    turn.tick()
    turn.close()

    assert turn.steps.is_stopping
    assert not BulkItem.objects.exists()


def test_with_an_expired_lease_nothing_starts_and_handed_out_items_are_put_back(
    run: BulkUpdate, sandbox: Sandbox, settings: Any
) -> None:
    settings.BULK_LEASE_SECONDS = 0
    turn = Turn(run, "old", lambda: False)
    item = turn.claim()[0]
    turn.in_flight[item.pk] = item
    sandbox.forget_log()

    turn.note(item, turn.steps.step(item))
    turn.pause("")
    turn.close()

    assert sandbox.log() == []
    assert run.items.get(pk=item.pk).state == ItemState.WAITING


def test_a_worker_that_lost_its_lease_wakes_no_other_for_a_leased_run(run: BulkUpdate) -> None:
    with leased(run.pk, "old"):
        taken_over(run)
    run.refresh_from_db()

    assert (run.worker, run.waits_since) == ("new", None)


def test_a_worker_that_lost_its_lease_pauses_and_finishes_nothing(run: BulkUpdate) -> None:
    run.items.update(state=ItemState.DONE)
    late = Turn(run, "old", lambda: False)
    taken_over(run)

    late.pause("crm_down")
    finish_phase(late.lease, late.phase)
    run.refresh_from_db()

    assert run.state == BulkState.RUNNING


def test_results_of_threads_of_a_lost_run_are_left_to_the_new_worker(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    late = Turn(run, "old", lambda: False)
    item = late.claim()[0]
    submission = item.submission
    sandbox.fault("status", code=item.ticket_code, method="GET", status=500, times=None)
    taken_over(run)

    send_item(work_on(late.bulk, lead), item)  # it would have been put back, under a new submission
    item.refresh_from_db()

    assert (item.state, item.submission, item.attempts) == (ItemState.WORKING, submission, 0)


@pytest.mark.parametrize("left", [ItemState.WORKING, ItemState.DOUBT])
def test_a_run_does_not_finish_while_an_item_is_in_progress(run: BulkUpdate, left: ItemState) -> None:
    run.items.update(state=ItemState.DONE)
    run.items.filter(position=2).update(state=left)

    finish_phase(Lease(run, "old"), run.state)
    run.refresh_from_db()

    assert run.state == BulkState.RUNNING


@pytest.mark.parametrize(
    ("phase", "found"), [(BulkState.RUNNING, ItemState.DOUBT), (BulkState.CHECKING, ItemState.WAITING)]
)
def test_an_orphaned_item_is_found_before_the_run_ends(
    run: BulkUpdate, phase: BulkState, found: ItemState
) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(state=phase)
    run.refresh_from_db()
    run.items.update(state=ItemState.DONE)
    turn = Turn(run, "old", lambda: False)
    run.items.filter(position=2).update(state=ItemState.WORKING)

    assert not turn.is_over()
    assert run.items.get(position=2).state == found


@pytest.mark.parametrize("title_at_last", ["Của lượt chạy", "Của đồng nghiệp", "Tiêu đề cũ"])
def test_a_late_write_of_a_stalled_worker_is_taken_as_the_items_own(
    run: BulkUpdate, lead: User, sandbox: Sandbox, title_at_last: str
) -> None:
    run.items.exclude(position=0).delete()
    run.items.update(ticket_code=sandbox.codes()[0])
    run.wishes = {"ticket_title": {"set": "Của lượt chạy"}}
    run.save(update_fields=["wishes"])
    sandbox.edit(sandbox.codes()[0], ticket_title="Tiêu đề cũ")
    late = Turn(run, "old", lambda: False)
    item = late.claim()[0]
    taken_over(run)
    new = work_on(BulkUpdate.objects.get(pk=run.pk), lead)
    taken = new.bulk.items.get()
    assert resolve_doubt(new, taken) == Retry("")  # nothing was sent so far

    send_item(work_on(late.bulk, lead), item)  # now it was
    sandbox.edit(item.ticket_code, ticket_title=title_at_last)
    send_item(new, new.bulk.items.get())

    change = Change.objects.get()
    taken.refresh_from_db()
    assert (taken.state, taken.outcome, taken.change) == (ItemState.DONE, ItemOutcome.VERIFIED, change)
    assert len(sandbox.puts()) == 1


def test_an_unfinished_save_of_the_item_keeps_its_submission_and_its_undo(
    run: BulkUpdate, lead: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "MAX_WAIT", timedelta(seconds=0.3))
    code = sandbox.codes()[0]
    run.wishes = {"ticket_title": {"set": "Của lượt chạy"}}
    BulkItem.objects.filter(bulk=run, position=0).update(ticket_code=code)
    item = run.items.get(position=0)
    pending = change_of(item, sandbox)

    send_item(work_on(run, lead), item)
    item.refresh_from_db()
    assert (item.submission, item.state) == (pending.submission, ItemState.DOUBT)

    sandbox.edit(code, ticket_title="Của lượt chạy")  # the other thread's write arrives
    assert resolve_doubt(work_on(run, lead), item) != Doubt()
    assert (item.outcome, item.change) == (ItemOutcome.VERIFIED, pending)
    assert sandbox.puts() == []
    assert Change.objects.get().outcome == Outcome.VERIFIED


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Outcome.ACCEPTED, ""), (Outcome.UNKNOWN, Reason.SERVER_ERROR)]
)
def test_an_unreadable_ticket_is_read_a_few_times_after_its_put_was_answered(
    run: BulkUpdate, lead: User, sandbox: Sandbox, outcome: Outcome, reason: str
) -> None:
    code = sandbox.codes()[0]
    BulkItem.objects.filter(bulk=run, position=0).update(ticket_code=code)
    item = run.items.get(position=0)
    change_of(item, sandbox, outcome=outcome, reason=reason)
    sandbox.fault("status", code=code, method="GET", status=500, times=None)

    looks = [resolve_doubt(work_on(run, lead), item) for _ in range(MAX_LOOKS)]

    assert [type(one) for one in looks] == [Doubt] * (MAX_LOOKS - 1) + [Done]
    item.refresh_from_db()
    assert (item.state, item.outcome) == (ItemState.DONE, ItemOutcome(outcome))


def test_an_unfinished_save_of_the_item_is_not_sent_again_if_nothing_can_be_read(
    run: BulkUpdate, lead: User, sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TICKET_API_READ = "off"
    monkeypatch.setattr(lock, "MAX_WAIT", timedelta(seconds=0.3))
    run.wishes = {"ticket_title": {"set": "Của lượt chạy"}}
    BulkItem.objects.filter(bulk=run, position=0).update(ticket_code=sandbox.codes()[0])
    item = run.items.get(position=0)
    Change.objects.create(
        actor=lead,
        actor_name="Lead",
        ticket_code=item.ticket_code,
        submission=item.submission,
        bulk=run.uuid,
        origin=Origin.BULK,
        created_at=timezone.now(),
        wanted={"ticket_title": "Của lượt chạy"},
    )

    for _attempt in range(3):
        send_item(work_on(run, lead), item)

    assert sandbox.puts() == []
    assert Change.objects.count() == 1


def test_the_changes_cannot_be_edited_during_the_dry_run(run: BulkUpdate, lead: User) -> None:
    BulkUpdate.objects.filter(pk=run.pk).update(state=BulkState.CHECKING, started_at=None)

    with pytest.raises(NotNow):  # what is being checked would be written down for the old wishes
        change_wishes(run, user=lead)

    run.refresh_from_db()
    assert run.state == BulkState.CHECKING


def test_a_ticket_may_be_claimed_again_before_its_last_result_is_processed(run: BulkUpdate) -> None:
    def handed_out(item: BulkItem) -> Task:
        turn.tasks += 1
        turn.in_flight[item.pk] = item
        return Task([item], list)

    turn = Turn(run, "old", lambda: False)
    first = handed_out(turn.claim()[0])
    (item,) = first.items
    item.wait_again()
    keep_items([item])  # in its thread, which says so a moment later
    again = handed_out(*turn.claim())

    turn.take_in(Finished(first, [Retry(Reason.BUSY_HERE)]))
    assert list(turn.in_flight) == [item.pk]  # nothing else begins with it
    turn.take_in(Finished(again, [Done()]))

    assert turn.in_flight == {}
