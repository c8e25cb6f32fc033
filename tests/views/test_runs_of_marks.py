"""One request or one ticket with 200,000 combining marks, which Unicode's normaliser sorts for minutes."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.limits import cpu_limit
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import CustomField, FieldKind, Role, User

MARKS = "\u0301\u0316" * 100_000
CONTENT = "\u0301\u0316" * 20_000  # within the 50,000 characters that are cleaned
CPU_SECONDS = 30  # quadratic work on so many marks takes minutes
CPU_SECONDS_OF_CONTENT = 10  # there are five times fewer of them


def test_a_name_on_the_sign_in_page(db: None) -> None:
    client = Client()

    with cpu_limit(CPU_SECONDS):
        answer = client.post("/sign-in/", {"username": "a" + MARKS, "password": "x"})

    assert answer.status_code == 200
    assert "Ensure this value has at most 150 characters" in answer.content.decode()


def test_overlong_sign_in_names_are_counted_together(staff: User, settings: object) -> None:
    settings.AXES_FAILURE_LIMIT = 2  # type: ignore[attr-defined]
    client = Client()
    for _attempt in range(2):
        client.post("/sign-in/", {"username": "staff", "password": "guess"})

    assert client.post("/sign-in/", {"username": "staff" + MARKS, "password": "x"}).status_code == 200
    assert client.post("/sign-in/", {"username": "ＳＴＡＦＦ", "password": "x"}).status_code == 429


@pytest.mark.parametrize("address", ["/password/forgotten/", "/?next=//"])
def test_other_pages_without_a_sign_in(address: str, db: None) -> None:
    with cpu_limit(CPU_SECONDS):
        answer = Client().post(address, {"email": f"a@{MARKS}.vn", "next": f"//{MARKS}"})

    assert answer.status_code < 500


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ticket_title": "a" + MARKS}, id="title"),
        pytest.param({"ticket_content": "<p>a" + CONTENT}, id="content"),
        pytest.param(
            {"ticket_content": f'<a href="https://example.com">{CONTENT}</a>'}, id="words of a link"
        ),
        pytest.param({"ticket_content": f'<a href="https://{CONTENT}/">x</a>'}, id="host of a link"),
        pytest.param({"ticket_content": f'<a href="mailto:a@{CONTENT}">x</a>'}, id="mail address"),
        pytest.param({"ticket_content": MARKS * 2}, id="content beyond the limits"),
        pytest.param({"account_email": MARKS}, id="e-mail"),
        pytest.param({"cate_name": "a" + MARKS}, id="category"),
        pytest.param({"status_name": "a" + MARKS}, id="status"),
        pytest.param({"expected_at": MARKS}, id="date"),
        pytest.param({"custom_fields": {"note": MARKS}}, id="custom field"),
        pytest.param({"custom_fields": {"amount": "1" * 200_000}}, id="number"),
        pytest.param({"custom_fields": {"due": "1" * 200_000}}, id="custom date"),
        pytest.param({"custom_fields": {"unknown": [MARKS]}}, id="undescribed field"),
    ],
)
def test_a_ticket_is_shown_and_previewed_and_listed(
    values: dict[str, object], lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    for key, kind in (("note", FieldKind.TEXT), ("amount", FieldKind.NUMBER), ("due", FieldKind.EPOCH_DATE)):
        CustomField.objects.create(key=key, label=key, kind=kind)
    code = sandbox.codes()[0]
    sandbox.edit(code, **values)
    client = client_of(lead)

    with cpu_limit(CPU_SECONDS_OF_CONTENT if "ticket_content" in values else CPU_SECONDS):
        assert client.get(f"/tickets/{code}/").status_code == 200
        assert client.get("/tickets/", {"text": "hoan tat", "live": "1"}).status_code == 200
        assert client.post(f"/tickets/{code}/preview/", {"ticket_title": "a" + MARKS}).status_code < 500


@pytest.mark.parametrize("field", ["ticket_title", "ticket_content", "cate_name", "custom_fields.note"])
def test_overlong_typed_text_is_refused_and_shown_again(
    field: str, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    CustomField.objects.create(key="note", label="Note", kind=FieldKind.TEXT)
    code = sandbox.codes()[0]
    client = client_of(staff)

    with cpu_limit(CPU_SECONDS):
        form = ticket_form(client.get(f"/tickets/{code}/"))
        answer = client.post(f"/tickets/{code}/", form.filled(**{field: "a" + MARKS}))

    assert answer.status_code == 422
    assert MARKS in answer.content.decode()
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("ticket_code,ticket_title\nA1," + "a" + MARKS, id="cell"),
        pytest.param("ticket_code,a" + MARKS + "\nA1,x", id="heading"),
        pytest.param("ticket_code,status_name\nA1,a" + MARKS, id="status"),
        pytest.param(MARKS, id="all of it"),
    ],
)
def test_an_uploaded_file(
    content: str, make_person: Callable[..., User], client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(make_person(Role.LEAD))

    with cpu_limit(CPU_SECONDS):
        answer = client.post("/bulk/new/", {"file": SimpleUploadedFile("a.csv", content.encode())})

    assert answer.status_code == 422


def test_pasted_codes_and_search_words(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(lead)

    with cpu_limit(CPU_SECONDS):
        assert client.post("/bulk/new/", {"codes": "A1 a" + MARKS}).status_code < 500
        assert client.get("/tickets/", {"text": MARKS[:2_000]}).status_code == 200
