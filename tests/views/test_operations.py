"""Operations: health, metrics, the connection, and a CRM that is down."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from tests.factories import make_change
from tests.sandbox_driver import KEY, Sandbox
from ticketadmin.models import Outcome, Reading, User
from ticketadmin.services.crm import circuit_breaker
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.circuit_breaker import MAX_FAILURES_IN_A_ROW
from ticketadmin.services.crm.connection import forget_api, get_api, reading_state
from ticketadmin.services.crm.reading import CannotRead, read_ticket
from ticketadmin.services.operations.heartbeats import beat, end, living
from ticketadmin.ticketapi.errors import NotFound, Unavailable

CODE = "ABCXYZ1234"


def test_a_process_that_answers_is_healthy_without_a_database() -> None:
    answer = Client().get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "sessionid" not in answer.cookies


@pytest.mark.django_db
def test_it_is_ready_while_a_worker_is_alive() -> None:
    assert Client().get("/readyz").json()["worker"] == "away"
    beat("worker-1")

    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "migrations": "ok", "worker": "ok", "crm": "ok"}

    end("worker-1")
    assert Client().get("/readyz").status_code == 503
    assert living() == []


@pytest.mark.django_db
def test_metrics_need_the_token_or_an_allowed_address(settings: LazySettings) -> None:
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a-long-metrics-token-0123456789"
    assert Client().get("/metrics").status_code == 404
    wrong = Client().get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 404

    right = Client().get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
    assert right.status_code == 200
    assert b"ticketadmin_queue_depth 0.0" in right.content
    settings.METRICS_TOKEN, settings.METRICS_ADDRESSES = "", ["10.0.0.0/8"]
    assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics").status_code == 404


def test_metrics_count_requests_saves_and_calls_without_personal_data(
    settings: LazySettings, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    settings.METRICS_TOKEN = "a-long-metrics-token-0123456789"
    client = client_of(staff)
    client.get(f"/tickets/{CODE}/")
    text = client.get(
        "/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    ).content.decode()

    assert 'ticketadmin_requests_total{method="GET",route="ticket",status="200"}' in text
    assert 'ticketadmin_remote_calls_total{endpoint="/ticket",method="GET",result="200"}' in text
    assert CODE not in text
    assert KEY not in text


def test_the_connection_page_says_what_works_and_never_the_key(
    administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(administrator)
    assert b"Not checked yet" in client.get("/connection/").content

    page = client.post("/connection/", follow=True).content.decode()

    for words in ("The CRM can be reached", "The key is accepted", "A ticket can be read"):
        assert words in page
    assert page.count("yes") >= 6
    assert KEY not in page
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        (
            {"read_right": "403"},
            ["Tickets can be listed: no, the key may not", "A ticket can be read: not known"],
        ),
        ({"lists_right": "403"}, ["The list of statuses can be read: no, the key may not"]),
        ({"lists_right": "404"}, ["Nothing is at this address. TICKET_API_URL may be wrong"]),
    ],
)
def test_the_command_describes_what_the_key_may_do(
    switches: dict[str, str], words: list[str], db: None, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.switch(**switches)

    call_command("check_api")

    printed = capsys.readouterr().out
    for line in words:
        assert line in printed
    assert KEY not in printed


def test_reading_a_ticket_in_the_check_proves_read_access(db: None, sandbox: Sandbox) -> None:
    sandbox.switch(read_right="403")
    with pytest.raises(CannotRead):
        read_ticket(CODE, get_choices())
    sandbox.switch(read_right="yes")

    call_command("check_api")

    assert reading_state() is Reading.WORKS
    with pytest.raises(NotFound):  # instead of a form to update without reading
        read_ticket("NOPE-1", get_choices())


def test_an_address_without_any_list_says_nothing_about_the_key(
    db: None, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.fault("status", times=None, status=404)

    call_command("check_api")

    printed = capsys.readouterr().out
    assert "The CRM can be reached: yes" in printed
    assert "The key is accepted: not known" in printed
    for name in ("The list of statuses can be read", "Tickets can be listed"):
        assert re.search(rf"{name}: no \(\d+ ms\): Nothing is at this address", printed)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("yes", "Noted: the CRM empties what a request leaves out."),
        ("no", "Noted: the CRM keeps what a request leaves out."),
    ],
)
def test_setting_what_the_crm_does_with_omitted_fields_is_confirmed(
    answer: str, said: str, administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    page = client_of(administrator).post("/connection/omitted-fields/", {"are_emptied": answer}, follow=True)

    assert said in page.content.decode()


def test_the_command_fails_if_nothing_can_work(
    settings: LazySettings, db: None, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.TICKET_API_KEY = "a-wrong-key-0123456789-abcdefg"

    with pytest.raises(SystemExit):
        call_command("check_api")

    assert "The key is accepted: NO" in capsys.readouterr().out


def test_no_process_calls_an_unreachable_crm(
    settings: LazySettings, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(staff)
    sandbox.fault("status", times=None, status=504)
    for _look in range(3):
        client.get(f"/tickets/{CODE}/")
    forget_api()  # another process does not know it yet
    sandbox.forget_log()

    page = client.get(f"/tickets/{CODE}/")

    assert page.status_code == 503
    assert "has not answered for a while" in page.content.decode()
    assert sandbox.log() == []
    assert client.get("/readyz").json()["crm"] == "circuit open"


def test_one_probe_closes_the_circuit_when_the_crm_is_back(
    staff: User, client_of: Callable[[User], Client], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "OPEN_FOR", timedelta(0))
    client = client_of(staff)
    sandbox.fault("status", times=None, status=504, headers={"Retry-After": "0"})
    for _look in range(MAX_FAILURES_IN_A_ROW):
        client.get(f"/tickets/{CODE}/")
    sandbox.forget_faults()

    assert client.get(f"/tickets/{CODE}/").status_code == 200
    assert circuit_breaker.circuit().at is None


def test_a_ticket_that_fails_by_itself_never_opens_the_circuit(db: None, sandbox: Sandbox) -> None:
    sandbox.fault("status", code=CODE, times=None, status=500)
    for _call in range(2 * MAX_FAILURES_IN_A_ROW):
        with pytest.raises(Unavailable) as failed:
            get_api().get_ticket(CODE)
        assert failed.value.reason == "server_error"


def test_the_rate_limit_applies_to_all_processes_together(
    settings: LazySettings, db: None, sandbox: Sandbox
) -> None:
    settings.TICKET_API_MAX_PER_SECOND = 20.0
    for _call in range(5):
        get_api().get_ticket(CODE)
    forget_api()
    for _call in range(5):
        get_api().get_ticket(CODE)

    times = [entry.time for entry in sandbox.log("GET")]
    assert times[-1] - times[0] >= 9 / 20 - 0.05


def test_a_turn_that_would_come_too_late_is_refused_immediately(
    settings: LazySettings, db: None, sandbox: Sandbox
) -> None:
    settings.TICKET_API_MAX_PER_SECOND = 0.01
    get_api().get_ticket(CODE)

    with pytest.raises(Unavailable) as refused:
        get_api().get_ticket(CODE)

    assert refused.value.reason == "busy_here"
    assert len(sandbox.log("GET")) == 1


def test_a_failure_without_a_reason_is_explained_by_its_outcome(
    administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    make_change(administrator, CODE, outcome=Outcome.NOT_APPLIED, http_status=200)

    page = client_of(administrator).get("/connection/").content.decode()

    assert "The CRM kept the old value of at least one field." in page.split("Last failures")[1]
