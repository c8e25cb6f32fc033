"""The dry run of many tickets by one call: rows that cannot be trusted leave nothing behind."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.sandbox_driver import Sandbox
from tests.services.bulk.test_statements import items_of, run
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, ItemOutcome, ItemReason, Plan, User
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.lists import ListReads
from ticketadmin.services.bulk.planning import MAX_FIRST, plan_together
from ticketadmin.services.bulk.results import Done, Singly
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.omitted import remember_emptied
from ticketadmin.services.saving.sent_along import OTHER_CUSTOM
from ticketadmin.ticketapi.reasons import Reason

__all__ = ["run"]  # a fixture


def test_tickets_are_planned_by_their_rows(run: BulkUpdate, lead: User, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    results = plan_together(work_on(run, lead), items_of(run), ListReads(100))

    assert results == [Done()] * len(results)
    read = [call.path.rpartition("/")[2] for call in sandbox.log()]
    assert read == ["ticket", "tickets", "ticket"]  # the run's first, the others, and one that confirms them
    assert [item.is_from_list for item in items_of(run)] == [False] + [True] * (len(results) - 1)
    titles = {item.ticket_code: (item.base or {})["ticket_title"] for item in items_of(run)}
    assert titles == {code: sandbox.ticket(code)["ticket_title"] for code in titles}


@pytest.mark.parametrize("late", [True, False])
def test_after_a_contradicted_list_each_ticket_is_planned_singly(
    late: bool, run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    work, items, lists = work_on(run, lead), items_of(run), ListReads(100)
    sandbox.switch(late_seconds=600 if late else 0)
    for item in items:
        sandbox.edit(item.ticket_code, ticket_title=f"{item.ticket_code} vừa sửa")

    results = plan_together(work, items, lists)

    assert results == [Done()] + [Singly() if late else Done()] * (len(items) - 1)
    assert lists.is_on is not late
    for item in items[1:] if late else []:
        assert plan_item(work, item) == Done()
    stored = {item.ticket_code: (item.plan, item.reason, item.base) for item in items_of(run)}
    assert stored == {code: (Plan.SEND, "", {"ticket_title": f"{code} vừa sửa"}) for code in stored}


@pytest.mark.parametrize("hidden", ["", "*"])
def test_a_row_that_hides_possible_losses_leads_to_a_single_read(
    hidden: str, run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    items = items_of(run)
    remember_emptied(items[0].ticket_code, ["account_email", "expected_at"])
    sandbox.switch(hidden_custom_fields=hidden)
    work = work_on(run, lead)

    results = plan_together(work, items, ListReads(100))

    assert results == [Done()] + [Singly() if hidden else Done()] * (len(items) - 1)
    assert [item.unreadable for item in items[1:]] == [None] * (len(items) - 1)
    assert plan_item(work, items[1]) == Done()
    assert items[1].unreadable == ([OTHER_CUSTOM] if hidden else None)


@pytest.mark.parametrize("too_large", [1, 3, MAX_FIRST, MAX_FIRST + 2])
def test_single_reads_find_a_ticket_that_can_be_sent_first(
    too_large: int, run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    items = items_of(run)
    for item in items[:too_large]:
        sandbox.edit(item.ticket_code, ticket_content="x" * 3_000_000)

    results = plan_together(work_on(run, lead), items, ListReads(100))

    singly = min(too_large + 1, MAX_FIRST)
    planned = items_of(run)
    assert results == [Done()] * len(items)
    assert [item.is_unread for item in planned[:singly]] == [True] * min(too_large, MAX_FIRST) + [False] * (
        singly - min(too_large, MAX_FIRST)
    )
    assert [item.is_from_list for item in planned] == [False] * singly + [True] * (len(items) - singly)


def test_only_the_beginning_of_a_run_is_read_singly(run: BulkUpdate, lead: User, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    plan_together(work_on(run, lead), items_of(run)[10:], ListReads(100))

    assert [call.path.rpartition("/")[2] for call in sandbox.log()] == ["tickets", "ticket"]


COLLEAGUES = {  # a colleague stored this before the dry run, and the list does not show it yet
    "the_same_field": ({"ticket_title": "Của đồng nghiệp"}, ItemOutcome.CONFLICT),
    "the_wanted_value": ({"ticket_title": "Tiêu đề của lượt chạy"}, ItemOutcome.ALREADY),
    "another_field": ({"account_email": "lan@example.com"}, ItemOutcome.VERIFIED),
}


@pytest.mark.parametrize("kind", COLLEAGUES)
def test_the_ticket_itself_overrides_an_outdated_list(
    kind: str,
    run: BulkUpdate,
    lead: User,
    client_of: Callable[[User], Client],
    sandbox: Sandbox,
) -> None:
    values, outcome = COLLEAGUES[kind]
    items = items_of(run)
    late = items[5]
    sandbox.switch(late_seconds=600)
    sandbox.edit(late.ticket_code, **values)
    work = work_on(run, lead)
    plan_together(work, items, ListReads(100))
    assert (late.plan, late.is_from_list) == (Plan.SEND, True)
    BulkUpdate.objects.update(state=BulkState.READY)
    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    assert f"{len(items) - 1} tickets were read from the CRM's list" in " ".join(page.split())
    BulkUpdate.objects.update(state=BulkState.RUNNING)

    send_item(work, late)

    stored = BulkItem.objects.get(pk=late.pk)
    assert stored.outcome == outcome
    assert stored.reason == (ItemReason.NOT_AS_LISTED if outcome == ItemOutcome.CONFLICT else "")
    assert sandbox.ticket(late.ticket_code).items() >= values.items()
    page = client_of(lead).get(f"/bulk/{run.uuid}/?shown={outcome}").content.decode()
    assert ("shortly before the check or after it" in " ".join(page.split())) is (kind == "the_same_field")


def test_the_dry_run_refuses_a_code_in_other_letter_case_as_the_run_would(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    """This CRM's list ignores case, but reading a ticket does not: only the ticket can be trusted."""
    items = items_of(run)
    other = items[3]
    other.ticket_code = other.ticket_code.swapcase()
    other.save(update_fields=["ticket_code"])
    work = work_on(run, lead)

    results = plan_together(work, items, ListReads(100))

    assert [at for at, result in enumerate(results) if result == Singly()] == [3]
    assert not other.is_from_list
    plan_item(work, other)
    assert (other.plan, other.reason) == (Plan.CANNOT, Reason.NOT_FOUND)
    assert [item.plan for item in items_of(run) if item.pk != other.pk] == [Plan.SEND] * (len(items) - 1)


def test_tickets_whose_codes_differ_in_case_are_planned_by_their_own_rows(
    run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    items = items_of(run)
    one, twin = items[2:4]
    twin.ticket_code = one.ticket_code.swapcase()
    twin.save(update_fields=["ticket_code"])
    other = {"ticket_code": twin.ticket_code, "ticket_title": "Bản khác"}
    sandbox.store(twin.ticket_code, {**sandbox.ticket(one.ticket_code), **other})

    results = plan_together(work_on(run, lead), items, ListReads(100))

    assert results == [Done()] * len(items)
    titles = {item.ticket_code: (item.base or {})["ticket_title"] for item in items_of(run)}
    assert titles == {code: sandbox.ticket(code)["ticket_title"] for code in titles}
