"""Bulk updates against the sandbox with a real worker: each ticket ends in the outcome that is true."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.e2e.leading import PATIENCE, Lead
from tests.live import LiveServer, LiveWorker
from tests.pages import form_to
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until

TICKETS = 260
PHONE = "0909 111 222"
IN_FLIGHT = 8
# Seconds of a Retry-After: a little more than a call waits by itself, and many times that.
RETRY_AFTER = [5, pytest.param(45, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server and a worker of their own, with a sandbox of their own."""
    folder = tmp_path_factory.mktemp("bulk")
    crm = SandboxProcess(folder / "sandbox.sqlite3", tickets=TICKETS)
    started = LiveServer(folder, crm.url, BULK_LEASE_SECONDS="6")
    worker = LiveWorker(started)
    yield started
    worker.stop()
    started.stop()
    crm.stop()


@pytest.fixture
def crm(server: LiveServer) -> Sandbox:
    return server.crm_as_seeded()


@pytest.fixture
def lead(server: LiveServer) -> Iterator[Lead]:
    someone = Lead(server)
    yield someone
    someone.close()


def plain_codes(crm: Sandbox) -> list[str]:
    """The tickets without a simulated fault."""
    return [code for code in crm.codes() if code.startswith("TK2")]


def test_every_ticket_of_a_mixed_run_ends_as_the_crm_says(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:120]
    forbidden, reset, slow, ignored, stolen = (codes[start : start + 6] for start in range(0, 30, 6))
    missing = ["GONE-1", "GONE-2", "GONE-3", "GONE-4"]
    for code in forbidden:
        crm.fault("status", code=code, method="PUT", times=None, status=403)
    for code in reset:
        crm.fault("reset", code=code, method="PUT", after=True)
    for code in slow:
        crm.fault("delay", code=code, method="PUT", seconds=0.4)
    for code in ignored:
        crm.fault("ignore_field", code=code, method="PUT", times=None, field="emergency_phone")

    path = lead.check(lead.choose([*codes, *missing]), emergency_phone=PHONE)
    for code in stolen:
        crm.edit(code, emergency_phone="0123456789")
    crm.fault("status", method="PUT", times=9, status=429, headers={"Retry-After": "1"})
    crm.forget_log()
    lead.confirm(path, in_flight=6)
    lead.wait(path, "finished")

    outcomes = lead.outcomes(path)
    fine = set(codes) - {*forbidden, *ignored, *stolen}
    expected = (
        dict.fromkeys(fine, "verified")
        | dict.fromkeys(forbidden, "rejected")
        | dict.fromkeys(ignored, "not_applied")
        | dict.fromkeys(stolen, "conflict")
        | dict.fromkeys(missing, "not_done")
    )
    assert {
        code: (outcomes[code], expected[code]) for code in outcomes if outcomes[code] != expected[code]
    } == {}
    assert set(outcomes) == set(expected)
    assert all(crm.ticket(code)["emergency_phone"] == PHONE for code in fine)
    applied = [entry.code for entry in crm.log("PUT") if entry.applied]
    assert len(applied) == len(set(applied)), "a ticket was written twice"
    assert not set(applied) & {*stolen, *missing, *forbidden}


def test_a_retry_touches_only_what_failed(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:12]
    for code in codes[:3]:
        crm.fault("status", code=code, method="PUT", times=1, status=403)
    path = lead.run(codes, emergency_phone=PHONE)
    refused = [code for code, outcome in lead.outcomes(path).items() if outcome == "rejected"]
    assert sorted(refused) == sorted(codes[:3])
    crm.forget_log()

    again = lead.press(path, "retry")
    lead.wait(again, "ready")
    lead.confirm(again)
    lead.wait(again, "finished")

    assert lead.outcomes(again) == dict.fromkeys(codes[:3], "verified")
    assert {entry.code for entry in crm.log("PUT")} == set(codes[:3])


