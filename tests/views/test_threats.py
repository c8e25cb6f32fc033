"""Each threat by name: requests that no ordinary browser sends get a 4xx and a readable page."""

import csv
import io
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.forking import run_with
from tests.pages import ticket_form
from tests.pairs import pairs
from tests.sandbox_driver import KEY, Sandbox
from ticketadmin.logs import SafeFormatter, SafeRecord
from ticketadmin.models import Change, User

CODE = "ABCXYZ1234"
WORDS = {
    400: {"en": "This cannot be read", "vi": "Không đọc được nội dung này"},
    404: {"en": "There is no such page", "vi": "Không có trang này"},
    405: {"en": "This address cannot be opened this way", "vi": "Địa chỉ này không mở theo cách này"},
    413: {"en": "This cannot be read", "vi": "Không đọc được nội dung này"},
}


def is_readable(answer: Any, status: int, language: str = "en") -> bool:
    """Return whether an answer is our own page of that status in the language."""
    assert answer.status_code == status
    return WORDS[status][language] in answer.content.decode() and "ticketadmin" in answer.content.decode()


@pytest.fixture
def visitor(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_oversized_body(language: str, visitor: Client) -> None:
    answer = visitor.post(
        f"/tickets/{CODE}/", {"ticket_content": "x" * 2_600_000}, headers={"Accept-Language": language}
    )

    assert is_readable(answer, 413, language)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_hash_collision_style_body_of_many_fields(language: str, visitor: Client) -> None:
    fields = "&".join(f"a{number}=" for number in range(1_001))
    answer = visitor.post(
        f"/tickets/{CODE}/",
        fields,
        content_type="application/x-www-form-urlencoded",
        headers={"Accept-Language": language},
    )

    assert is_readable(answer, 400, language)


MULTIPART = "multipart/form-data; boundary=b"
PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\nx\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "b" * 300, b"x"),
        ("multipart/form-data; boundary=\xff", b"x"),
        (MULTIPART, "".join(PART.format(number) for number in range(1_001)).encode() + b"--b--\r\n"),
        (
            MULTIPART,
            (
                b'--b\r\nContent-Disposition: form-data; name="f"\r\n'
                b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n"
            ),
        ),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n' * 150),
        ("application/x-www-form-urlencoded; charset=utf-16", "a=b".encode("utf-16")),
    ],
    ids=["no boundary", "long boundary", "odd boundary", "parts", "base64", "files", "charset"],
)
def test_multipart_bomb_and_malformed_body(content_type: str, body: bytes, visitor: Client) -> None:
    answer = visitor.generic("POST", f"/tickets/{CODE}/", body, content_type=content_type)

    assert 400 <= answer.status_code < 500
    assert "ticketadmin" in answer.content.decode()
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"a":' * 100_000, "{" + '"a":1,' * 50_000 + '"a":1}', "1" * 100_000]
)
def test_json_bomb_posted(body: str, visitor: Client) -> None:
    for path in (f"/tickets/{CODE}/", f"/tickets/{CODE}/draft/", "/bulk/new/", "/preferences/"):
        answer = visitor.post(path, body, content_type="application/json")
        assert 300 <= answer.status_code < 500, path


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"data":' * 100_000, '{"data": {"ticket_code": ' + "9" * 5_000 + "}}"]
)
def test_json_bomb_as_the_crms_answer(body: str, visitor: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", code=CODE, method="GET", times=None, status=200, body=body)

    answer = visitor.get(f"/tickets/{CODE}/")

    assert answer.status_code == 502
    assert "Nothing was changed in the CRM." in answer.content.decode()


def test_deeply_nested_json_as_a_custom_fields_value(visitor: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": ["a"]})
    form = ticket_form(visitor.get(f"/tickets/{CODE}/"))
    name = next(name for name in form.values if name.startswith("custom_fields.so_serial"))

    answer = visitor.post(f"/tickets/{CODE}/", form.filled(**{name: "[" * 40_000}))

    assert answer.status_code == 422
    assert sandbox.puts() == []


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize(
    "path",
    [
        "/tickets/../admin/",
        "/tickets/%2e%2e/admin/",
        "/tickets/..%2f..%2fetc%2fpasswd/",
        "/tickets/ABC%00/",
        "/tickets/ABC%0d%0aX-Evil:1/",
        f"/tickets/{'A' * 10_000}/",
        "/tickets/%E2%80%AEABC/",
        "/tickets/%ff%fe/",
        "/tickets/\u202eABC/",
        "/tickets/A%20B/",
        "/history/../../x/undo/",
    ],
)
def test_path_tricks_in_ticket_codes(path: str, language: str, visitor: Client, sandbox: Sandbox) -> None:
    answer = visitor.get(path, headers={"Accept-Language": language})

    assert is_readable(answer, 404, language)
    assert sandbox.log() == []


@pytest.mark.parametrize(
    "typed", ["../admin", "ABC\0DEF", "A" * 10_000, "\u202eABC", "ABC\r\nX-Evil: 1", "%2e%2e"]
)
def test_path_tricks_in_the_box(typed: str, visitor: Client) -> None:
    answer = visitor.get("/tickets/", {"q": typed})

    assert answer.status_code in {200, 302, 303}
    assert "X-Evil" not in answer.headers
    assert answer.headers.get("Location", "/tickets/").startswith(("/tickets/", "/bulk/"))


FILTERS = ["ticket", "person", "field", "outcome", "from", "to", "page", "bulk", "q"]
ODD_VALUES = ["\0", "\ud800", "A" * 5_000, "-1", "99999999999999999999", "' OR 1=1 --"]


@pytest.mark.parametrize(("value", "parameter"), pairs(ODD_VALUES, FILTERS, others=pytest.mark.slow))
def test_odd_values_in_filters(value: str, parameter: str, visitor: Client) -> None:
    for path in ("/history/", "/history/changes.csv", "/tickets/", "/suggest/"):
        query = {parameter: value.encode("utf-8", "surrogatepass")}
        assert visitor.get(path, query).status_code < 500, path


HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "localhost:80@evil.example",
    "evil.example#localhost",
    "a b",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("language", ["en", "vi"])
def test_host_header(host: str, language: str, visitor: Client) -> None:
    for path in ("/sign-in/", "/password/forgotten/", f"/tickets/{CODE}/"):
        answer = visitor.get(path, headers={"Host": host, "Accept-Language": language})
        assert is_readable(answer, 400, language)
        assert "evil.example" not in answer.content.decode()


def test_a_forwarded_host_without_a_proxy_is_ignored(visitor: Client) -> None:
    page = visitor.get("/tickets/", headers={"X-Forwarded-Host": "evil.example"}).content.decode()

    assert "evil.example" not in page


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "javascript:alert(1)", " //evil.example", "/\t/evil.example", "http:///evil.example", "///evil.example",
]  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
def test_open_redirect(target: str, visitor: Client, staff: User) -> None:
    answers = [
        visitor.get("/sign-in/", {"next": target}),
        visitor.post("/preferences/", {"next": target, "theme": "dark"}),
        visitor.get("/admin/login/", {"next": target}),
        visitor.post("/sign-out/", {"next": target}),
        Client().get("/admin/login/", {"next": target}),
        Client().get(f"/tickets/{CODE}/", {"next": target}),
    ]
    for answer in answers:
        location = answer.headers.get("Location", "/")
        assert re.match(r"/(?![/\\])", location), location


def test_session_fixation(staff: User) -> None:
    client = Client()
    client.cookies["sessionid"] = planted = "planted0123456789planted01234567"
    client.post("/sign-in/", {"username": "staff", "password": "a-long-test-password-1"})

    assert client.get("/account/").status_code == 200
    assert client.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/account/").status_code == 302


MARKUP = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{ 7 }}"


def test_markup_in_ticket_fields_stays_text_on_every_page(visitor: Client, sandbox: Sandbox) -> None:
    sandbox.edit(
        CODE, ticket_title=MARKUP, account_name=MARKUP, account_email=MARKUP, status_name=MARKUP,
        cate_name=MARKUP, emergency_phone=MARKUP, custom_fields={"so_serial": MARKUP, MARKUP: MARKUP},
    )  # fmt: skip
    sandbox.fault(
        "concurrent_edit",
        code=CODE,
        method="GET",
        field="ticket_title",
        value=MARKUP + "2",
        when="after_read",
    )
    form = ticket_form(visitor.get(f"/tickets/{CODE}/?read=off"))
    typed = form.filled(ticket_title=MARKUP + "3", ticket_content=f"<p>{MARKUP}</p>")
    pages = [
        visitor.post(f"/tickets/{CODE}/draft/", typed),
        visitor.get(f"/tickets/{CODE}/"),
        visitor.post(f"/tickets/{CODE}/preview/", typed),
        visitor.post(f"/tickets/{CODE}/", typed),
        visitor.get(f"/tickets/{CODE}/"),
        visitor.get("/tickets/", {"q": MARKUP}),
        visitor.get("/tickets/"),
        visitor.get("/list/"),
        visitor.get("/suggest/", {"q": CODE}),
        visitor.get("/suggest/", {"q": MARKUP}),
        visitor.get("/history/"),
        visitor.get(f"/tickets/{CODE}/status/"),
    ]

    texts = [page.content.decode() for page in pages]
    assert sum(MARKUP[:2] not in text and "onerror" in text for text in texts) >= 4
    assert [text for text in texts if "<img src=x" in text or "<script>alert" in text] == []


INJECTED = "Tiêu đề\r\nSet-Cookie: a=b\r\n\r\n<script>"


def test_header_injection_through_ticket_fields(visitor: Client, sandbox: Sandbox) -> None:
    form = ticket_form(visitor.get(f"/tickets/{CODE}/"))
    saved = visitor.post(
        f"/tickets/{CODE}/", form.filled(ticket_title=INJECTED), headers={"X-Request-ID": "x\r\nX-Evil: 1"}
    )
    pages = [saved, visitor.get(f"/tickets/{CODE}/"), visitor.get("/history/changes.csv")]

    for answer in pages:
        assert "a" not in answer.cookies
        for name, value in answer.items():
            assert not re.search(r"[\r\n\0]", name + value)
            assert "Set-Cookie: a=b" not in value
    ids = {call.headers.get("X-Request-ID", call.headers.get("x-request-id")) for call in sandbox.log()} - {
        None
    }
    assert ids
    assert [one for one in ids if not re.fullmatch(r"[A-Za-z0-9._-]{8,64}", str(one))] == []


def test_log_injection(visitor: Client, sandbox: Sandbox) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter("{asctime} {levelname} {name} [{request_id}] {message}", style="{"))
    handler.addFilter(SafeRecord())
    logging.getLogger().addHandler(handler)
    forged = "2026-01-01 00:00:00 ERROR forged [x] line"
    try:
        visitor.get(f"/tickets/A%0a{forged}/")
        visitor.get("/tickets/", {"q": f"a\n{forged}"}, headers={"X-Request-ID": f"a\n{forged}"})
        Client().post("/sign-in/", {"username": f"a\n{forged}", "password": "x"})
        visitor.get("/tickets/", headers={"Host": f"a\n{forged}", "User-Agent": f"a\n{forged}"})
        sandbox.fault("status", code=CODE, status=500, body=f"a\n{forged}")
        visitor.get(f"/tickets/{CODE}/")
    finally:
        logging.getLogger().removeHandler(handler)

    assert stream.getvalue()
    assert [line for line in stream.getvalue().splitlines() if line.startswith("2026-01-01 00:00:00")] == []


