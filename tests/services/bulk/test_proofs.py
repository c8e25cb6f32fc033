"""Joint read-backs: what a row must show, and what it must not override."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from tests.services.bulk.test_statements import items_of, run
from ticketadmin.models import BulkUpdate, Change, ItemOutcome, ItemState, Outcome, User
from ticketadmin.services.bulk.items import prove_item, send_item
from ticketadmin.services.bulk.lists import MAX_CODES_LENGTH, ListReads, list_reads
from ticketadmin.services.bulk.proofs import (
    MAX_OPEN,
    MAX_PROOF_WAIT,
    MAX_TOGETHER,
    Proofs,
    Unproved,
    prove_together,
)
from ticketadmin.services.bulk.results import Accepted, Done, Singly
from ticketadmin.services.bulk.work import Work, work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.index.capabilities import Capabilities, can_filter_by_code, keep_capabilities
from ticketadmin.services.index.rows import current_index

__all__ = ["run"]  # a fixture


@pytest.fixture
def work(run: BulkUpdate, lead: User) -> Work:
    return work_on(run, lead)


@pytest.fixture
def write(work: Work, run: BulkUpdate) -> Callable[[int], list[Unproved]]:
    """Writes the first tickets of the run and leaves them unproved."""

    def written(count: int) -> list[Unproved]:
        proofs = Proofs()
        for item in items_of(run)[:count]:
            found = send_item(work, item, is_proved_later=True)
            assert isinstance(found, Accepted)
            proofs.add(item, found.written)
        return proofs.due(at_once=True)

    return written


def test_a_ticket_whose_row_shows_another_value_is_read_singly(
    work: Work, write: Callable[[int], list[Unproved]], sandbox: Sandbox
) -> None:
    unproved = write(4)
    sandbox.edit(unproved[0].item.ticket_code, ticket_title="khác")
    sandbox.edit(unproved[1].item.ticket_code, account_email="khac@example.com")

    results = prove_together(work, unproved, ListReads(100))

    assert results == [Singly(), Singly(), Done(), Done()]
    assert {one.item.state for one in unproved[:2]} == {ItemState.WORKING}
    assert Change.objects.filter(outcome=Outcome.PENDING).count() == results.count(Singly())


@pytest.mark.parametrize("hidden", ["ticket_content", "account_email", "custom_fields", "updated_at"])
def test_a_list_that_omits_a_field_proves_nothing_and_is_not_used_again(
    hidden: str, work: Work, write: Callable[[int], list[Unproved]], sandbox: Sandbox
) -> None:
    unproved, lists = write(3), ListReads(100)
    sandbox.switch(hidden_in_lists=hidden)

    assert prove_together(work, unproved, lists) == [Singly()] * 3
    assert not lists.is_on
    assert Change.objects.filter(outcome=Outcome.PENDING).count() == 3


def test_a_verdict_written_meanwhile_by_another_process_is_kept(
    work: Work, write: Callable[[int], list[Unproved]]
) -> None:
    slow, quick = write(2)
    long_ago = timezone.now() - timedelta(hours=1)
    slow.written.change.created_at = long_ago
    results = dict.fromkeys(slow.written.intent.wanted, Outcome.NOT_APPLIED.value)
    Change.objects.filter(pk=slow.written.change.pk).update(
        created_at=long_ago, outcome=Outcome.NOT_APPLIED, results=results
    )

    assert prove_together(work, [slow, quick], ListReads(100)) == [Singly(), Done()]
    prove_item(work, slow.item, slow.written)

    assert slow.item.outcome == ItemOutcome.NOT_APPLIED
    assert Change.objects.get(pk=slow.written.change.pk).outcome == Outcome.NOT_APPLIED


@pytest.mark.parametrize("switch", ["ignore_filters", "refuse_filters"])
def test_a_list_that_ignores_or_refuses_the_filter_is_no_longer_trusted(
    switch: str, work: Work, write: Callable[[int], list[Unproved]], sandbox: Sandbox
) -> None:
    keep_capabilities(current_index(), Capabilities(rows=100, filters_by_code=True))
    lists = list_reads(get_choices())
    assert lists.is_on
    unproved = write(2)
    sandbox.switch(**{switch: True})

    prove_together(work, unproved, lists)

    assert not lists.is_on
    assert not can_filter_by_code(current_index())
    assert not list_reads(get_choices()).is_on


def test_a_temporary_failure_does_not_disable_the_list(
    work: Work, write: Callable[[int], list[Unproved]], sandbox: Sandbox
) -> None:
    unproved, lists = write(2), ListReads(100)
    sandbox.fault("status", path="/tickets", times=None, status=503)

    assert prove_together(work, unproved, lists) == [Singly()] * 2
    assert lists.is_on


def test_an_answer_that_is_too_large_is_requested_in_smaller_parts(
    work: Work, write: Callable[[int], list[Unproved]], sandbox: Sandbox
) -> None:
    unproved, lists = write(8), ListReads(100)
    sandbox.fault("oversized", path="/tickets", times=2)
    sandbox.forget_log()

    assert prove_together(work, unproved, lists) == [Done()] * 8
    asked = [len(call.query["filtering[ticket_code:in]"].split(",")) for call in sandbox.log()]
    assert asked == [8, 4, 2, 2, 2, 2]


def test_codes_in_one_call_are_limited_in_number_and_length() -> None:
    lists = ListReads(1_000)
    short, long = [f"TK{number}" for number in range(250)], [f"{number:064d}" for number in range(250)]

    assert [len(part) for part in lists.parts(short)] == [100, 100, 50]
    parts = list(lists.parts(long))
    assert [code for part in parts for code in part] == long
    assert max(len(",".join(part)) for part in parts) <= MAX_CODES_LENGTH


def test_read_backs_wait_for_each_other_for_less_than_a_second(
    run: BulkUpdate, write: Callable[[int], list[Unproved]]
) -> None:
    now = 0.0
    proofs = Proofs(clock=lambda: now)
    (one,) = write(1)
    proofs.add(one.item, one.written)

    assert proofs.due(at_once=False) == []
    assert 0 < proofs.wait() <= MAX_PROOF_WAIT < 1
    now += MAX_PROOF_WAIT
    assert [due.item for due in proofs.due(at_once=False)] == [one.item]
    assert proofs.open == 1  # until it is processed
    assert proofs.take_up(one.item)
    assert proofs.open == 0


def test_the_limits_on_joint_reads_and_unproved_writes_hold(
    write: Callable[[int], list[Unproved]],
) -> None:
    (one,) = write(1)
    proofs = Proofs(clock=lambda: 0.0)
    for number in range(MAX_OPEN):
        assert not proofs.is_full, number
        proofs.add(one.item, one.written)

    assert proofs.is_full
    assert len(proofs.due(at_once=False)) == MAX_TOGETHER