def test_an_undo_restores_every_ticket_except_those_edited_since(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:40]
    before = {code: crm.ticket(code) for code in codes}
    path = lead.run(codes, emergency_phone=PHONE, status_name="Đang xử lý", ticket_title="Cùng một tiêu đề")
    crm.edit(codes[0], ticket_title="Sửa sau đó")
    crm.edit(codes[1], emergency_phone="0111 222 333")

    undo = lead.press(path, "undo")
    lead.wait(undo, "ready")
    lead.confirm(undo)
    lead.wait(undo, "finished")

    outcomes = lead.outcomes(undo)
    assert {code for code, outcome in outcomes.items() if outcome == "conflict"} == set(codes[:2])
    assert {outcomes[code] for code in codes[2:]} == {"verified"}
    for code in codes[2:]:
        now = crm.ticket(code) | {"updated_at": before[code]["updated_at"]}
        assert now == before[code]
    assert crm.ticket(codes[0])["ticket_title"] == "Sửa sau đó"


def test_a_cancelled_run_stops_quickly_and_reports_what_was_sent(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:120]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.switch(latency_ms=200)  # four at a time: two seconds are a dozen tickets
    crm.forget_log()
    lead.confirm(path)
    wait_until(lambda: crm.log("PUT"), "the run has not begun", every=0.02)

    lead.press(path, "cancel")
    sent_before = len(crm.log("PUT"))
    lead.wait(path, "cancelled")
    crm.switch(latency_ms=0)

    puts = crm.log("PUT")
    assert len(puts) - sent_before <= 24
    outcomes = lead.outcomes(path)
    sent = {entry.code for entry in puts}
    assert {code for code, outcome in outcomes.items() if outcome == "verified"} == sent
    assert {outcomes[code] for code in codes if code not in sent} == {"not_sent"}


def test_a_paused_run_resumes_where_it_stopped(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:60]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.switch(latency_ms=100)
    crm.forget_log()
    lead.confirm(path)
    wait_until(lambda: crm.log("PUT"), "the run has not begun", every=0.02)
    lead.press(path, "pause")
    lead.wait(path, "paused")
    wait_until(
        lambda: "In progress" not in lead.visitor.get(f"{path}progress/").text,
        "a paused run works on",
    )
    crm.switch(latency_ms=0)
    sent = len(crm.log("PUT"))
    assert 0 < sent < len(codes)

    lead.press(path, "resume")
    lead.wait(path, "finished")

    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    assert len(crm.log("PUT")) == len(codes)


def test_a_paused_run_writes_nothing_into_the_next_test(crm: Sandbox, lead: Lead, server: LiveServer) -> None:
    codes = plain_codes(crm)[:12]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.fault("delay", code=codes[0], method="GET", after=True, seconds=1)  # read, and not yet written
    crm.forget_log()
    lead.confirm(path)
    wait_until(lambda: crm.log("GET", codes[0]), "the first ticket was not read", every=0.02)
    lead.press(path, "pause")

    assert server.crm_as_seeded().ticket(codes[0])["emergency_phone"] != PHONE

    assert lead.outcomes(path)[codes[0]] == "verified"  # it was written, and before the reset


@pytest.mark.parametrize(
    ("fault", "notice"),
    [
        ({"kind": "status", "status": 401}, "does not accept this tool"),
        (
            {"kind": "status", "status": 503, "headers": {"Retry-After": "0"}},
            "does not answer, or only with errors",
        ),
    ],
)
def test_a_run_pauses_itself_instead_of_failing_every_ticket(
    fault: dict[str, object], notice: str, crm: Sandbox, lead: Lead
) -> None:
    codes = plain_codes(crm)[:40]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.forget_log()
    crm.fault(method="PUT", times=None, **fault)  # type: ignore[arg-type]
    lead.confirm(path, in_flight=2)
    lead.wait(path, "paused")

    assert notice in lead.visitor.get(path).text.replace("&#x27;", "'")
    assert len({entry.code for entry in crm.log("PUT")}) < 15
    crm.reset()

    lead.press(path, "resume")
    lead.wait(path, "finished")
    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")


