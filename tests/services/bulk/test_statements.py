"""How many statements a ticket of a run costs: its record is written immediately, the rest together."""

import math

import pytest
from django.utils import timezone

from tests.factories import make_change
from tests.sandbox_driver import Sandbox
from tests.services.index.test_batching import ASKS_FOR_THE_TIME, statements
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, Change, ItemOutcome, ItemState, User
from ticketadmin.services.bulk.claims import Claims
from ticketadmin.services.bulk.endings import Endings
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.lease import Lease
from ticketadmin.services.bulk.lists import ListReads
from ticketadmin.services.bulk.proofs import Proofs, prove_together
from ticketadmin.services.bulk.results import Accepted, Done
from ticketadmin.services.bulk.work import keep_items, work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.clock import CountedClock
from ticketadmin.services.crm.reading import read_ticket
from ticketadmin.services.index.batching import ReadBuffer
from ticketadmin.services.index.refresh import write_batch

pytestmark = pytest.mark.counts_queries
NOW = timezone.now()
TITLE = "Tiêu đề của lượt chạy"
TICKETS = 20
INTENT = 1 if ASKS_FOR_THE_TIME else 2  # PostgreSQL takes a record and its fields by one statement


@pytest.fixture
def run(lead: User, sandbox: Sandbox) -> BulkUpdate:
    """A run in progress, whose lead's permissions have been looked up, as a worker does before it begins."""
    made = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=NOW,
        started_at=NOW,
        worker="w",
        wishes={"ticket_title": {"set": TITLE}},
    )
    codes = [code for code in sandbox.codes() if code.startswith("TK2")][:TICKETS]
    for number, code in enumerate(codes):
        BulkItem.objects.create(
            bulk=made, position=number, ticket_code=code, plan="send", state=ItemState.WORKING
        )
    read_ticket(codes[0], get_choices())  # shows that tickets can be read
    assert lead.may("run_bulk_updates")
    return made


def items_of(run: BulkUpdate) -> list[BulkItem]:
    items = list(run.items.all())
    for item in items:
        item.bulk = run
    return items


def test_joint_read_backs_and_their_endings_share_statements(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    work, proofs = work_on(run, lead), Proofs()
    with ReadBuffer(write_batch).buffering():
        for item in items_of(run):
            with statements() as each:
                found = send_item(work, item, is_proved_later=True)
            assert isinstance(found, Accepted)
            assert len(each) <= 3 + INTENT, each
            proofs.add(item, found.written)
        sandbox.forget_log()
        with statements() as together:
            results = prove_together(work, proofs.due(at_once=True), ListReads(100))

    assert results == [Done()] * TICKETS
    assert len(together) <= 2 + ASKS_FOR_THE_TIME, together
    assert [call.path for call in sandbox.log()] == ["/api/v6.1/tickets"]
    assert set(run.items.values_list("state", "outcome")) == {(ItemState.DONE, ItemOutcome.VERIFIED)}
    assert set(Change.objects.values_list("outcome", "http_status")) == {("verified", 200)}
    assert all(change.results and not change.collateral for change in Change.objects.all())


def test_the_claim_of_tickets_looks_up_what_is_on_record_of_them(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    run.items.update(state=ItemState.WAITING)
    with statements() as claiming:
        first, second, *_others = Claims(run, Lease(run, "w")).claim(TICKETS, sends=True)
    assert sum(Change._meta.db_table in sql for sql in claiming) == 1, claiming
    make_change(lead, second.ticket_code, outcome="verified")  # of another save, which ended since
    work = work_on(run, lead)
    sandbox.forget_log()

    with ReadBuffer(write_batch).buffering():
        with statements() as each:
            assert isinstance(send_item(work, first, is_proved_later=True), Accepted)
        assert isinstance(send_item(work, second, is_proved_later=True), Accepted)

    assert len(each) <= 2 + INTENT, each
    assert [call.method for call in sandbox.log()] == ["GET", "PUT", "GET", "GET", "PUT"]  # compared afresh


def test_many_endings_are_written_by_one_statement(
    run: BulkUpdate, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountedClock, "ASKED_EVERY", math.inf)
    work, endings = work_on(run, lead), Endings(lambda ended: keep_items([*ended.values()]))
    with ReadBuffer(write_batch).buffering(), endings.buffering():
        for number, item in enumerate(items_of(run)):
            with statements() as each:
                send_item(work, item)
            assert len(each) <= 4 + INTENT + (ASKS_FOR_THE_TIME and number == 0), (
                each
            )  # counted from there on
    assert set(run.items.values_list("state", flat=True)) == {ItemState.WORKING}
    assert set(Change.objects.values_list("outcome", flat=True)) == {"verified"}  # on record already

    with statements() as together:
        endings.write()

    assert len(together) == 1, together
    assert set(run.items.values_list("state", "outcome")) == {(ItemState.DONE, ItemOutcome.VERIFIED)}


def test_a_worker_that_lost_the_run_writes_no_endings(run: BulkUpdate, lead: User) -> None:
    work, endings = work_on(run, lead), Endings(lambda ended: keep_items([*ended.values()]))
    with endings.buffering():
        for item in items_of(run)[:3]:
            send_item(work, item)
    BulkUpdate.objects.filter(pk=run.pk).update(worker="another")

    endings.write()

    assert set(run.items.values_list("state", flat=True)) == {ItemState.WORKING}
