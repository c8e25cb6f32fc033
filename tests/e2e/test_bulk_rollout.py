"""A run starts with one ticket and stops at the first damage; what was damaged is restored."""

from collections.abc import Iterator

import pytest

from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox, SandboxProcess

TITLE = "Tiêu đề của lượt chạy"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("rollout")
    process = SandboxProcess(folder / "sandbox.sqlite3", tickets=120)
    started = LiveServer(folder, process.url, BULK_LEASE_SECONDS="6")
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
    return [code for code in crm.codes() if code.startswith("TK2")][:30]


def started(lead: Lead, crm: Sandbox, codes: list[str]) -> str:
    """Check and confirm a run of another title; returns its path."""
    path = lead.check(lead.choose(codes), ticket_title=TITLE)
    crm.forget_log()
    lead.confirm(path, in_flight=8)
    return path


def page_of(lead: Lead, path: str) -> str:
    return lead.visitor.get(path).text.replace("&#x27;", "'")


def confirmed(lead: Lead, path: str) -> None:
    lead.wait(path, "ready")
    lead.confirm(path)
    lead.wait(path, "finished")


def test_an_emptied_field_pauses_after_one_ticket_and_is_restored(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    before = crm.ticket(codes[0])
    crm.fault("wipe_field", method="PUT", times=None, field="account_email")
    path = started(lead, crm, codes)
    lead.wait(path, "paused")

    assert [entry.code for entry in crm.log("PUT")] == [codes[0]]
    page = page_of(lead, path)
    assert "Paused: the CRM emptied fields that were not sent." in page
    assert all(part in page for part in (codes[0], "Customer e-mail", before["account_email"]))
    assert f"{path}resume/" not in page
    damaged = [row for row in lead.rows(path) if row["damage"]]
    assert [(row["ticket"], row["field"], row["before"], row["damage"]) for row in damaged] == [
        (codes[0], "account_email", before["account_email"], "emptied")
    ]

    crm.forget_faults()
    restoring = lead.press(path, "restore")
    lead.wait(restoring, "ready")
    assert before["account_email"] in page_of(lead, restoring)
    assert crm.ticket(codes[0])["account_email"] == ""
    confirmed(lead, restoring)

    assert lead.outcomes(restoring) == {codes[0]: "verified"}
    now = crm.ticket(codes[0])
    assert now == {**before, "ticket_title": TITLE, "updated_at": now["updated_at"]}
    lead.press(path, "go-on")
    lead.wait(path, "finished")
    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")


def test_restoring_does_not_overwrite_changes_made_since_the_damage(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.fault("wipe_field", method="PUT", times=None, field="account_email")
    path = started(lead, crm, codes[:5])
    lead.wait(path, "paused")
    crm.edit(codes[0], account_email="since@example.com")

    restoring = lead.press(path, "restore")
    lead.wait(restoring, "ready")

    assert "It was changed in the meantime." in page_of(lead, restoring)
    assert "There is nothing to send" in page_of(lead, restoring)
    assert crm.ticket(codes[0])["account_email"] == "since@example.com"


def test_the_user_is_asked_once_about_an_automation_of_the_crm(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.fault("store_differently", method="PUT", times=None, field="expected_at", value="2031-01-31")
    path = started(lead, crm, codes)
    lead.wait(path, "paused")
    assert len(crm.log("PUT")) == 1
    assert "Paused: fields that were not sent have changed." in page_of(lead, path)

    lead.press(path, "go-on")
    assert lead.wait(path, "finished", "paused") == "finished"

    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    assert len(crm.log("PUT")) == len(codes)
    page = page_of(lead, f"{path}?shown=damaged")
    assert "Other fields damaged" in page
    assert "Changed, though not sent" in page


def test_a_value_that_the_crm_spells_differently_does_not_pause_the_run(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    for code in codes[:8]:
        crm.edit(code, emergency_phone="0909 000 111")
    crm.fault("store_differently", method="PUT", times=None, field="emergency_phone", value="0909000111")

    path = started(lead, crm, codes[:8])
    assert lead.wait(path, "finished", "paused") == "finished"

    assert "Spelled differently, though not sent" in page_of(lead, path)
    assert "Other fields damaged" not in page_of(lead, path)


def test_a_crm_that_keeps_the_old_values_pauses_the_run_once(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.fault("ignore_write", method="PUT", times=None)
    path = started(lead, crm, codes[:20])
    lead.wait(path, "paused")
    assert len(crm.log("PUT")) == 1
    page = page_of(lead, path)
    assert "Paused: the CRM accepts the changes but keeps the old values." in page
    assert f"{path}restore/" not in page

    lead.press(path, "go-on")
    assert lead.wait(path, "finished", "paused") == "finished"

    assert lead.outcomes(path) == dict.fromkeys(codes[:20], "not_applied")


def test_the_first_ticket_is_proved_before_another_is_sent(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    path = lead.check(lead.choose(codes[:30]), ticket_title=TITLE)
    crm.switch(latency_ms=60)
    crm.forget_log()
    lead.confirm(path, in_flight=8)
    lead.wait(path, "finished")

    calls = crm.log()
    first, second = (call for call in calls if call.method == "PUT" and call.code in codes[:2])
    read_back = next(call for call in calls if call.id > first.id and call.code == first.code)
    assert read_back.time + read_back.seconds <= second.time
    starts = [call.time for call in calls if call.method == "PUT"]
    handful_ends = sorted(call.time + call.seconds for call in calls if call.method == "PUT")[4]
    assert len([moment for moment in starts if moment < handful_ends]) <= 5


def test_a_ticket_stored_differently_says_what_the_crm_holds(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.fault("store_differently", method="PUT", times=None, field="ticket_title", value="Viết hoa bởi CRM")

    path = started(lead, crm, codes[:3])
    lead.wait(path, "finished")

    page = page_of(lead, path)
    assert set(lead.outcomes(path).values()) == {"stored_differently"}
    assert page.count("The CRM holds:") == 3
    assert page.count("Viết hoa bởi CRM") == 3


def test_without_reading_the_page_says_that_damage_cannot_be_detected(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    crm.switch(read_right="403")

    path = lead.check(lead.choose(codes[:3]), ticket_title=TITLE)

    assert "If the CRM empties or changes other fields, it is not seen either" in page_of(lead, path)


def test_a_crm_that_empties_fields_damages_one_ticket_and_no_more(
    crm: Sandbox, lead: Lead, codes: list[str]
) -> None:
    before = {code: crm.ticket(code) for code in codes}
    crm.switch(semantics="replace")
    path = started(lead, crm, codes)
    lead.wait(path, "paused")
    assert [entry.code for entry in crm.log("PUT")] == [codes[0]]

    restoring = lead.press(path, "restore")
    lead.wait(restoring, "ready")
    assert "This CRM empties every field that a request leaves out." in page_of(lead, restoring)
    confirmed(lead, restoring)
    lead.press(path, "go-on")
    assert lead.wait(path, "finished", "paused") == "finished"

    assert lead.outcomes(path) == dict.fromkeys(codes, "verified")
    for code in codes:
        now = crm.ticket(code)
        assert now == {**before[code], "ticket_title": TITLE, "updated_at": now["updated_at"]}

    undo = lead.press(path, "undo")
    confirmed(lead, undo)
    assert {code: crm.ticket(code)["ticket_title"] for code in codes} == {
        code: ticket["ticket_title"] for code, ticket in before.items()
    }
    assert all(crm.ticket(code)["account_email"] == before[code]["account_email"] for code in codes)
