"""Snippets: created, changed, shared and deleted, each by its owner."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    Change,
    CustomField,
    Draft,
    FieldKind,
    Snippet,
    User,
)
from ticketadmin.services.snippets.keep import MAX_SNIPPETS, MAX_SNIPPETS_SHOWN

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
NEW = "/snippets/new/"
LIST = "/snippets/"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(staff)


@pytest.fixture
def greeting(staff: User) -> Snippet:
    return Snippet.objects.create(owner=staff, name="chào", content="<p>Chào {customer}</p>")


def address(snippet: Snippet, then: str = "") -> str:
    return f"/snippets/{snippet.pk}/{then}"


def entries() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(target_kind="snippet").order_by("pk")


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_snippet_is_stored_clean_and_listed(web: Client, staff: User) -> None:
    answer = web.post(
        NEW, {"name": "//Chào", "content": "<p onclick=x()>Chào&nbsp;<b>bạn</b></p>"}, follow=True
    )

    kept = Snippet.objects.get()
    assert (kept.owner, kept.name, kept.is_shared) == (staff, "chào", False)
    assert "onclick" not in kept.content
    assert "The snippet “chào” was saved." in text_of(answer)
    assert "//chào" in text_of(answer)
    assert "Chào bạn" in text_of(answer)
    assert not entries().exists(), "a personal snippet is no setting"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "", "content": "x"}, "Give the snippet a name."),
        ({"name": "hai từ", "content": "x"}, "A name has 1 to 40 letters"),
        ({"name": "a", "content": " "}, "Write the text of the snippet."),
        ({"name": "a", "content": "x" * 20_001}, "The text is too long"),
        ({"name": "a", "content": "{kunde}"}, "There is no placeholder {kunde}."),
        ({"name": "Chào", "content": "x"}, "You have another snippet of this name."),
    ],
)
def test_an_invalid_snippet_is_shown_again_with_errors(
    web: Client, greeting: Snippet, typed: dict[str, str], said: str
) -> None:
    answer = web.post(NEW, typed)

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert form_to(answer, NEW).values["content"] == [typed["content"]]
    assert list(Snippet.objects.all()) == [greeting]


def test_a_snippet_is_changed_in_place(web: Client, greeting: Snippet) -> None:
    form = form_to(web.get(address(greeting)), address(greeting))
    web.post(address(greeting), form.filled(content="Hẹn gặp lại"))

    greeting.refresh_from_db()
    assert (greeting.name, greeting.content) == ("chào", "Hẹn gặp lại")


def test_deleting_asks_first(web: Client, greeting: Snippet) -> None:
    asked = web.get(address(greeting, "delete/"))
    assert "Delete the snippet “chào”?" in text_of(asked)
    assert Snippet.objects.exists()

    answer = web.post(address(greeting, "delete/"), follow=True)

    assert "The snippet “chào” was deleted." in text_of(answer)
    assert not Snippet.objects.exists()


def test_only_leads_can_share(web: Client, client_of: Callable[[User], Client], lead: User) -> None:
    assert 'name="is_shared"' not in text_of(web.get(NEW))
    web.post(NEW, {"name": "a", "content": "x", "is_shared": "on"})
    assert not Snippet.objects.get().is_shared

    client_of(lead).post(NEW, {"name": "b", "content": "y", "is_shared": "on"})

    assert Snippet.objects.get(name="b").is_shared
    entry = entries().get()
    assert entry.action == AuditAction.SETTING_CREATED
    assert (entry.actor, entry.target_name, entry.after["content"]) == (lead, "b", "y")


def test_changes_and_deletions_of_a_shared_snippet_are_recorded(
    client_of: Callable[[User], Client], lead: User
) -> None:
    shared = Snippet.objects.create(owner=lead, name="b", content="y", is_shared=True)
    web = client_of(lead)

    web.post(address(shared), {"name": "b", "content": "z", "is_shared": "on"})
    web.post(address(shared), {"name": "b", "content": "z"})
    Snippet.objects.update(is_shared=True)
    web.post(address(shared, "delete/"))

    assert list(entries().values_list("action", flat=True)) == [
        "setting_changed",
        "setting_changed",
        "setting_deleted",
    ]


def test_a_shared_snippet_is_read_by_all_and_changed_by_its_owner(web: Client, lead: User) -> None:
    """What is stored is not trusted: it may have been stored unclean in another way."""
    content = "<p>Xin <img src=https://evil.example/a.png onerror=x()>chào<script>steal()</script></p>"
    shared = Snippet.objects.create(owner=lead, name="b", content=content, is_shared=True)

    page = text_of(web.get(address(shared)))

    assert "Xin" in page
    assert "onerror" not in page
    assert "steal" not in page
    assert "<img" not in page
    assert web.post(address(shared), {"name": "b", "content": "z"}).status_code == 403
    assert web.get(address(shared, "delete/")).status_code == 404
    assert web.post(address(shared, "delete/")).status_code == 404
    assert Snippet.objects.get().content == content


def test_a_personal_snippet_is_visible_to_its_owner_only(web: Client, lead: User) -> None:
    theirs = Snippet.objects.create(owner=lead, name="của-tôi", content="x")

    assert "của-tôi" not in text_of(web.get(LIST))
    for path in (address(theirs), address(theirs, "delete/")):
        assert web.get(path).status_code == 404
        assert web.post(path, {"name": "x", "content": "x"}).status_code == 404


def test_a_number_beyond_the_database_is_not_found(web: Client) -> None:
    assert web.get(f"/snippets/{2**63}/").status_code == 404


def test_snippets_of_a_user_are_limited_in_number(web: Client, staff: User) -> None:
    Snippet.objects.bulk_create(
        Snippet(owner=staff, name=f"n{number}", content="x") for number in range(MAX_SNIPPETS)
    )

    answer = web.post(NEW, {"name": "more", "content": "Nửa chừng"})

    assert answer.status_code == 422
    assert "You have 200 snippets, which is the most." in text_of(answer)
    assert "Nửa chừng" in text_of(answer)
    assert Snippet.objects.count() == MAX_SNIPPETS


def test_the_list_has_constant_queries_and_says_what_it_leaves_out(
    web: Client, staff: User, lead: User
) -> None:
    Snippet.objects.create(owner=staff, name="own", content="x")
    with CaptureQueriesContext(connection) as few:
        web.get(LIST)
    Snippet.objects.bulk_create(
        Snippet(owner=lead, name=f"n{number}", content="x" * 1_000, is_shared=True)
        for number in range(MAX_SNIPPETS_SHOWN)
    )

    with CaptureQueriesContext(connection) as many:
        page = text_of(web.get(LIST))

    assert len(many) == len(few)
    assert "//own" in page
    assert f"The first {MAX_SNIPPETS_SHOWN} are shown" in page
    assert "x" * 200 not in page


def option_names(page: str) -> list[str]:
    return re.findall(r'data-snippet-menu-name="([^"]*)"', page)


def test_the_menu_lists_ones_own_first_and_contains_no_whole_text(
    web: Client, staff: User, lead: User
) -> None:
    for owner, name, is_shared in [(lead, "a", True), (lead, "b", False), (staff, "z", False)]:
        Snippet.objects.create(owner=owner, name=name, content="<p>x</p>" * 200, is_shared=is_shared)

    page = text_of(web.get("/snippets/menu/", {"ticket": CODE}))

    assert option_names(page) == ["z", "a"]
    assert len(page) < 2_000
    assert f"/text/?ticket={CODE}" in page


def test_an_inserted_snippet_is_clean_and_has_the_values_of_the_ticket(
    web: Client, staff: User, lead: User, sandbox: Sandbox
) -> None:
    content = "<p onclick=x()>{customer} {code} {me} {today}</p>"
    shared = Snippet.objects.create(owner=lead, name="b", content=content, is_shared=True)
    sandbox.edit(CODE, account_name="A & <B>")
    web.get(f"/tickets/{CODE}/")
    sandbox.forget_log()

    found = web.get(address(shared, "text/"), {"ticket": CODE}).json()

    today = date_format(timezone.localdate(), "SHORT_DATE_FORMAT")
    assert found["text"] == f"A & <B> {CODE} {staff.display_name} {today}"
    assert found["html"] == f"<p>A &amp; &lt;B&gt; {CODE} {staff.display_name} {today}</p>"
    assert sandbox.log() == [], "the name is in the ticket index"


@pytest.mark.parametrize(
    ("ticket", "said"),
    [
        (CODE, "The customer's name is not known here."),
        ("", "There is no single ticket here whose code could be inserted."),
        ("?!", "There is no single ticket here whose code could be inserted."),
    ],
)
def test_an_unknown_value_is_reported(web: Client, staff: User, ticket: str, said: str) -> None:
    own = Snippet.objects.create(owner=staff, name="b", content="{customer} {code}")

    answer = web.get(address(own, "text/"), {"ticket": ticket})

    assert answer.status_code == 422
    assert said in answer.json()["problem"]


def chosen(web: Client, **typed: str) -> Any:
    """Press the button at the box of the title, or choose a snippet from what that shows."""
    form = ticket_form(web.get(URL))
    return web.post(
        f"{URL}snippet/", {**form.filled(emergency_phone="0123456789"), "into": "ticket_title", **typed}
    )


def test_each_text_box_of_every_ticket_has_its_button(web: Client, sandbox: Sandbox) -> None:
    """The frame of a box is kept between tickets; the address of its button is each ticket's own."""
    CustomField.objects.create(key="ghi_chu", label="Ghi chú", kind=FieldKind.LONG_TEXT)
    codes = [CODE, *sandbox.codes()[-2:]]
    for code in codes:
        page = text_of(web.get(f"/tickets/{code}/"))
        buttons = re.findall(r'formaction="([^"]+)"\s+name="into"\s+value="([^"]+)"', page)
        assert {address for address, _name in buttons} == {f"/tickets/{code}/snippet/#snippets"}
        assert {"ticket_title", "ticket_content", "custom_fields.ghi_chu", "change_reason"} <= {
            name for _address, name in buttons
        }


