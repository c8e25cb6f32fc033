"""Machines whose clocks are a minute apart share one database; its clock orders reads, leases and waits.

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
from ticketadmin.models import IndexedTicket, Shared, SharedState, TicketIndex, User
from ticketadmin.services.crm import circuit_breaker, hold, rate_limit
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.circuit_breaker import CircuitBreaker
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.reading import announce_read, read_ticket
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.sweeping import IDLE, Sweeper
from ticketadmin.services.operations.heartbeats import beat, living
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason

pytestmark = [pytest.mark.django_db, pytest.mark.clocks_apart]
CODE = "ABCXYZ1234"
AHEAD, BEHIND = timedelta(minutes=1), timedelta(minutes=-1)
APART = pytest.mark.parametrize("apart", [AHEAD, BEHIND], ids=["ahead", "behind"])


@pytest.fixture(autouse=True)
def _no_budget(settings: Any, sandbox: Sandbox) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0


def on_machine(apart: timedelta) -> time_machine.travel:
    """Act as a machine whose clock differs from the database's by this much."""
    return time_machine.travel(timezone.now() + apart, tick=True)


def row(code: str = CODE) -> IndexedTicket:
    return IndexedTicket.objects.get(index=current_index(), code=code)


@APART
def test_the_age_of_a_read_is_by_the_databases_clock(apart: timedelta, sandbox: Sandbox) -> None:
    before = database_now()
    with on_machine(apart):
        read_ticket(CODE, get_choices())

    assert before <= row().read_at <= database_now()


@APART
def test_a_newer_read_replaces_one_from_a_machine_with_another_clock(
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
def test_an_earlier_read_that_is_announced_late_replaces_nothing(apart: timedelta, sandbox: Sandbox) -> None:
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


def test_a_sweep_shared_by_machines_omits_and_repeats_nothing(sandbox: Sandbox) -> None:
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
def test_a_worker_on_a_machine_with_another_clock_counts_as_alive(
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


# --- waits that machines share -------------------------------------------------------------------


WAIT = timedelta(seconds=50)  # long enough for a busy machine, shorter than what the clocks are apart


@pytest.fixture
def _long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "OPEN_FOR", WAIT)
    monkeypatch.setattr(circuit_breaker, "PROBE_FOR", WAIT)


def opened() -> None:
    breaker = CircuitBreaker()
    for _failure in range(circuit_breaker.MAX_FAILURES_IN_A_ROW):
        breaker.note(Call("GET", "/ticket", 0.1, 1, "", reason=Reason.REFUSED))


def refuses() -> bool:
    try:
        CircuitBreaker().refuse_while_open()
    except Unavailable:
        return True
    return False


@pytest.mark.usefixtures("_long_waits")
@APART
def test_a_circuit_opened_by_a_machine_with_another_clock_stays_open_as_long(apart: timedelta) -> None:
    with on_machine(apart):
        opened()

    assert 0 < circuit_breaker.circuit().seconds_left <= WAIT.total_seconds()
    assert refuses()


@pytest.mark.usefixtures("_long_waits")
@APART
def test_a_machine_with_another_clock_obeys_an_open_circuit_until_it_closes(apart: timedelta) -> None:
    opened()
    with on_machine(apart):
        assert refuses()

    passed = {"open_until": (database_now() - timedelta(seconds=1)).isoformat()}
    SharedState.objects.filter(name=Shared.CIRCUIT).update(value=passed)
    with on_machine(apart):
        assert not refuses(), "the one probe"
        assert refuses(), "the probe of another process is under way"


@APART
def test_a_wait_requested_by_the_crm_is_equally_long_on_every_machine(apart: timedelta) -> None:
    call = Call("GET", "/ticket", 0.1, 1, "", http_status=429, retry_after=WAIT.total_seconds())
    with on_machine(apart):
        hold.note_wait(call)
    assert 0 < hold.asked_to_wait() <= WAIT.total_seconds()

    SharedState.objects.all().delete()
    hold.note_wait(call)
    with on_machine(apart):
        assert 0 < hold.asked_to_wait() <= WAIT.total_seconds()


@APART
def test_a_rate_limit_place_of_a_machine_with_another_clock_is_not_delayed(
    apart: timedelta, settings: Any
) -> None:
    settings.TICKET_API_MAX_PER_SECOND = 1 / WAIT.total_seconds()
    with on_machine(apart):
        rate_limit.wait_for_place(within=1.0, places=1)

    with pytest.raises(Unavailable):
        rate_limit.wait_for_place(within=0.1, places=1)
    kept = SharedState.objects.get(name=Shared.RATE)
    assert datetime.fromisoformat(kept.value["next"]) <= database_now() + WAIT
