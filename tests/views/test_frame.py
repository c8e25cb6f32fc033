"""The frame around every page: whose it is, which page is current, and forms that work."""

import logging
import re
from collections.abc import Callable

import pytest
from django.template import engines
from django.test import Client, RequestFactory
from django.urls import resolve

from tests.pages import form_to, squeezed
from ticketadmin.models import Role, User
from ticketadmin.views.frame import IN_BAR

ROLES_AND_PAGES = {
    Role.STAFF: {"tickets", "history", "recipes"},
    Role.LEAD: {"tickets", "history", "recipes", "bulk_list"},
    Role.ADMINISTRATOR: IN_BAR,
}
pytestmark = pytest.mark.django_db


def bar(page: str) -> list[tuple[str, bool]]:
    """Return the addresses in the bar's navigation, each with whether it is marked as the current page."""
    nav = re.search(r'<nav class="bar__nav".*?</nav>', squeezed(page), re.DOTALL)
    assert nav
    return [
        (href, bool(here)) for href, here in re.findall(r'<a href="([^"]+)"( aria-current="page")?', nav[0])
    ]


@pytest.mark.parametrize("role", Role)
def test_the_navigation_shows_permitted_pages_and_marks_the_current_one(
    role: Role, make_person: Callable[..., User], client_of: Callable[[User], Client], sandbox: object
) -> None:
    web = client_of(make_person(role))
    links = [href for href, _here in bar(web.get("/account/").content.decode())]
    pages = {resolve(href).url_name: href for href in links if not href.startswith("/admin/")}

    assert pages.keys() == ROLES_AND_PAGES[role]
    for href in pages.values():
        for _time in range(2):  # the second rendering is the one that was kept
            assert [link for link, here in bar(web.get(href).content.decode()) if here] == [href]
    assert not any(here for _link, here in bar(web.get("/account/").content.decode()))


def test_one_process_shows_each_user_their_own_frame(
    make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    lan = make_person(Role.STAFF, "lan", first_name="Lan", theme="dark", language="vi")
    minh = make_person(Role.STAFF, "minh", first_name="<Minh>", theme="light", language="vi")
    webs = [client_of(lan), client_of(minh)]

    for _time in range(2):
        for web, name, theme in zip(webs, ("Lan", "&lt;Minh&gt;"), ("dark", "light"), strict=True):
            answer = web.get("/account/")
            assert f"<span>{name}</span>" in squeezed(answer.content.decode())
            assert form_to(answer, "/preferences/").values["theme"] == [theme]

    lan.groups.clear()
    lan.refresh_from_db()
    lan.first_name = "Lan Anh"
    lan.save()
    page = webs[0].get("/account/").content.decode()
    assert "Lan Anh" in page
    assert [href for href, _here in bar(page)] == ["/tickets/"]


def test_forms_in_a_reused_frame_have_the_token_and_address_of_their_page(staff: User) -> None:
    web = Client(enforce_csrf_checks=True)
    web.force_login(staff)
    for address in ("/account/", "/history/?ticket=A", "/recipes/"):
        form = form_to(web.get(address), "/preferences/")

        answer = web.post(form.action, form.filled(theme="dark"))

        assert (answer.status_code, answer["Location"]) == (303, address)
        assert 'name="csrfmiddlewaretoken" value=""' not in web.get(address).content.decode()


@pytest.mark.parametrize("role", [*Role, None])
def test_the_frame_uses_no_value_that_it_was_not_given(
    role: Role | None, make_person: Callable[..., User], caplog: pytest.LogCaptureFixture
) -> None:
    request = RequestFactory().get("/account/")
    request.resolver_match = resolve("/account/")
    request.user = make_person(role, "somebody-new")  # whose frame was not rendered before
    request._messages = []  # type: ignore[attr-defined] # as the middleware sets it

    with caplog.at_level(logging.DEBUG, "django.template"):
        page = engines["django"].get_template("base.html").render({}, request)

    assert "somebody-new" in page
    missing = [record.getMessage() for record in caplog.records if record.name == "django.template"]
    assert missing == []
