"""Answers that come too late: unknown results are settled by themselves, or by a run of their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.slow  # time-outs and late answers are waited for
TITLE = "Tiêu đề của lượt chạy"
TIMEOUT = 1.0  # seconds: five answers that a busy machine gives later than this would pause a run


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


def resumed_until_it_ends(lead: Lead, path: str) -> None:
    """Resume a run each time it paused because the CRM was down."""
    while lead.wait(path, "finished", "paused") == "paused":
        lead.press(path, "resume")


def test_unknown_results_are_settled_before_the_run_ends(crm: Sandbox, lead: Lead, codes: list[str]) -> None:
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


def test_a_run_that_checks_results_sends_nothing_and_settles_them(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    codes = codes[:3]
    path = lead.check(lead.choose(codes), ticket_title=TITLE)
    crm.fault("hang", code=codes[0], method="PUT", after=True, seconds=5)
    lead.confirm(path, in_flight=1)
    wait_until(lambda: crm.log("PUT", codes[0]), "the first was not sent", every=0.02)
    crm.fault("status", code=codes[0], method="GET", times=None, status=500)
    lead.wait(path, "finished")
    assert lead.outcomes(path)[codes[0]] == "unknown"
    crm.forget_faults()
    crm.forget_log()

    settled = lead.press(path, "settle")
    lead.wait(settled, "finished")

    assert lead.outcomes(settled) == {codes[0]: "verified"}
    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    assert crm.log("PUT") == []
