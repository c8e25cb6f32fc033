"""The stand-in keeps the contract, keeps edits over a restart, and misbehaves only when told to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.waiting import is_true_for, wait_until

CODE = "ABCXYZ1234"


@pytest.fixture
def crm(sandbox_process: SandboxProcess) -> Sandbox:
    driver = Sandbox(sandbox_process.url)
    driver.reset()
    return driver


@pytest.fixture
def call(crm: Sandbox) -> Callable[..., requests.Response]:
    def send(method: str, path: str, key: str = KEY, **options: Any) -> requests.Response:
        headers = {"X-API-KEY": key}
        return requests.request(method, f"{crm.url}/api/v6.1{path}", headers=headers, timeout=10, **options)

    return send


def test_put_updates_and_answers_as_the_contract_shows(
    crm: Sandbox, call: Callable[..., requests.Response]
) -> None:
    answer = call("PUT", "/ticket", json={"ticket_code": CODE, "ticket_title": "Mới"})

    assert answer.status_code == 200
    content = answer.json()
    assert content["message"] == "Successfully updated"
    assert content["data"]["ticket_code"] == CODE
    assert isinstance(content["data"]["identity"], int)
    assert crm.ticket(CODE)["ticket_title"] == "Mới"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ticket_title": "không có mã"}, 400),
        ({"ticket_code": CODE, "expected_at": "31/12/2026"}, 400),
        ({"ticket_code": CODE, "expected_at": "2026-02-30"}, 400),
        ({"ticket_code": CODE, "account_email": "không phải"}, 400),
        ({"ticket_code": CODE, "custom_fields": "x"}, 400),
        ({"ticket_code": "KHONGCO99"}, 404),
    ],
)
def test_put_refuses(body: dict[str, Any], status: int, call: Callable[..., requests.Response]) -> None:
    assert call("PUT", "/ticket", json=body).status_code == status


def test_a_wrong_key_is_refused_everywhere(call: Callable[..., requests.Response]) -> None:
    for method, path in [
        ("GET", "/ticket"),
        ("GET", "/tickets"),
        ("GET", "/ticket/status"),
        ("PUT", "/ticket"),
    ]:
        assert call(method, path, key="wrong", json={"ticket_code": CODE}).status_code == 401


def test_the_stand_in_has_many_realistic_tickets(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path / "crm.sqlite3", tickets=250)
    driver = Sandbox(process.url)
    codes = driver.codes()
    tickets = [driver.ticket(code) for code in codes[:60]]
    process.stop()

    assert len(codes) >= 200
    assert len({ticket["ticket_title"] for ticket in tickets}) > 15
    assert any(ticket["custom_fields"] for ticket in tickets)


def test_an_edit_survives_a_restart(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path / "crm.sqlite3", tickets=5)
    Sandbox(process.url).edit(CODE, ticket_title="Giữ lại")
    process.kill()
    process.start()

    assert Sandbox(process.url).ticket(CODE)["ticket_title"] == "Giữ lại"
    process.stop()


def test_lists_page_by_page_with_filters(call: Callable[..., requests.Response]) -> None:
    query = {"fields": "ticket_code,status_name", "limit": "10", "offset": "0"}
    first = call("GET", "/tickets", params=query).json()
    second = call("GET", "/tickets", params={**query, "offset": "10"}).json()
    filtered = call("GET", "/tickets", params={**query, "filtering[status_name:eq]": "Mới"}).json()

    codes = [row["ticket_code"] for row in first["data"] + second["data"]]
    assert len(set(codes)) == 20
    assert {row["status_name"] for row in filtered["data"]} == {"Mới"}


STRANGER = "filtering[stranger:eq]"


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"filtering[ticket_code:in]": f"{CODE.lower()},TK-SLOW,TK-NONE"}, ["ABCXYZ1234", "TK-SLOW"]),
        ({"filtering[ticket_code:is]": CODE, STRANGER: "x"}, ["ABCXYZ1234"]),
        ({"filtering[ticket_code:contains]": "xyz12"}, ["ABCXYZ1234"]),
        ({"filtering[ticket_code:between]": "abcxyz1,abcxyz2"}, ["ABCXYZ1234"]),
        ({"filtering[ticket_code:between]": "abcxyz1"}, []),
        ({"filtering[status_id:eq]": "0"}, []),
        ({"filtering[ticket_code:eq]": CODE, "filtering[status_id:lt]": "10"}, ["ABCXYZ1234"]),
        ({"filtering[ticket_code:eq]": CODE, "filtering[status_id:gte]": "10"}, []),
        ({"filtering[ticket_code:eq]": CODE, "filtering[ticket_code:not_in]": f"A,{CODE}"}, []),
    ],
)
def test_a_list_is_filtered_by_every_operator_it_knows(
    filters: dict[str, str], kept: list[str], call: Callable[..., requests.Response]
) -> None:
    found = call("GET", "/tickets", params={"limit": "50", "fields": "ticket_code,status_id", **filters})

    assert sorted(row["ticket_code"] for row in found.json()["data"]) == kept


def test_the_log_shows_each_request_and_never_the_key(
    crm: Sandbox, call: Callable[..., requests.Response]
) -> None:
    call("PUT", "/ticket", json={"ticket_code": CODE, "ticket_title": "Mới"})

    entry = crm.log("PUT")[0]
    assert (entry.key_ok, entry.applied, entry.status) == (True, True, 200)
    assert KEY not in repr(crm.log())


def test_a_request_pending_during_a_reset_is_not_carried_out(
    crm: Sandbox, call: Callable[..., requests.Response]
) -> None:
    before = crm.ticket(CODE)
    crm.fault("hang", method="PUT", seconds=0.6)
    with pytest.raises(requests.Timeout):
        requests.put(
            f"{crm.url}/api/v6.1/ticket",
            json={"ticket_code": CODE, "ticket_title": "Muộn"},
            headers={"X-API-KEY": KEY},
            timeout=0.1,
        )
    wait_until(lambda: crm.log("PUT"), "the request did not arrive")
    crm.reset()

    assert is_true_for(1, lambda: crm.ticket(CODE) == before)  # the held request is due after 0.6 s


def test_a_removed_ticket_comes_back_in_its_old_place(crm: Sandbox) -> None:
    codes = crm.codes()
    crm.edit(codes[2], ticket_title="Khác")
    crm.store("NEW-1", {**crm.ticket(CODE), "ticket_code": "NEW-1"})
    crm.remove(CODE)

    crm.reset()

    assert crm.codes() == codes
    assert crm.ticket(codes[2])["ticket_title"] != "Khác"