def test_a_confirmation_is_valid_only_for_the_dry_run_that_was_shown(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:5]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    old = lead.visitor.get(path)
    crm.edit(codes[0], emergency_phone="0999999999")
    lead.press(path, "again")
    lead.wait(path, "ready")
    crm.forget_log()

    answer = lead.visitor.post(f"{path}confirm/", form_to(old, "/confirm/").filled())

    assert answer.status_code == 409
    assert "Nothing was sent." in answer.text
    assert lead.state(path) == "ready"
    assert crm.log("PUT") == []


def test_two_leads_are_warned_and_do_not_overwrite_each_other(
    crm: Sandbox, lead: Lead, server: LiveServer
) -> None:
    codes = plain_codes(crm)[:20]
    other = Lead(server, "minh")
    first = lead.check(lead.choose(codes), emergency_phone=PHONE)
    second = other.check(other.choose(codes), emergency_phone="0988 777 666")

    assert "Another bulk update touches the same tickets." in other.visitor.get(second).text
    lead.confirm(first)
    lead.wait(first, "finished")
    other.confirm(second)
    other.wait(second, "finished")
    outcomes = other.outcomes(second)
    other.close()

    assert set(outcomes.values()) == {"conflict"}
    assert {crm.ticket(code)["emergency_phone"] for code in codes} == {PHONE}


@pytest.mark.slow
def test_ten_thousand_codes_are_accepted_and_paged(crm: Sandbox, lead: Lead) -> None:
    path = lead.choose([f"TK9{number:06d}" for number in range(10_000)])

    page = lead.visitor.get(path)
    assert "Update 10,000 tickets" in page.text or "Update 10000 tickets" in page.text
    assert len(page.content) < 200_000
    lead.press(path, "discard")


def test_update_only_mode_sends_blind_and_says_so(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:5]
    crm.switch(read_right="403")
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    assert "Will be sent, cannot be compared" in lead.visitor.get(path).text

    lead.confirm(path)
    lead.wait(path, "finished")

    assert lead.outcomes(path) == dict.fromkeys(codes, "not_readable")
    assert len(crm.log("PUT")) == len(codes)


def test_a_run_from_a_saved_view_has_the_tickets_of_the_view(crm: Sandbox, lead: Lead) -> None:
    query = "status=H%E1%BB%A7y&customer=B%C3%ACnh+Minh"
    token = form_to(lead.visitor.get("/bulk/new/"), "/bulk/new/").values["csrfmiddlewaretoken"]
    kept = {"csrfmiddlewaretoken": token, "name": "Hủy của Bình Minh", "query": query, "is_shared": "on"}
    assert lead.visitor.post("/views/", kept).status_code == 303
    wanted = {
        code
        for code in crm.codes()
        if crm.ticket(code)["status_name"] == "Hủy" and crm.ticket(code)["account_name"] == "Bình Minh"
    }

    page = lead.visitor.get("/bulk/new/")
    view = re.findall(r'<option value="(\d+)">Hủy của Bình Minh', page.text)[0]
    answer = lead.visitor.post("/bulk/new/", form_to(page, "/bulk/new/").filled(view=view))
    path = lead.check(str(answer.headers["Location"]), emergency_phone=PHONE)
    lead.confirm(path)
    lead.wait(path, "finished")

    assert len(wanted) > 3
    assert set(lead.outcomes(path)) == wanted
    assert {crm.ticket(code)["emergency_phone"] for code in wanted} == {PHONE}


def test_a_run_obeys_its_limit_of_requests_per_second(crm: Sandbox, lead: Lead) -> None:
    path = lead.check(lead.choose(plain_codes(crm)[:10]), emergency_phone=PHONE)
    crm.forget_log()

    lead.confirm(path, in_flight=8, per_second="12")
    lead.wait(path, "finished")

    times = sorted(call.time for call in crm.log())
    assert len(times) >= 21  # two calls a ticket, and read-backs singly or together
    assert times[-1] - times[0] >= (len(times) - 3) / 12 - 0.2  # the last ticket's three come at once


