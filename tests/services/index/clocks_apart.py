"""Machines whose clocks are a minute apart share one index, which the database's clock keeps in order.

Run by `tests/e2e/test_postgres.py`: one machine alone has a SQLite database.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import IndexedTicket, TicketIndex, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.reading import announce_read, read_ticket
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.sweeping import IDLE, Sweeper
from ticketadmin.services.operations.heartbeats import beat, living

pytestmark = pytest.mark.django_db
CODE = "ABCXYZ1234"
AHEAD, BEHIND = timedelta(minutes=1), timedelta(minutes=-1)
APART = pytest.mark.parametrize("apart", [AHEAD, BEHIND], ids=["ahead", "behind"])


@pytest.fixture(autouse=True)
def _no_budget(settings: Any, sandbox: Sandbox) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0


def on_machine(apart: timedelta) -> time_machine.travel:
    """Do something as a machine whose clock is so far from the database's."""
    return time_machine.travel(timezone.now() + apart, tick=True)


def row(code: str = CODE) -> IndexedTicket:
    return IndexedTicket.objects.get(index=current_index(), code=code)


@APART
def test_a_read_is_as_old_as_it_is_by_the_databases_clock(apart: timedelta, sandbox: Sandbox) -> None:
    before = database_now()
    with on_machine(apart):
        read_ticket(CODE, get_choices())

    assert before <= row().read_at <= database_now()


@APART
def test_a_newer_read_replaces_one_of_a_machine_with_another_clock(
    apart: timedelta, sandbox: Sandbox
) -> None:
    with on_machine(apart):
        read_ticket(CODE, get_choices())
    sandbox.edit(CODE, status_name="Hủy")
    read_ticket(CODE, get_choices())
    assert row().values["status_name"] == "Hủy"

    sandbox.edit(CODE, status_name="Mới")
    with on_machine(apart):
        read_ticket(CODE, get_choices())
    assert row().values["status_name"] == "Mới"


@APART
def test_a_read_that_began_earlier_and_is_announced_late_replaces_nothing(
    apart: timedelta, sandbox: Sandbox
) -> None:
    with on_machine(apart):
        held_back = read_ticket(CODE, get_choices(), announce=False)
        began = timezone.now() - timedelta(seconds=1)
    sandbox.edit(CODE, status_name="Hủy")
    read_ticket(CODE, get_choices())
    with on_machine(apart):
        announce_read(replace(held_back, read_at=began))

    assert row().values["status_name"] == "Hủy"


@APART
def test_a_sweep_is_not_taken_over_by_a_machine_with_another_clock(
    apart: timedelta, sandbox: Sandbox
) -> None:
    """The lease lasts half a minute: by its own clock the other machine would see it run out, or keep it."""
    first, second = Sweeper("worker-1"), Sweeper("worker-2")
    first.step()
    calls = len(sandbox.log())
    with on_machine(apart):
        assert second.step() == IDLE
    assert len(sandbox.log()) == calls

    TicketIndex.objects.update(lease_until=database_now() - timedelta(seconds=1))
    with on_machine(apart):
        assert second.step() < IDLE
    assert first.step() == IDLE


def swept(machines: list[Callable[[], float]], most: int = 400) -> int:
    """Let machines work in turn until none has anything to do; return the steps."""
    for step in range(most):
        if all(work() >= IDLE for work in machines):
            return step
    pytest.fail("the sweep does not end")


def test_a_sweep_that_goes_from_machine_to_machine_loses_and_repeats_nothing(sandbox: Sandbox) -> None:
    sandbox.switch(longest_page=20)

    def turn(worker: str, apart: timedelta) -> Callable[[], float]:
        sweeper = Sweeper(worker)

        def work() -> float:
            with on_machine(apart):
                wait = sweeper.step()
                sweeper.release()
            return wait

        return work

    before = database_now()
    swept([turn("ahead", AHEAD), turn("behind", BEHIND), turn("right", timedelta(0))])

    rows = IndexedTicket.objects.filter(index=current_index(), missing_at=None)
    assert sorted(rows.values_list("code", flat=True)) == sorted(sandbox.codes())
    ages: list[datetime] = list(rows.values_list("read_at", flat=True))
    assert before <= min(ages) <= max(ages) <= database_now()
    index = current_index()
    assert before <= index.sweep_started_at <= index.sweep_finished_at <= database_now()
    pages = [call for call in sandbox.log("GET") if call.path.endswith("/tickets")]
    ascending = [call.query.get("filtering[id:gt]") for call in pages if call.query.get("direction") == "ASC"]
    assert len(ascending) - len(set(ascending)) <= 2, "pages were read twice; the check reads one, too"


@APART
def test_a_worker_on_a_machine_with_another_clock_is_known_to_live(
    apart: timedelta, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    call_command("index", "--sweep")
    with on_machine(apart):
        beat("worker")
        assert living()
    assert living()

    page = client_of(staff).get("/tickets/").content.decode()
    assert "no worker" not in page
    with on_machine(apart):
        assert "no worker" not in client_of(staff).get("/tickets/").content.decode()
