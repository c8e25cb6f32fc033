"""Workers that die in the middle of a run: another one finishes everything, and nothing is written twice.

The sandbox's own log is the witness: which writes it applied, and how many were under way at once.
"""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import postgres_address
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.prepared import postgres_database
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import let_pass, wait_until

pytestmark = pytest.mark.slow
PHONE = "0909 111 222"
SETTINGS = {"TICKET_API_TIMEOUT": "2", "BULK_LEASE_SECONDS": "2"}  # a busy machine is slow, not dead


@pytest.fixture(scope="module")
def crm_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("crashing") / "sandbox.sqlite3", tickets=400)
    yield process
    process.stop()


@pytest.fixture
def crm(crm_process: SandboxProcess) -> Sandbox:
    driver = Sandbox(crm_process.url)
    driver.reset()
    return driver


@pytest.fixture(scope="module")
def on_sqlite(crm_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("sqlite"), crm_process.url, **SETTINGS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def on_postgres(
    crm_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    with postgres_database(postgres_address()) as database:
        server = LiveServer(
            tmp_path_factory.mktemp("postgres"), crm_process.url, database=database, **SETTINGS
        )
        yield server
        server.stop()


def codes_of(crm: Sandbox, count: int, *, start: int = 0) -> list[str]:
    return [code for code in crm.codes() if code.startswith("TK2")][start : start + count]


def wait_for_progress(crm: Sandbox, lead: Lead, paths: list[str]) -> None:
    """Wait until the next write reaches the CRM, or everything has been written."""
    seen = len(crm.log("PUT"))
    wait_until(
        lambda: len(crm.log("PUT")) > seen or all(lead.state(path) != "running" for path in paths),
        "the run goes on with nothing",
        every=0.25,  # a look at the log and at the pages costs as much as some tickets
    )


def killed_in_turn(
    workers: list[LiveWorker], crm: Sandbox, lead: Lead, paths: list[str], *, times: int
) -> None:
    """Kill one worker after the other at random moments of the runs; pytest prints the seed."""
    for number in range(times):
        worker = workers[number % len(workers)]
        let_pass(random.uniform(0.2, 0.9))  # noqa: S311 - not cryptography
        worker.kill()
        worker.start()
        wait_for_progress(crm, lead, paths)


def assert_all_is_true(crm: Sandbox, lead: Lead, paths: list[str], codes: list[str], bound: int) -> None:
    outcomes = {code: outcome for path in paths for code, outcome in lead.outcomes(path).items()}
    assert outcomes == dict.fromkeys(codes, "verified")
    applied = Counter(entry.code for entry in crm.log("PUT") if entry.applied)
    assert [code for code, count in applied.items() if count > 1] == []
    assert all(crm.ticket(code)["emergency_phone"] == PHONE for code in codes)
    assert most_at_once(crm) <= bound
    assert [call for call in crm.log() if "filtering[ticket_code:in]" in call.query], "all was read singly"


def most_at_once(crm: Sandbox) -> int:
    """Return how many writes the CRM had under way at the same time, at most."""
    steps = [(entry.time, 1) for entry in crm.log("PUT")]
    steps += [(entry.time + entry.seconds, -1) for entry in crm.log("PUT")]
    under_way = most = 0
    for _moment, step in sorted(steps):
        under_way += step
        most = max(most, under_way)
    return most


@pytest.mark.parametrize("late_seconds", [0.0, 1.0])
def test_killing_a_worker_ten_times_omits_and_duplicates_no_ticket(
    late_seconds: float, on_sqlite: LiveServer, crm: Sandbox
) -> None:
    codes, lead, worker = codes_of(crm, 240), Lead(on_sqlite), LiveWorker(on_sqlite)
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.switch(latency_ms=60, late_seconds=late_seconds)
    crm.forget_log()
    lead.confirm(path, in_flight=8)

    killed_in_turn([worker], crm, lead, [path], times=10)
    crm.switch(latency_ms=0)
    lead.wait(path, "finished")
    worker.stop()

    assert_all_is_true(crm, lead, [path], codes, bound=8)
    lead.close()


@pytest.mark.postgres
@pytest.mark.parametrize("runs", [1, 2])
def test_two_workers_on_postgres_take_over_from_each_other(
    runs: int, on_postgres: LiveServer, crm: Sandbox
) -> None:
    codes, lead = codes_of(crm, 160), Lead(on_postgres)
    workers = [LiveWorker(on_postgres, f"worker-{number}") for number in (1, 2)]
    paths = [lead.check(lead.choose(codes[start::runs]), emergency_phone=PHONE) for start in range(runs)]
    crm.switch(latency_ms=60)
    crm.forget_log()
    for path in paths:
        lead.confirm(path, in_flight=4)

    killed_in_turn(workers, crm, lead, paths, times=4)
    crm.switch(latency_ms=0)
    for path in paths:
        lead.wait(path, "finished")
    for worker in workers:
        worker.stop()

    assert_all_is_true(crm, lead, paths, codes, bound=4 * runs)
    lead.close()


def test_a_terminated_worker_hands_over_cleanly(on_sqlite: LiveServer, crm: Sandbox) -> None:
    codes, lead, worker = codes_of(crm, 80), Lead(on_sqlite), LiveWorker(on_sqlite)
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.switch(latency_ms=60)
    crm.forget_log()
    lead.confirm(path)
    wait_until(lambda: crm.log("PUT"), "the run has not begun", every=0.02)

    assert worker.stop() == 0
    assert "being checked" not in lead.visitor.get(f"{path}progress/").text
    assert 0 < len(crm.log("PUT")) < len(codes)
    crm.switch(latency_ms=0)
    worker.start()
    lead.wait(path, "finished")
    worker.stop()

    assert_all_is_true(crm, lead, [path], codes, bound=4)
    lead.close()
