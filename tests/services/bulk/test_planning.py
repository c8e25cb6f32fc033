"""The dry run of many tickets by one call: rows that cannot be believed leave nothing behind."""

import pytest

from tests.sandbox_driver import Sandbox
from tests.services.bulk.test_statements import items_of, run
from ticketadmin.models import BulkUpdate, Plan, User
from ticketadmin.services.bulk.items import plan_item, work_on
from ticketadmin.services.bulk.lists import ListReads
from ticketadmin.services.bulk.planning import plan_together
from ticketadmin.services.bulk.results import Done, Singly

__all__ = ["run"]  # a fixture


def test_tickets_are_planned_by_their_rows(run: BulkUpdate, lead: User, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    results = plan_together(work_on(run, lead), items_of(run), ListReads(100))

    assert results == [Done()] * len(results)
    assert [call.path.rpartition("/")[2] for call in sandbox.log()] == ["tickets", "ticket"]
    titles = {item.ticket_code: (item.base or {})["ticket_title"] for item in items_of(run)}
    assert titles == {code: sandbox.ticket(code)["ticket_title"] for code in titles}


@pytest.mark.parametrize("late", [True, False])
def test_after_a_list_that_the_ticket_contradicts_each_ticket_is_planned_by_itself(
    late: bool, run: BulkUpdate, lead: User, sandbox: Sandbox
) -> None:
    work, items, lists = work_on(run, lead), items_of(run), ListReads(100)
    sandbox.switch(late_seconds=600 if late else 0)
    for item in items:
        sandbox.edit(item.ticket_code, ticket_title=f"{item.ticket_code} vừa sửa")

    results = plan_together(work, items, lists)

    assert results == [Singly() if late else Done()] * len(items)
    assert lists.is_on is not late
    for item in items if late else []:
        assert plan_item(work, item) == Done()
    stored = {item.ticket_code: (item.plan, item.reason, item.base) for item in items_of(run)}
    assert stored == {code: (Plan.SEND, "", {"ticket_title": f"{code} vừa sửa"}) for code in stored}
