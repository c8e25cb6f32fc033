"""Forged forms, hostile uploads and hostile values: nothing is saved, and nothing takes effect on a page."""

import io
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


def test_a_forged_form_from_another_site_saves_nothing(staff: User, sandbox: Sandbox) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    form = ticket_form(browser.get(URL)).filled(ticket_title="Gian lận")
    form.pop("csrfmiddlewaretoken")

    answer = browser.post(
        URL, form, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    )

    assert_refused(answer, sandbox, 403)


def test_a_token_of_another_session_is_refused(
    staff: User, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    theirs = ticket_form(client_of(lead).get(URL)).values["csrfmiddlewaretoken"]
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    form = ticket_form(browser.get(URL)).filled(ticket_title="Gian lận", csrfmiddlewaretoken=theirs)

    assert_refused(browser.post(URL, form), sandbox, 403)


def test_a_form_opened_by_a_colleague_is_not_sent_in_another_name(
    client: Client, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    theirs = ticket_form(client_of(lead).get(URL)).filled(ticket_title="Của người khác")

    assert_refused(client.post(URL, theirs), sandbox, 409)


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


def test_a_zip_bomb_workbook_is_refused(
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


def test_a_draft_accepts_no_more_than_the_form(client: Client, sandbox: Sandbox) -> None:
    form = ticket_form(client.get(URL)).filled(ticket_content="x" * 3_000_000)

    assert_refused(client.post(f"{URL}draft/", form), sandbox, 413)
    assert not Draft.objects.exists()


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

    for path in (URL, "/tickets/", "/list/", "/history/", f"/suggest/?q={CODE[:3]}", f"{URL}status/"):
        headers = {"X-Requested-With": "XMLHttpRequest"}
        page = browser.get(path, headers=headers).content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert 'onerror="' not in page, path