def test_without_scripts_the_button_shows_what_to_choose_from(
    web: Client, greeting: Snippet, sandbox: Sandbox
) -> None:
    answer = chosen(web)

    assert answer.status_code == 200
    assert f'<option value="{greeting.pk}">//chào · Chào {{customer}}</option>' in text_of(answer)
    assert ticket_form(answer).values["emergency_phone"] == ["0123456789"]
    assert Draft.objects.get().inputs["emergency_phone"] == ["0123456789"]
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    ("into", "typed", "becomes"),
    [
        ("ticket_title", "Máy ", "Máy a & b {x Lan"),
        ("ticket_title", "", "a & b {x Lan"),
        ("change_reason", "vì", "vì a & b {x Lan"),
        ("custom_fields.ghi_chu", "dòng\r\n", "dòng\na & b\n{x Lan"),
        ("ticket_content", "một\r\nhai", "<p>một<br>hai</p><p>a &amp; b<br>{x Lan</p>"),
        ("ticket_content", "<b>một</b>", "<b>một</b><p>a &amp; b<br>{x Lan</p>"),
    ],
)
def test_without_scripts_a_snippet_is_added_at_the_end(
    web: Client, staff: User, sandbox: Sandbox, into: str, typed: str, becomes: str
) -> None:
    CustomField.objects.create(key="ghi_chu", label="Ghi chú", kind=FieldKind.LONG_TEXT)
    staff.first_name, staff.last_name = "Lan", ""
    staff.save()
    one = Snippet.objects.create(owner=staff, name="b", content="a & b\n{x {me}")

    answer = chosen(web, into=into, snippet=str(one.pk), **{into: typed})

    assert answer.status_code == 200
    assert "The snippet “b” was inserted at the end of" in text_of(answer)
    assert ticket_form(answer).values[into] == [becomes]
    assert ticket_form(answer).values["emergency_phone"] == ["0123456789"]
    assert sandbox.puts() == []
    assert Change.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "becomes"),
    [
        ("hai", "một<p>hai</p>"),
        ("<b>hai</b> ba", "một<p><b>hai</b> ba</p>"),
        ("<p>hai</p>", "một<p>hai</p>"),
        ("<ul><li>hai</li></ul>", "một<ul><li>hai</li></ul>"),
    ],
)
def test_without_scripts_a_snippet_begins_on_a_line_of_its_own(
    web: Client, staff: User, sandbox: Sandbox, content: str, becomes: str
) -> None:
    one = Snippet.objects.create(owner=staff, name="b", content=content)

    answer = chosen(web, into="ticket_content", snippet=str(one.pk), ticket_content="một")

    assert ticket_form(answer).values["ticket_content"] == [becomes]


