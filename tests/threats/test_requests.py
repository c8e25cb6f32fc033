"""Requests as an attacker writes them: each ends in a 4xx that a person can read, and changes nothing."""

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkUpdate, Change, Draft, User

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


@pytest.fixture
def client(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def assert_refused(answer: object, sandbox: Sandbox, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.status_code  # type: ignore[attr-defined]
    page = answer.content.decode()  # type: ignore[attr-defined]
    assert "<h1>" in page
    assert "Traceback" not in page
    assert sandbox.puts() == []
    assert not Change.objects.exists()


# --- forged requests -----------------------------------------------------------------------------


def test_a_forged_form_from_another_site_saves_nothing(staff: User, sandbox: Sandbox) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    form = ticket_form(browser.get(URL)).filled(ticket_title="Gian lận")
    form.pop("csrfmiddlewaretoken")

    answer = browser.post(
        URL, form, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    )

    assert_refused(answer, sandbox, 403)


def test_a_token_of_somebody_elses_session_is_no_token(
    staff: User, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    theirs = ticket_form(client_of(lead).get(URL)).values["csrfmiddlewaretoken"]
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    form = ticket_form(browser.get(URL)).filled(ticket_title="Gian lận", csrfmiddlewaretoken=theirs)

    assert_refused(browser.post(URL, form), sandbox, 403)


def test_a_form_opened_by_a_colleague_is_not_sent_in_my_name(
    client: Client, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    theirs = ticket_form(client_of(lead).get(URL)).filled(ticket_title="Của người khác")

    assert_refused(client.post(URL, theirs), sandbox, 409)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site_after_signing_in(target: str, staff: User) -> None:
    browser = Client()
    answer = browser.post(
        f"/sign-in/?next={target}", {"username": staff.username, "password": "a-long-test-password-1"}
    )

    assert answer.status_code == 302
    assert answer["Location"].startswith("/")
    assert "evil" not in answer["Location"]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "a\u00e9"]
)
def test_a_host_that_is_not_ours_gets_no_page(host: str, client: Client) -> None:
    answer = client.get("/tickets/", headers={"Host": host})

    assert answer.status_code == 400
    assert "evil.example" not in answer.content.decode()


# --- addresses -----------------------------------------------------------------------------------

CODES = [
    "..%2f..%2fadmin", "..", "%2e%2e", "ABC%00DEF", "A" * 10_000, "ABC%0d%0aX-Injected:1", "ABC\u202eXYZ",
    "ABC%E2%80%AEXYZ", "ABC DEF", "ABC;DROP", "ABC'--", "%c0%ae%c0%ae", "ABC%FF",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES, ids=lambda code: ascii(code)[:30])
def test_a_code_that_is_none_reaches_neither_a_ticket_nor_the_crm(
    code: str, client: Client, sandbox: Sandbox
) -> None:
    sandbox.forget_log()
    answer = client.get(f"/tickets/{code}/")

    assert answer.status_code in {400, 404, 302}
    assert {entry.code for entry in sandbox.log()} <= {None}
    assert "X-Injected" not in answer.headers


@pytest.mark.parametrize("value", ["Tiêu đề\r\nX-Injected: 1", "a\r\n\r\n<html>", "a\0b"])
def test_a_value_with_line_ends_never_becomes_a_header(value: str, client: Client, sandbox: Sandbox) -> None:
    form = ticket_form(client.get(URL)).filled(ticket_title=value)
    answer = client.post(URL, form)

    assert "X-Injected" not in answer.headers
    for entry in sandbox.log("PUT"):
        assert "x-injected" not in {name.lower() for name in entry.headers}
        assert "\n" not in entry.body["ticket_title"]


# --- bodies that are too much --------------------------------------------------------------------


def test_a_form_beyond_the_size_is_refused_and_says_so(client: Client, sandbox: Sandbox) -> None:
    form = ticket_form(client.get(URL)).filled(ticket_content="x" * 3_000_000)

    answer = client.post(URL, form)

    assert_refused(answer, sandbox, 413)
    assert "Nothing was changed" in answer.content.decode()


def test_too_many_fields_are_refused(client: Client, sandbox: Sandbox) -> None:
    form = ticket_form(client.get(URL)).filled(**{f"custom_fields.k{number}": "x" for number in range(1_200)})

    assert_refused(client.post(URL, form), sandbox, 400, 413)


def test_too_many_files_are_refused(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    files = {f"f{number}": SimpleUploadedFile(f"{number}.csv", b"x") for number in range(150)}

    assert_refused(client_of(lead).post("/bulk/new/", files), sandbox, 400, 413)


def test_the_page_of_a_refused_body_speaks_vietnamese(client: Client) -> None:
    form = ticket_form(client.get(URL)).filled(ticket_content="x" * 3_000_000)

    page = client.post(URL, form, headers={"Accept-Language": "vi"}).content.decode()

    assert 'lang="vi"' in page
    assert "Nothing was changed" not in page


MULTIPART = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + b"A" * 100),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=" + "x" * 5_000, b"x"),
        (MULTIPART, b"--x\r\n" * 50_000),
        (MULTIPART, b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n" * 500),
        ("application/x-www-form-urlencoded; charset=utf-99", b"a=1"),
        ("application/json", b"[" * 100_000),
        ("application/json", json.dumps({"a": "x" * 1_000}).encode()),
        ("application/x-www-form-urlencoded", b"a=%FF%FE&" * 900),
        ("text/plain", b"\0" * 10_000),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_a_body_that_is_no_form_changes_nothing(
    content_type: str, body: bytes, client: Client, sandbox: Sandbox
) -> None:
    answer = client.generic("POST", URL, body, content_type=content_type)

    assert_refused(answer, sandbox, 400, 403, 409, 413)


def test_deep_json_in_a_field_is_text_and_breaks_nothing(client: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={"sau": {"a": [1, 2]}})
    form = ticket_form(client.get(URL)).filled(**{"custom_fields.sau": "[" * 5_000})

    answer = client.post(URL, form)

    assert answer.status_code == 422
    assert sandbox.puts() == []


@pytest.mark.parametrize("size", [11_000_000])
def test_an_upload_beyond_ten_megabytes_is_refused_with_a_reason(
    size: int, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    browser = client_of(lead)
    form = form_to(browser.get("/bulk/new/"), "/bulk/new/").filled(codes="")
    large = SimpleUploadedFile("phieu.csv", b"ticket_code\r\n" + b"A" * size)

    answer = browser.post("/bulk/new/", {**form, "file": large})

    assert_refused(answer, sandbox, 422)
    assert "10 MB" in answer.content.decode()
    assert not BulkUpdate.objects.exists()


def test_a_workbook_that_unpacks_without_end_is_refused(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", b"0" * 200_000_000)
    browser = client_of(lead)
    form = form_to(browser.get("/bulk/new/"), "/bulk/new/").filled(codes="")

    answer = browser.post("/bulk/new/", {**form, "file": SimpleUploadedFile("bom.xlsx", bomb.getvalue())})

    assert_refused(answer, sandbox, 422)
    assert not BulkUpdate.objects.exists()


def test_a_draft_takes_no_more_than_the_form_would(client: Client, sandbox: Sandbox) -> None:
    form = ticket_form(client.get(URL)).filled(ticket_content="x" * 3_000_000)

    assert_refused(client.post(f"{URL}draft/", form), sandbox, 413)
    assert not Draft.objects.exists()


# --- what others read ----------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+cmd|x", "@SUM(1)", "-2+3+cmd|x", "\t=1", "＝1+1"])
def test_a_formula_in_a_ticket_is_harmless_in_every_download(
    cell: str, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    browser = client_of(lead)
    browser.post(URL, ticket_form(browser.get(URL)).filled(ticket_title=cell))
    assert Change.objects.get().outcome == "verified"

    text = b"".join(browser.get("/history/changes.csv").streaming_content).decode()  # type: ignore[attr-defined]

    acting = [line for line in text.splitlines() if f",{cell}," in line or line.startswith(cell)]
    assert acting == []
    assert f"'{cell.strip()}" in text


def test_markup_in_every_field_is_text_on_every_page(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    sandbox.edit(
        CODE, ticket_title=attack, account_email=attack, emergency_phone=attack, ticket_content=attack
    )
    sandbox.edit(CODE, custom_fields={"so_serial": attack, "la": attack})
    browser = client_of(lead)
    browser.post(URL, ticket_form(browser.get(URL)).filled(status_name="Mới"))

    for path in (URL, "/tickets/?now", "/list/", "/history/", f"/suggest/?q={CODE[:3]}", f"{URL}status/"):
        headers = {"X-Requested-With": "XMLHttpRequest"}
        page = browser.get(path, headers=headers).content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert 'onerror="' not in page, path
