"""The sweep: it finds every ticket that a CRM shows, each once, whatever fails."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.sandbox_driver import Sandbox
from ticketadmin.models import CustomField, IndexedTicket, Shared, SharedState, TicketIndex, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.crm.reading import read_ticket
from ticketadmin.services.index.capabilities import can_filter_by_code, capabilities_of
from ticketadmin.services.index.forget import forget_tickets, rebuild_index
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.state import index_state, note_use
from ticketadmin.services.index.sweeping import IDLE, LEASE, Sweeper
from ticketadmin.ticketapi.errors import Unavailable

pytestmark = pytest.mark.django_db
CODE = "ABCXYZ1234"
MOST_STEPS = 400


@pytest.fixture(autouse=True)
def _no_budget(settings: Any, sandbox: Sandbox) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    sandbox.forget_log()


def work(sweeper: Sweeper | None = None, *, until: Callable[[], bool] = lambda: False) -> int:
    """Let a sweeper work until it has nothing to do, or `until` says so; return the steps."""
    sweeper = sweeper or Sweeper("worker-1")
    for step in range(1, MOST_STEPS):
        if sweeper.step() >= IDLE or until():
            return step
    pytest.fail(f"not done after {MOST_STEPS} steps")


def listed_calls(sandbox: Sandbox) -> int:
    return len([call for call in sandbox.log() if call.path.endswith("/tickets")])


def codes() -> list[str]:
    return sorted(IndexedTicket.objects.filter(missing_at=None).values_list("code", flat=True))


def make_due(**times: Any) -> None:
    """Make the newest tickets, a sweep or a check due, as if time had passed."""
    TicketIndex.objects.update(**times)


LISTS: list[dict[str, Any]] = [
    {},
    {"ignore_filters": True},
    {"ignore_filters": True, "ignore_sort": True},
    {"refuse_filters": True},
    {"repeat_rows": True, "ignore_filters": True},
    {"longest_page": 10},
    {"longest_page": 10, "ignore_filters": True, "say_has_more": False},
    {"longest_page": 7, "refuse_filters": True, "say_has_more": False},
    {"readable": "documented"},
    {"readable": "silent", "ignore_filters": True},
    {"repeat_rows": True, "longest_page": 10, "say_has_more": False, "ignore_filters": True},
]


ODD = [f"PHIEU.{number}" for number in range(25)]  # codes that no address of the API can have


@pytest.mark.parametrize("switches", LISTS, ids=str)
def test_every_ticket_is_found_once_whatever_the_list_does(switches: Any, sandbox: Sandbox) -> None:
    """Tickets whose codes cannot be addressed are counted, and hide no others."""
    known, pattern = sandbox.codes(), sandbox.ticket(CODE)
    for place, code in enumerate(ODD):  # more in a row than some lists show on two pages
        sandbox.store(code, pattern | {"ticket_code": code, "id": 10_000 + place})
    sandbox.store("SAU-CUNG", pattern | {"ticket_code": "SAU-CUNG", "id": 20_000})
    sandbox.switch(**switches)
    work()

    assert codes() == sorted([*known, "SAU-CUNG"])
    state = index_state(current_index())
    assert state.known == len(known) + 1
    assert sorted(state.row.unaddressable) == sorted(ODD)
    steps = switches.get("longest_page", 100) - 1 - 2 * switches.get("repeat_rows", 0)
    pages = len(sandbox.codes()) / steps
    # a check, the newest, the sweep's pages; refused fields or filters are requested twice
    assert listed_calls(sandbox) <= 9 + 1 + 12 + 2 * (pages + 2)


ABILITIES = ["sorts_by_id", "sorts_by_updated", "filters_by_id", "filters_by_updated", "filters_by_code"]


@pytest.mark.parametrize(
    ("switches", "able"),
    [
        ({}, ABILITIES),
        ({"longest_page": 10}, ABILITIES),
        ({"ignore_filters": True}, ["sorts_by_id", "sorts_by_updated"]),
        ({"ignore_sort": True}, ["filters_by_id", "filters_by_updated", "filters_by_code"]),
        ({"refuse_filters": True}, []),
        ({"ignore_filters": True, "ignore_sort": True}, []),
        ({"readable": "silent"}, ["sorts_by_id", "filters_by_id", "filters_by_code"]),
    ],
    ids=str,
)
def test_the_capabilities_of_a_list_are_proved(switches: Any, able: list[str], sandbox: Sandbox) -> None:
    sandbox.switch(**switches)
    Sweeper("worker-1").step()

    found = capabilities_of(current_index())
    assert [name for name in ABILITIES if getattr(found, name)] == able
    assert can_filter_by_code(current_index()) == ("filters_by_code" in able)
    assert "ticket_title" in found.fields
    assert "ticket_content" not in found.fields


def test_capabilities_are_checked_once_a_day(sandbox: Sandbox) -> None:
    work()
    calls = listed_calls(sandbox)
    make_due(newest_at=None)
    work()
    assert listed_calls(sandbox) == calls + 1

    make_due(checked_at=database_now() - timedelta(hours=25))
    work()
    assert listed_calls(sandbox) >= calls + 1 + 7


def test_a_killed_sweep_continues_where_it_was(sandbox: Sandbox) -> None:
    sandbox.switch(longest_page=10)
    work(until=lambda: current_index().is_sweeping and current_index().cursor["pages"] >= 5)
    calls = listed_calls(sandbox)
    assert 0 < len(codes()) < len(sandbox.codes())
    make_due(lease_until=database_now() - timedelta(seconds=1))  # its lease runs out

    work(Sweeper("worker-2"))

    assert codes() == sorted(sandbox.codes())
    assert listed_calls(sandbox) - calls <= 12 - 5 + 2


def test_one_worker_sweeps_and_another_takes_over_when_its_lease_expires(sandbox: Sandbox) -> None:
    first, second = Sweeper("worker-1"), Sweeper("worker-2")
    first.step()
    calls = listed_calls(sandbox)

    assert second.step() == IDLE
    assert listed_calls(sandbox) == calls
    make_due(lease_until=database_now() - LEASE)
    second.step()
    assert listed_calls(sandbox) > calls
    assert first.step() == IDLE


def test_a_worker_that_ends_releases_the_lease_immediately(sandbox: Sandbox) -> None:
    first = Sweeper("worker-1")
    first.step()
    first.release()

    assert Sweeper("worker-2").step() < IDLE


def test_calls_stay_within_the_budget_and_use_it(sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_INDEX_PER_SECOND = 10.0
    sandbox.switch(longest_page=10)
    now = 0.0
    sweeper = Sweeper("worker-1", clock=lambda: now)
    for _step in range(12):
        now += sweeper.step()

    calls = listed_calls(sandbox)
    assert calls >= 12
    assert now == pytest.approx(calls / 10)  # no more than allowed, and none left unused


def test_no_call_is_made_with_the_index_switched_off(sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_INDEX_PER_SECOND = 0

    assert Sweeper("worker-1").step() == IDLE
    assert sandbox.log() == []


def test_no_call_is_made_while_the_circuit_is_open(sandbox: Sandbox) -> None:
    until = database_now() + timedelta(seconds=8)
    value = {"open_until": until.isoformat()}
    SharedState.objects.create(name=Shared.CIRCUIT, value=value)

    assert 0 < Sweeper("worker-1").step() <= 8
    assert listed_calls(sandbox) == 0


def end_the_requested_wait() -> None:
    """Let the time pass for which the CRM asked to wait."""
    past = {"until": (database_now() - timedelta(seconds=1)).isoformat()}
    assert SharedState.objects.filter(name=Shared.ASKED_TO_WAIT).update(value=past) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_no_call_is_made_while_the_crm_asked_any_process_to_wait(status: int, sandbox: Sandbox) -> None:
    sandbox.fault("status", path="/ticket", times=1, status=status, headers={"Retry-After": "60"})
    with pytest.raises(Unavailable):
        get_api().get_ticket(CODE)
    sandbox.fault("status", path="/ticket", times=1, status=status, headers={"Retry-After": "30"})
    with pytest.raises(Unavailable):  # the later moment counts
        get_api().get_ticket(CODE)

    sandbox.forget_log()
    assert 50 < Sweeper("worker-1").step() <= 60
    assert sandbox.log() == []
    end_the_requested_wait()
    Sweeper("worker-1").step()
    assert listed_calls(sandbox) > 0


def test_a_429_stops_calls_for_as_long_as_it_says(sandbox: Sandbox) -> None:
    sandbox.fault("status", path="/tickets", times=None, status=429, headers={"Retry-After": "90"})

    assert Sweeper("worker-1").step() >= 90
    sandbox.forget_faults()
    sandbox.forget_log()
    assert 80 < Sweeper("worker-1").step() <= 90  # a restarted worker obeys it
    assert listed_calls(sandbox) == 0
    end_the_requested_wait()
    work()
    assert codes() == sorted(sandbox.codes())
    assert current_index().problem == ""


def test_with_a_key_that_may_not_list_calls_are_rare_and_opened_tickets_are_known(sandbox: Sandbox) -> None:
    sandbox.fault("status", path="/tickets", times=None, status=403)
    work()
    calls = listed_calls(sandbox)
    work()
    read_ticket(CODE, get_choices())

    assert listed_calls(sandbox) == calls
    assert index_state(current_index()).is_refused
    assert codes() == [CODE]
    make_due(problem_at=database_now() - timedelta(minutes=11))
    sandbox.forget_faults()
    work()
    assert codes() == sorted(sandbox.codes())


def test_a_row_that_cannot_be_read_affects_no_other_row(sandbox: Sandbox) -> None:
    bad = sandbox.codes()[20]
    sandbox.fault("bad_row", path="/tickets", times=None, ticket=bad)
    sandbox.switch(longest_page=10)
    work()

    assert codes() == sorted(set(sandbox.codes()) - {bad})


@pytest.mark.parametrize("odd", ["a\u0000b", 12, None, ["x"], {"a": 1}], ids=repr)
def test_odd_values_never_stop_a_sweep(odd: Any, sandbox: Sandbox) -> None:
    CustomField.objects.create(key="so_serial", label="Số sê-ri", is_listed=True)
    sandbox.edit(CODE, ticket_title=odd, account_name=odd, custom_fields={"so_serial": odd})
    work()

    assert codes() == sorted(sandbox.codes())


def test_a_deleted_ticket_is_missing_only_after_its_own_404(sandbox: Sandbox) -> None:
    work()
    gone, hidden = sandbox.codes()[3], sandbox.codes()[4]
    sandbox.remove(gone)
    sandbox.fault("hide_row", path="/tickets", times=None, ticket=hidden)  # not listed, but there
    read_ticket(CODE, get_choices())  # reading is known to work
    make_due(sweep_finished_at=database_now() - timedelta(days=1))
    sandbox.forget_log()
    work(until=lambda: not current_index().is_sweeping and current_index().sweep == 2)
    assert IndexedTicket.objects.filter(doubted_at__isnull=False).count() == 2
    assert not IndexedTicket.objects.exclude(missing_at=None).exists()

    work()

    assert set(IndexedTicket.objects.exclude(missing_at=None).values_list("code", flat=True)) == {gone}
    assert not IndexedTicket.objects.exclude(doubted_at=None).exists()
    assert {call.code for call in sandbox.log() if call.path.endswith("/ticket")} == {gone, hidden}
    assert index_state(current_index()).known == len(sandbox.codes())


def test_a_renamed_ticket_is_found_under_its_new_code_and_the_old_one_is_missing(sandbox: Sandbox) -> None:
    work()
    ticket = sandbox.ticket(CODE)
    sandbox.remove(CODE)
    sandbox.store("NEW-CODE", {**ticket, "ticket_code": "NEW-CODE", "updated_at": "2031-01-01 09:00:00"})
    read_ticket("TK-BUSY", get_choices())
    make_due(newest_at=None)
    work()

    assert "NEW-CODE" in codes()
    assert CODE not in codes()


@pytest.mark.parametrize("switches", [{}, {"ignore_sort": True}, {"ignore_filters": True}], ids=str)
def test_a_change_and_a_new_ticket_are_found_within_one_call(switches: Any, sandbox: Sandbox) -> None:
    sandbox.switch(**switches)
    work()
    sandbox.edit(CODE, ticket_title="Vừa đổi ở CRM", updated_at="2031-01-01 09:00:00")
    late = {"id": 99_999, "ticket_code": "LATE-1", "updated_at": "2031-01-01 09:00:01"}
    new = {**sandbox.ticket("TK-BUSY"), **late}
    sandbox.store("LATE-1", new)
    sandbox.forget_log()
    make_due(newest_at=None)
    work()

    assert listed_calls(sandbox) == 1
    assert IndexedTicket.objects.get(code=CODE).values["ticket_title"] == "Vừa đổi ở CRM"
    assert "LATE-1" in codes()


def test_if_the_list_hides_updates_a_later_sweep_finds_them(sandbox: Sandbox) -> None:
    sandbox.switch(ignore_filters=True, ignore_sort=True, longest_page=10)
    work()
    old = sandbox.codes()[2]
    sandbox.edit(old, ticket_title="Âm thầm đổi")
    make_due(newest_at=None)
    work()
    assert IndexedTicket.objects.get(code=old).values["ticket_title"] != "Âm thầm đổi"

    make_due(sweep_finished_at=database_now() - timedelta(minutes=31))
    work()

    assert IndexedTicket.objects.get(code=old).values["ticket_title"] == "Âm thầm đổi"


def test_rows_deleted_between_pages_cause_no_other_row_to_be_missed(sandbox: Sandbox) -> None:
    sandbox.switch(longest_page=10, ignore_filters=True)
    sweeper = Sweeper("worker-1")
    work(sweeper, until=lambda: current_index().is_sweeping and current_index().cursor["pages"] == 4)
    newest = sorted(sandbox.codes(), key=lambda code: -int(sandbox.ticket(code)["id"]))
    for code in newest[:4]:
        sandbox.remove(code)
    work(sweeper)

    assert set(sandbox.codes()) <= set(codes())


def test_the_newest_tickets_are_read_more_often_while_lists_are_in_use(sandbox: Sandbox) -> None:
    work()
    sandbox.forget_log()
    make_due(newest_at=database_now() - timedelta(seconds=40))
    work()
    assert listed_calls(sandbox) == 0

    note_use(current_index())
    work()
    assert listed_calls(sandbox) == 1


def test_a_list_of_a_million_that_ignores_offsets_ends(sandbox: Sandbox) -> None:
    sandbox.switch(ignore_offset=True, ignore_filters=True, longest_page=10)
    work()

    assert current_index().sweep_finished_at is not None
    assert listed_calls(sandbox) <= 9 + 1 + 5


def test_the_command_shows_sweeps_rebuilds_and_forgets(sandbox: Sandbox, capsys: Any) -> None:
    call_command("index", "--sweep")
    call_command("index")
    shown = capsys.readouterr().out
    assert f"{len(sandbox.codes())} tickets were listed" in shown
    assert "filters_by_code" in shown

    call_command("index", "--forget", CODE, "NOBODY-1")
    assert "1 rows were deleted" in capsys.readouterr().out
    assert CODE not in codes()
    call_command("index", "--rebuild")
    work()
    assert codes() == sorted(set(sandbox.codes()) - {CODE})  # until a user opens it
    call_command("index", "--forget-address", current_index().address)
    assert not IndexedTicket.objects.exists()


@pytest.mark.parametrize("setting", [{"TICKET_INDEX_PER_SECOND": 0.0}, {"TICKET_API_READ": "off"}], ids=str)
def test_the_command_says_that_the_settings_forbid_reading(setting: dict[str, Any], settings: Any) -> None:
    for name, value in setting.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match="do not let the list be read"):
        call_command("index", "--sweep")


def test_a_connection_check_allows_the_list_to_be_tried_again(
    sandbox: Sandbox, administrator: User, client_of: Any
) -> None:
    sandbox.fault("status", path="/tickets", times=None, status=403)
    work()
    assert index_state(current_index()).is_refused
    sandbox.forget_faults()

    page = client_of(administrator).post("/connection/", follow=True).content.decode()
    work()

    assert "Filter by several codes" in page
    assert codes() == sorted(sandbox.codes())


def test_forgetting_keeps_the_counters_correct(sandbox: Sandbox) -> None:
    work()
    forget_tickets(sandbox.codes()[:7])
    kept = index_state(current_index()).known
    rebuild_index(current_index())

    assert kept == index_state(current_index()).known == len(sandbox.codes()) - 7


def test_forgetting_many_tickets_takes_no_more_queries_than_forgetting_a_few(sandbox: Sandbox) -> None:
    work()
    few, many = sandbox.codes()[:5], sandbox.codes()[5:80]
    IndexedTicket.objects.update(status_key=b"one")

    with CaptureQueriesContext(connection) as of_few:
        assert forget_tickets(few) == len(few)
    with CaptureQueriesContext(connection) as of_many:
        assert forget_tickets(many) == len(many)

    assert len(of_many) <= len(of_few)


def test_a_sweep_by_command_that_fails_leaves_the_list_to_the_workers(sandbox: Sandbox) -> None:
    sandbox.fault("status", path="/tickets", times=None, status=500)

    with pytest.raises(CommandError, match="could not be read"):
        call_command("index", "--sweep")

    assert current_index().worker == ""
