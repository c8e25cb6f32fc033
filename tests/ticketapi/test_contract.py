"""The client against the contract document: the request of its example, and every answer it names."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from responses import matchers

from tests.sandbox_driver import KEY
from ticketadmin.ticketapi.calls import ApiConfig
from ticketadmin.ticketapi.client import TicketApi
from ticketadmin.ticketapi.errors import (
    Effect,
    InvalidTicket,
    KeyRefused,
    NotAllowed,
    NotFound,
    TicketApiError,
    Unavailable,
)
from ticketadmin.ticketapi.keys import ApiKey

URL = "https://crm.example.com/api/v6.1"
CODE = "ABCXYZ1234"
# The contract's own example. Its e-mail address is blanked out in the document, so one is filled in.
EXAMPLE = """{
    "ticket_title": "New Title",
    "ticket_content": "<p>Updated content</p>",
    "account_email": "customer@example.com",
    "cate_name": "New Category",
    "status_name": "New Status",
    "expected_at": "2025-01-01",
    "custom_fields": { "custom_field": "new value" },
    "emergency_phone": "0123456789",
    "ticket_code": "ABCXYZ1234"
}"""
SUCCESS = {"message": "Successfully updated", "data": {"identity": 1, "ticket_code": CODE}}


@pytest.fixture
def crm() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


def api(**settings: Any) -> TicketApi:
    config = ApiConfig(url="https://crm.example.com", key=ApiKey(value=KEY), **settings)
    return TicketApi(config, sleep=lambda _seconds: None)


def test_sends_the_contracts_own_example(crm: responses.RequestsMock) -> None:
    expected = json.loads(EXAMPLE)
    crm.put(
        f"{URL}/ticket",
        json=SUCCESS,
        match=[
            matchers.json_params_matcher(expected, strict_match=True),
            matchers.query_param_matcher({}, strict_match=True),
            matchers.header_matcher(
                {
                    "Content-Type": "application/json",
                    "X-API-KEY": KEY,
                    "Accept": "application/json",
                    "X-Request-ID": "request-1",
                    "Content-Length": str(len(json.dumps(expected, ensure_ascii=False).encode())),
                    "User-Agent": "ticketadmin/0.1.0",
                    "Accept-Encoding": "gzip, deflate",
                    "Connection": "keep-alive",
                },
                strict_match=True,
            ),
        ],
    )
    fields = {name: value for name, value in expected.items() if name != "ticket_code"}

    reply = api().update_ticket(CODE, fields, request_id="request-1")

    assert (reply.http_status, reply.message) == (200, "Successfully updated")
    assert (reply.identity, reply.ticket_code, reply.warnings) == (1, CODE, ())


def test_sends_vietnamese_as_utf8(crm: responses.RequestsMock) -> None:
    crm.put(f"{URL}/ticket", json=SUCCESS)

    api().update_ticket(CODE, {"status_name": "Đang xử lý"})

    assert "Đang xử lý".encode() in crm.calls[0].request.body  # type: ignore[operator]


def test_names_the_ticket_under_every_configured_key(crm: responses.RequestsMock) -> None:
    body = {"ticket_title": "T", "ticket_code": CODE, "current_ticket_code": CODE}
    crm.put(f"{URL}/ticket", json=SUCCESS, match=[matchers.json_params_matcher(body)])

    api(code_keys=("ticket_code", "current_ticket_code")).update_ticket(CODE, {"ticket_title": "T"})


def test_sends_the_cookie_that_the_curl_example_shows(crm: responses.RequestsMock) -> None:
    crm.put(f"{URL}/ticket", json=SUCCESS, match=[matchers.header_matcher({"Cookie": "session=abc"})])

    api(cookie="session=abc").update_ticket(CODE, {"ticket_title": "T"})


def test_keeps_no_cookie_of_the_crm(crm: responses.RequestsMock) -> None:
    crm.put(f"{URL}/ticket", json=SUCCESS, headers={"Set-Cookie": "track=1; Path=/"})
    client = api()

    client.update_ticket(CODE, {"ticket_title": "T"})
    client.update_ticket(CODE, {"ticket_title": "T"})

    assert "Cookie" not in crm.calls[1].request.headers


@pytest.mark.parametrize("text", ["a,b", "Đang xử lý", "a+b c&d=e%25?#/", "~*'()!-_.", "", '\u2028<"\\'])
def test_an_address_is_spelled_as_requests_does_but_for_its_commas(
    text: str, crm: responses.RequestsMock
) -> None:
    crm.get(f"{URL}/tickets", json={"data": []})

    api().list_tickets(filters={"ticket_title:like": text})

    sent = str(crm.calls[0].request.url)
    query = parse_qs(urlsplit(sent).query, keep_blank_values=True)
    assert query["filtering[ticket_title:like]"] == [text]
    spelled = str(requests.Request("GET", f"{URL}/tickets", params=query).prepare().url)
    assert sent == spelled.replace("%2C", ",")


@pytest.mark.parametrize(
    ("status", "kind", "effect"),
    [
        (400, InvalidTicket, Effect.NONE),
        (401, KeyRefused, Effect.NONE),
        (403, NotAllowed, Effect.NONE),
        (404, NotFound, Effect.NONE),
        (500, Unavailable, Effect.UNKNOWN),
    ],
)
def test_raises_a_named_error_for_each_status_of_the_contract(
    status: int, kind: type[TicketApiError], effect: Effect, crm: responses.RequestsMock
) -> None:
    crm.put(f"{URL}/ticket", status=status, json={"message": "lý do"})

    with pytest.raises(kind) as caught:
        api().update_ticket(CODE, {"ticket_title": "T"})

    assert caught.value.effect is effect
    assert caught.value.api_message == "lý do"
    assert "lý do" not in str(caught.value)  # its text is for the user, not for the log


@pytest.mark.parametrize("code", ["", " ", "a/b", "a b", "mã", "x" * 65, "ABC\n"])
def test_refuses_an_invalid_ticket_code_before_sending(code: str, crm: responses.RequestsMock) -> None:
    with pytest.raises(InvalidTicket, match="bad_code"):
        api().update_ticket(code, {"ticket_title": "T"})

    assert len(crm.calls) == 0


@pytest.mark.parametrize(
    "data",
    [{"ticket_title": "T", "custom_fields": []}, [{"ticket_title": "T"}]],
)
def test_reads_every_shape_of_a_ticket_answer(data: Any, crm: responses.RequestsMock) -> None:
    crm.get(f"{URL}/ticket", json={"data": data})

    assert api().get_ticket(CODE).values == {"ticket_title": "T"}


def test_characters_that_no_database_can_hold_are_left_out(crm: responses.RequestsMock) -> None:
    body = r'{"data": {"ticket_title": "a\u0000b\ud800", "custom_fields": {"x": ["\u0000", "\\u0000"]}}}'
    crm.get(f"{URL}/ticket", body=body)

    ticket = api().get_ticket(CODE)

    assert ticket.values == {"ticket_title": "ab?"}
    assert ticket.custom_fields == {"x": ["", r"\u0000"]}


def test_a_missing_field_is_not_mistaken_for_an_empty_one(crm: responses.RequestsMock) -> None:
    crm.get(f"{URL}/ticket", json={"data": {"ticket_title": "T", "emergency_phone": None}})

    ticket = api().get_ticket(CODE)

    assert ticket.values == {"ticket_title": "T", "emergency_phone": ""}
    assert ticket.custom_fields is None