@pytest.mark.parametrize("seconds", RETRY_AFTER)
def test_nothing_is_sent_before_the_time_that_the_crm_asked_for(
    seconds: int, crm: Sandbox, lead: Lead
) -> None:
    codes = plain_codes(crm)[:60]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.switch(latency_ms=80)
    crm.forget_log()
    lead.confirm(path, in_flight=IN_FLIGHT)
    wait_until(lambda: len(crm.log("PUT")) >= 14, "the run does not write", every=0.02)
    crm.fault("status", times=6, path="/ticket", status=429, headers={"Retry-After": str(seconds)})
    lead.wait(path, "finished", within=PATIENCE + seconds)

    calls = crm.log()
    refused = [call for call in calls if call.status == 429]
    first = min(call.time + call.seconds for call in refused)
    last = max(call.time + call.seconds for call in refused)
    assert len(refused) == 6
    early = [call for call in calls if first < call.time < last + seconds and call not in refused]
    assert len(early) < IN_FLIGHT, "more was sent than what was on its way already"
    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")


def test_a_locked_ticket_waits_by_itself_until_it_is_unlocked(crm: Sandbox, lead: Lead) -> None:
    codes = plain_codes(crm)[:12]
    locked = codes[3]
    crm.fault("status", times=2, code=locked, method="PUT", status=423, headers={"Retry-After": "3"})
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.forget_log()
    lead.confirm(path, in_flight=2)
    wait_until(lambda: lead.done(path) >= 91, "11 of 12 are not done")
    assert lead.state(path) == "running"
    page = lead.visitor.get(f"{path}progress/").text
    lead.wait(path, "finished")

    assert "Waiting until" in page
    assert "The ticket is locked in the CRM." in page
    tries = [call.time for call in crm.log("PUT", locked)]
    assert len(tries) == 3
    assert all(later - earlier >= 3 for earlier, later in pairwise(tries))
    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")


@pytest.mark.parametrize(
    ("in_flight", "hidden"),
    [
        pytest.param(1, "", id="1-read_together"),
        pytest.param(6, "updated_at", id="6-read_singly"),
        pytest.param(1, "updated_at", id="1-read_singly", marks=pytest.mark.slow),
        pytest.param(6, "", id="6-read_together", marks=pytest.mark.slow),
    ],
)
def test_concurrent_calls_never_exceed_the_tickets_allowed_in_flight(
    in_flight: int, hidden: str, crm: Sandbox, lead: Lead
) -> None:
    path = lead.check(lead.choose(plain_codes(crm)[: 8 * in_flight + 4]), emergency_phone=PHONE)
    crm.switch(hidden_in_lists=hidden, latency_ms=80)
    crm.forget_log()

    lead.confirm(path, in_flight=in_flight)
    lead.wait(path, "finished")

    assert crm.stats()["most_active"] <= in_flight
    assert set(lead.outcomes(path).values()) == {"verified"}


@pytest.mark.slow
def test_a_ticket_that_always_breaks_the_crm_is_listed_and_the_others_are_saved(
    crm: Sandbox, lead: Lead
) -> None:
    good, broken = plain_codes(crm)[:3], plain_codes(crm)[3]
    crm.fault("status", code=broken, method="GET", times=None, status=500)

    path = lead.run([broken, *good], emergency_phone=PHONE)

    assert lead.outcomes(path) == {broken: "not_done", **dict.fromkeys(good, "verified")}
    assert crm.puts(broken) == []


@pytest.mark.slow
def test_a_worker_keeps_its_run_although_the_crms_lists_are_slow(
    crm: Sandbox, lead: Lead, server: LiveServer
) -> None:
    codes = plain_codes(crm)[:24]
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    crm.forget_log()
    crm.switch(latency_ms=300)
    for name in ("categories", "status"):
        crm.fault("delay", path=f"/ticket/{name}", times=None, seconds=4)  # both: longer than a lease
    second = LiveWorker(server, "second")
    server.forget_lists()
    lead.confirm(path)

    seen = set()

    def is_finished() -> bool:
        page = lead.visitor.get(f"{path}progress/").text
        seen.add("being checked" in page)
        return 'data-bulk-state="finished"' in page

    wait_until(is_finished, "the run does not end", every=0.1)  # what is checked waits for the CRM: 0.3 s
    second.stop()

    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    assert sorted(entry.code or "" for entry in crm.log("PUT")) == sorted(codes)
    assert seen == {False}, "another worker took the run over"