def test_csv_injection(visitor: Client, staff: User) -> None:
    formula = '=HYPERLINK("https://evil.example","x")'
    Change.objects.create(
        ticket_code=CODE, actor=staff, actor_name="+cmd|' /C calc'!A0", created_at=timezone.now(),
        outcome="verified", message="@SUM(1)", wanted={"ticket_title": formula},
        before={"ticket_title": "\t=1"},
    )  # fmt: skip

    answer = visitor.get("/history/changes.csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))

    assert len(rows) == 2
    assert [cell for cell in rows[1] if re.match(r"\s*[=+@-]", cell)] == []
    assert f"'{formula}" in rows[1]


def test_check_deploy_reports_nothing(tmp_path: Any) -> None:
    environment = {
        "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ-0123456789",
        "TICKET_API_URL": "https://crm.example.com",
        "TICKET_API_KEY": KEY,
        "ALLOWED_HOSTS": "tickets.example.com",
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "ticketadmin.settings",
    }
    done = run_with(environment, "manage", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_a_script_also_gets_an_error_message(visitor: Client) -> None:
    answer = visitor.post(
        f"/tickets/{CODE}/draft/", {"x": "x" * 2_600_000}, headers={"X-Requested-With": "XMLHttpRequest"}
    )

    assert answer.status_code == 413
    assert "larger than this tool takes" in json.loads(answer.content)["problem"]
