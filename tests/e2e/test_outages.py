"""The product's own database goes down and comes back, under load and during a bulk run."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browsing import Visitor
from tests.conftest import skip_or_fail
from tests.crowd import expect_recovery, make_crowd, wait_for_a_save, work
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.pages import forms_in
from tests.postgres import PostgresProcess, programs
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import let_pass, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresProcess]:
    if programs() is None:
        skip_or_fail("PostgreSQL's programs", "REQUIRE_POSTGRES")
    process = PostgresProcess(tmp_path_factory.mktemp("pg"))
    yield process
    process.remove()


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    process = SandboxProcess(tmp_path_factory.mktemp("crm") / "crm.sqlite3", tickets=150)
    yield Sandbox(process.url)
    process.stop()


@pytest.fixture(scope="module")
def server(
    database: PostgresProcess, crm: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("web")
    settings = {"DATABASE_URL": database.url, "TICKET_API_TIMEOUT": "2", "BULK_LEASE_SECONDS": "2"}
    started = LiveServer(folder, crm.url, workers=2, **settings)
    yield started
    started.stop()


def interrupt(database: PostgresProcess, away: float) -> None:
    """Stop the database for some seconds."""
    database.stop()
    let_pass(away)
    database.start()


def test_saves_during_an_outage_are_stored_or_reported_as_failed(
    server: LiveServer, crm: Sandbox, database: PostgresProcess
) -> None:
    crm.reset()
    names = make_crowd(server, 6)
    crm.forget_log()

    def interrupt_work() -> None:
        wait_for_a_save(crm)
        interrupt(database, away=2)

    interrupting = threading.Thread(target=interrupt_work)
    interrupting.start()
    seen = work(server, crm, names, is_over=lambda: not interrupting.is_alive(), pause=0.1)
    interrupting.join()

    assert seen.errors == []
    assert seen.lost == []
    assert any("503" in one for one in seen.refused), seen.refused
    expect_recovery(server, crm, names[:4])


def test_a_bulk_run_continues_when_the_database_is_back(
    server: LiveServer, crm: Sandbox, database: PostgresProcess
) -> None:
    crm.reset()
    codes = [code for code in crm.codes() if code.startswith("TK2")][:100]
    lead, worker = Lead(server), LiveWorker(server)
    path = lead.check(lead.choose(codes), emergency_phone="0909 111 222")
    crm.switch(latency_ms=60)
    crm.forget_log()
    lead.confirm(path)

    wait_until(lambda: len(crm.log("PUT")) > 5, "the run has not begun")
    interrupt(database, away=5.0)
    crm.switch(latency_ms=0)
    lead.wait(path, "finished")
    worker.stop()

    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    applied = [entry.code for entry in crm.log("PUT") if entry.applied]
    assert sorted(applied) == sorted(codes)
    lead.close()


_BY_CODE = "filtering[ticket_code:in]"
BAD_LISTS: dict[str, dict[str, Any]] = {
    "late": {"late_seconds": 3},
    "sparse": {"hidden_in_lists": "ticket_content"},
    "of_other_tickets": {"ignore_filters": True},  # is not called again after that
}
PROVED = """
from dataclasses import replace
from ticketadmin.services.index.capabilities import capabilities_of, keep_capabilities
from ticketadmin.services.index.rows import current_index
index = current_index()
keep_capabilities(index, replace(capabilities_of(index), filters_by_code=True))
"""


def prove_the_list(server: LiveServer) -> None:
    """Let the index know, as after the daily check, that the CRM's list can be filtered by code."""
    server.sweep()
    server.execute(PROVED)


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_two_workers_continue_when_the_database_is_back_whatever_the_list_shows(
    kind: str, server: LiveServer, crm: Sandbox, database: PostgresProcess
) -> None:
    crm.reset()
    prove_the_list(server)
    codes = [code for code in crm.codes() if code.startswith("TK2")][:100]
    lead = Lead(server)
    workers = [LiveWorker(server, f"worker-{number}") for number in (1, 2)]
    paths = [lead.check(lead.choose(codes[start::2]), emergency_phone="0909 111 222") for start in range(2)]
    crm.switch(latency_ms=60, **BAD_LISTS[kind])
    crm.forget_log()
    for path in paths:
        lead.confirm(path)

    wait_until(lambda: any(_BY_CODE in call.query for call in crm.log()), "the list was not asked")
    interrupt(database, away=5.0)
    crm.switch(latency_ms=0)
    for path in paths:
        lead.wait(path, "finished")
    for worker in workers:
        worker.stop()

    outcomes = {code: outcome for path in paths for code, outcome in lead.outcomes(path).items()}
    assert outcomes == dict.fromkeys(codes, "verified")
    applied = [entry.code for entry in crm.log("PUT") if entry.applied]
    assert sorted(applied) == sorted(codes)
    assert {crm.ticket(code)["emergency_phone"] for code in codes} == {"0909 111 222"}
    lead.close()


def test_while_the_database_is_down_the_error_page_keeps_and_resends_typed_text(
    server: LiveServer, crm: Sandbox, database: PostgresProcess
) -> None:
    code = crm.codes()[5]
    visitor = Visitor(server)
    typed = visitor.form(code).filled(ticket_title="Gõ khi mất dữ liệu", ticket_content="một\nhai <b>ba</b>")
    database.stop()
    try:
        page = visitor.post(f"/tickets/{code}/", typed)
    finally:
        database.start()

    assert page.status_code == 503
    assert "Gõ khi mất dữ liệu</textarea>" in page.text
    assert "hai &lt;b&gt;ba&lt;/b&gt;</textarea>" in page.text
    again = forms_in(page)[0]
    wait_until(lambda: visitor.post(again.action, again.values).status_code == 303, "the repeated form saved")
    assert [put["ticket_title"] for put in crm.puts(code)] == ["Gõ khi mất dữ liệu"]
