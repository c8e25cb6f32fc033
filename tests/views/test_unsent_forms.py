"""Forms without a valid token or without a session: what was typed is repeated, and only then sent again."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkUpdate, Draft, Recipe, Snippet, User

HERE = {"Origin": "http://testserver"}
PASSWORD = "a-long-password-0123"
CODE = "ABCXYZ1234"
TYPED = 'Chào <b>"bạn"</b> & cả nhà'
ESCAPED = "Chào &lt;b&gt;&quot;bạn&quot;&lt;/b&gt; &amp; cả nhà"
# Each form in which a user writes, and a box of it.
FORMS = [
    ("/snippets/new/", "content"),
    ("/recipes/new/", "name"),
    ("/bulk/new/", "codes"),
    (f"/tickets/{CODE}/status/", "change_reason"),
    ("/views/", "name"),
    ("/erase/", "subject"),
    ("/history/11111111-1111-4111-8111-111111111111/undo/", "change_reason"),
    ("/bulk/11111111-1111-4111-8111-111111111111/", "custom_fields.note"),
    ("/bulk/11111111-1111-4111-8111-111111111111/keep/", "name"),
]


def browser_of(user: User | None) -> Client:
    client = Client(enforce_csrf_checks=True)
    if user:
        client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


@pytest.mark.parametrize(("path", "box"), FORMS)
@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_form_with_an_expired_token_is_repeated_with_what_was_typed(
    path: str, box: str, language: str, lead: User, sandbox: Sandbox
) -> None:
    User.objects.filter(pk=lead.pk).update(language=language)
    typed = {box: TYPED, "submission": "kept", "csrfmiddlewaretoken": "x" * 64}

    answer = browser_of(lead).post(path, typed, headers=HERE)

    page = text_of(answer)
    again = form_to(answer, path)
    assert answer.status_code == 403
    assert f"\n{ESCAPED}</textarea>" in page
    assert {"en": "is repeated here.", "vi": "được ghi lại dưới đây."}[language] in page
    assert (again.values[box], again.values["submission"]) == ([TYPED], ["kept"])
    assert len(again.values["csrfmiddlewaretoken"]) == 1
    assert again.values["csrfmiddlewaretoken"] != ["x" * 64]
    assert f"<strong>{lead.display_name}</strong>" in page


@pytest.mark.parametrize(("path", "box"), FORMS)
def test_a_form_sent_after_the_session_ended_is_repeated(path: str, box: str, lead: User) -> None:
    answer = Client().post(path, {box: TYPED})

    assert answer.status_code == 403
    assert f"\n{ESCAPED}</textarea>" in text_of(answer)
    assert form_to(answer, path).values[box] == [TYPED]
    assert 'href="/sign-in/?next=/session/back/"' in unquote(text_of(answer))
    assert not any(model.objects.exists() for model in (BulkUpdate, Draft, Recipe, Snippet))


@pytest.mark.django_db
def test_what_was_typed_before_the_session_ended_is_sent_once_its_user_is_back(staff: User) -> None:
    browser = browser_of(staff)
    form = form_to(browser.get("/snippets/new/"), "/snippets/new/")
    browser.cookies.pop("sessionid")

    ended = browser.post("/snippets/new/", form.filled(name="chào", content="Xin chào"), headers=HERE)
    browser.force_login(staff)  # in the new tab, with which the token changes
    browser.cookies.pop("csrftoken")
    browser.get("/snippets/new/")
    shown = browser.post("/snippets/new/", form_to(ended, "/snippets/new/").values, headers=HERE)
    assert not Snippet.objects.exists()  # nothing goes before its user has seen in whose name
    form = form_to(shown, "/snippets/new/")
    sent = browser.post("/snippets/new/", form.values, headers=HERE)

    assert (ended.status_code, shown.status_code, sent.status_code) == (403, 403, 303)
    assert list(Snippet.objects.values_list("name", "content", "owner")) == [("chào", "Xin chào", staff.pk)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
    ],
)
@pytest.mark.parametrize(("path", "box"), FORMS)
def test_a_form_that_another_site_may_have_made_is_not_repeated(
    path: str, box: str, headers: dict[str, str], lead: User
) -> None:
    answer = browser_of(lead).post(path, {box: TYPED}, headers=headers)

    assert answer.status_code == 403
    assert ESCAPED not in text_of(answer)
    assert "Send it again" not in text_of(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/",
        "/sign-in/code/",
        "/password/",
        "/password/forgotten/",
        "/password/new/MQ/set-password/",
        "/account/second-step/",
        "/admin/ticketadmin/user/add/",
        "/preferences/",
    ],
)
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_no_password_is_ever_repeated(path: str, is_signed_in: bool, administrator: User) -> None:
    names = ("password", "old_password", "new_password1", "new_password2", "password1", "code", "name")
    browser = browser_of(administrator if is_signed_in else None)

    answer = browser.post(path, dict.fromkeys(names, PASSWORD), headers=HERE)

    assert answer.status_code == 403
    assert PASSWORD not in text_of(answer)


def test_a_form_with_a_file_is_not_repeated_without_it(lead: User) -> None:
    file = SimpleUploadedFile("phieu.csv", b"ticket_code\nTK1\n")
    answer = browser_of(lead).post("/bulk/new/", {"codes": TYPED, "file": file}, headers=HERE)

    assert answer.status_code == 403
    assert ESCAPED not in text_of(answer)
    assert "Go back, reload the page and send the form again." in text_of(answer)


def test_a_draft_is_promised_to_the_user_who_gets_it(staff: User, lead: User, sandbox: Sandbox) -> None:
    theirs = browser_of(staff)
    form = ticket_form(theirs.get(f"/tickets/{CODE}/")).filled(ticket_title="Của staff")
    mine = browser_of(lead)
    mine.get("/tickets/")

    own = theirs.post(f"/tickets/{CODE}/", {**form, "csrfmiddlewaretoken": ["x" * 64]}, headers=HERE)
    foreign = mine.post(f"/tickets/{CODE}/", form, headers=HERE)

    assert (own.status_code, foreign.status_code) == (403, 403)
    assert "What you typed is kept as your draft." in text_of(own)
    assert "kept as your draft" not in text_of(foreign)
    assert "kept as the draft of the user who opened the form" in text_of(foreign)
    assert [draft.actor for draft in Draft.objects.all()] == [staff]
    assert not re.search(rf'class="button button--primary"\s*href="/tickets/{CODE}/"', text_of(foreign))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/bulk/", "/snippets/new/?from=list", f"/tickets/{CODE}/?tab=2"])
def test_a_page_that_asked_to_sign_in_is_opened_again_afterwards(path: str, client: Client) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert unquote(answer["Location"]) == f"/sign-in/?next={path}"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "next_page"),
    [
        ("/snippets/import/", "/snippets/import/"),
        ("/recipes/7/delete/", "/tickets/"),
        (f"/tickets/{CODE}/status/", f"/tickets/{CODE}/status/"),
        ("/bulk/11111111-1111-4111-8111-111111111111/pause/", "/bulk/11111111-1111-4111-8111-111111111111/"),
        ("/account/", "/account/"),
    ],
)
def test_a_button_pressed_after_the_session_ended_leads_back_to_its_page(path: str, next_page: str) -> None:
    answer = Client().post(path, {"then": "1"})

    assert answer.status_code == 302
    assert unquote(answer["Location"]) == f"/sign-in/?next={next_page}"