@pytest.mark.parametrize(
    ("content", "number", "said"),
    [
        ("{customer}", "", "The customer&#x27;s name is not known here."),
        ("x", "123456", "this snippet no longer exists"),
        ("x", "no number", "this snippet no longer exists"),
    ],
)
def test_without_scripts_an_uninsertable_snippet_leaves_the_form_unchanged(
    web: Client, staff: User, sandbox: Sandbox, content: str, number: str, said: str
) -> None:
    sandbox.edit(CODE, account_name="")
    one = Snippet.objects.create(owner=staff, name="b", content=content)

    answer = chosen(web, snippet=number or str(one.pk), ticket_title="Nửa chừng")

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert ticket_form(answer).values["ticket_title"] == ["Nửa chừng"]


@pytest.mark.parametrize("into", ["", "status_name", "emergency_phone", "nothing", "base"])
def test_a_box_that_accepts_no_text_is_not_found(web: Client, sandbox: Sandbox, into: str) -> None:
    assert chosen(web, into=into).status_code == 404


def test_another_users_form_shows_nothing(web: Client, sandbox: Sandbox) -> None:
    assert web.post(f"{URL}snippet/", {"base": "x", "into": "ticket_title"}).status_code == 409


def test_enter_in_a_box_saves_whatever_buttons_precede_it(web: Client, sandbox: Sandbox) -> None:
    """HTML, implicit submission: Enter presses the first submit button of the form."""
    page = text_of(web.get(URL))
    form = page[page.index("data-ticket-form") :]

    assert re.search(r"<button[^>]*>", form)[0] == (  # type: ignore[index]
        '<button class="visually-hidden" tabindex="-1" aria-hidden="true">'
    )
