"""A run waits as long as the CRM asks, a locked ticket waits apart, and unknown results settle themselves."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.e2e.leading import PATIENCE, Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until

TITLE = "Tiêu đề của lượt chạy"
TIMEOUT = 1.0  # seconds: five answers that a busy machine gives later than this would pause a run
IN_FLIGHT = 8
# Seconds that the CRM asks for: a little more than a call waits by itself, and many times that.
RETRY_AFTER = [5, pytest.param(45, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("waiting")
    process = SandboxProcess(folder / "sandbox.sqlite3", tickets=160)
    started = LiveServer(folder, process.url, TICKET_API_TIMEOUT=str(TIMEOUT), BULK_LEASE_SECONDS="2")
    worker = LiveWorker(started)
    yield started
    worker.stop()
    started.stop()
    process.stop()


@pytest.fixture
def crm(server: LiveServer) -> Sandbox:
    return server.crm_as_seeded()


@pytest.fixture
def lead(server: LiveServer) -> Iterator[Lead]:
    someone = Lead(server)
    yield someone
    someone.close()


@pytest.fixture
def codes(crm: Sandbox) -> list[str]:
    return [code for code in crm.codes() if code.startswith("TK2")]


def started(lead: Lead, crm: Sandbox, codes: list[str], *, in_flight: int) -> str:
    path = lead.check(lead.choose(codes), ticket_title=TITLE)
    crm.forget_log()
    lead.confirm(path, in_flight=in_flight)
    return path


def wait_for_writes(crm: Sandbox, count: int) -> None:
    wait_until(lambda: len(crm.log("PUT")) >= count, "the run does not write", every=0.02)


def resumed_until_it_ends(lead: Lead, path: str) -> None:
    """Resume a run each time that the CRM was away for too long."""
    while lead.wait(path, "finished", "paused") == "paused":
        lead.press(path, "resume")


@pytest.mark.parametrize("seconds", RETRY_AFTER)
def test_nothing_is_sent_before_the_time_that_the_crm_asked_for(
    seconds: int, crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.switch(latency_ms=80)
    path = started(lead, crm, codes[:60], in_flight=IN_FLIGHT)
    wait_for_writes(crm, 14)
    crm.fault("status", times=6, path="/ticket", status=429, headers={"Retry-After": str(seconds)})
    lead.wait(path, "finished", within=PATIENCE + seconds)

    calls = crm.log()
    refused = [call for call in calls if call.status == 429]
    first = min(call.time + call.seconds for call in refused)
    last = max(call.time + call.seconds for call in refused)
    assert len(refused) == 6
    early = [call for call in calls if first < call.time < last + seconds and call not in refused]
    assert len(early) < IN_FLIGHT, "more was sent than what was on its way already"
    assert lead.outcomes(path) == dict.fromkeys(codes[:60], "verified")


def test_a_locked_ticket_waits_apart_and_is_done_when_it_is_free(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    locked = codes[3]
    crm.fault("status", times=2, code=locked, method="PUT", status=423, headers={"Retry-After": "3"})
    path = started(lead, crm, codes[:12], in_flight=2)
    wait_until(lambda: lead.done(path) >= 91, "11 of 12 are not done")
    assert lead.state(path) == "running"
    page = lead.visitor.get(f"{path}progress/").text
    lead.wait(path, "finished")

    assert "Waiting until" in page
    assert "The ticket is locked in the CRM." in page
    tries = [call.time for call in crm.log("PUT", locked)]
    assert len(tries) == 3
    assert all(later - earlier >= 3 for earlier, later in pairwise(tries))
    assert lead.outcomes(path) == dict.fromkeys(codes[:12], "verified")


def test_unknown_results_settle_themselves_before_the_run_ends(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    late = codes[6:39]
    for code in late:  # the write arrives after its answer was given up
        crm.fault("hang", code=code, method="PUT", seconds=2)
    path = started(lead, crm, codes[:60], in_flight=16)

    resumed_until_it_ends(lead, path)

    assert len(late) == 33
    assert lead.outcomes(path) == dict.fromkeys(codes[:60], "verified")
    assert [code for code in codes[:60] if len(crm.log("PUT", code)) != 1] == []
    assert "Find out what is unknown" not in lead.visitor.get(path).text


def test_checking_unknown_results_counts_its_own_failures_only(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    for code in codes[:12]:
        crm.fault("hang", code=code, method="PUT", seconds=2)
    path = started(lead, crm, codes[:12], in_flight=8)
    lead.wait(path, "paused")
    lead.press(path, "cancel")
    lead.wait(path, "cancelled")
    unknown = [code for code, outcome in lead.outcomes(path).items() if outcome == "unknown"]
    crm.forget_log()

    settling = lead.press(path, "settle")
    assert lead.wait(settling, "finished", "paused") == "finished"

    assert len(unknown) >= 5  # as many failures in a row pause a run
    assert lead.outcomes(settling) == dict.fromkeys(unknown, "verified")
    assert crm.log("PUT") == []
