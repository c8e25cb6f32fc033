"""Access: every route of the URL configuration × every method × every kind of user.

A new route fails here until it has its line in RULES. Routes that depend on a setting are tried with
those of every installation: urls.py is loaded once more, as if each of those settings were on.
"""

import importlib.util
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.cookies import SimpleCookie
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from tests.factories import make_change, make_run, make_user, signed_in
from tests.sandbox_driver import Sandbox
from ticketadmin import urls
from ticketadmin.models import BulkFile, BulkState, BulkUpdate, Change, Role, User

CODE = "ABCXYZ1234"
OTHER_METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
SIGNED_OUT = "signed out"
STAFF = frozenset({"staff", "lead", "administrator"})
LEADS = frozenset({"lead", "administrator"})
ADMINISTRATORS = frozenset({"administrator"})
SIGNED_IN = STAFF | {"nobody"}  # nobody: a user without a role
PUBLIC = SIGNED_IN | {SIGNED_OUT}
# HEAD is answered as GET is: every run requests it for one user, the slow group for each.
HEADS = [("HEAD", who) for who in sorted(PUBLIC)]
ASKED = [*product(("GET", "POST"), sorted(PUBLIC)), ("HEAD", "administrator")]
ASKED_OF_EACH = [pytest.param(ASKED, id="each"), pytest.param(HEADS, id="heads", marks=pytest.mark.slow)]


@dataclass(frozen=True)
class Rule:
    """Who may use a route, and by which methods."""

    people: frozenset[str]
    methods: frozenset[str]


def reads(people: frozenset[str]) -> Rule:
    return Rule(people, frozenset({"GET", "HEAD"}))


def posts(people: frozenset[str]) -> Rule:
    return Rule(people, frozenset({"POST"}))


def both(people: frozenset[str]) -> Rule:
    return Rule(people, frozenset({"GET", "HEAD", "POST"}))


RULES = {
    "favicon": reads(PUBLIC),
    "home": reads(SIGNED_IN),  # leads on to the tickets, which are not for everyone
    "tickets": reads(STAFF),
    "ticket_list": reads(STAFF),
    "go": reads(STAFF),
    "speculation_rules": reads(STAFF),
    "suggest": reads(STAFF),
    "list_news": reads(STAFF),
    "choose_columns": posts(STAFF),
    "keep_view": posts(STAFF),
    "delete_view": posts(STAFF),
    "ticket": both(STAFF),
    "ticket_preview": posts(STAFF),
    "ticket_neighbours": reads(STAFF),
    "quick_status": both(STAFF),
    "draft_keep": posts(STAFF),
    "draft_discard": posts(STAFF),
    "draft_bring_back": posts(STAFF),
    "content_preview": posts(STAFF),
    "presence": posts(STAFF),
    "export_csv": posts(LEADS),
    "export_xlsx": posts(LEADS),
    "ticket_recipe": both(STAFF),
    "recipes": reads(STAFF),
    "recipe_new": both(STAFF),
    "recipe": both(STAFF),
    "recipe_delete": posts(STAFF),
    "ticket_snippet": posts(STAFF),
    "snippets": reads(STAFF),
    "snippets_csv": posts(STAFF),
    "snippets_import": both(STAFF),
    "snippet_menu": reads(STAFF),
    "snippet_text": reads(STAFF),
    "snippet_new": both(STAFF),
    "snippet": both(STAFF),
    "snippet_delete": both(STAFF),
    "bulk_list": reads(LEADS),
    "bulk_new": both(LEADS),
    "bulk_template_csv": reads(LEADS),
    "bulk_template_xlsx": reads(LEADS),
    "bulk_file_errors": reads(LEADS),
    "bulk": both(LEADS),
    "bulk_progress": reads(LEADS),
    "bulk_results": reads(LEADS),
    "bulk_outcome_file": reads(LEADS),
    "bulk_action": posts(LEADS),
    "history": reads(STAFF),
    "history_csv": reads(STAFF),
    "undo": posts(STAFF),
    "restore": posts(STAFF),
    "settle": posts(STAFF),
    "audit": reads(ADMINISTRATORS),
    "audit_csv": reads(ADMINISTRATORS),
    "erasing": both(ADMINISTRATORS),
    "session": reads(PUBLIC),  # says who is signed in, if anyone
    "session_back": reads(SIGNED_IN),
    "sign_in": both(PUBLIC),
    "sign_out": posts(SIGNED_IN),
    "preferences": posts(SIGNED_IN),
    "sign_out_all": posts(SIGNED_IN),
    "second_step": both(SIGNED_IN),
    "sign_in_code": both(PUBLIC),  # leads on to the password where none was given yet
    "binding": reads(PUBLIC),
    "company_account": both(ADMINISTRATORS),
    "account": reads(SIGNED_IN),
    "password_change": both(SIGNED_IN),
    "password_forgotten": both(PUBLIC),
    "password_sent": reads(PUBLIC),
    "password_choose": both(PUBLIC),
    "accessibility": reads(PUBLIC),
    "connection": both(ADMINISTRATORS),
    "omitted_fields": posts(ADMINISTRATORS),
    "healthz": reads(PUBLIC),
    "readyz": reads(PUBLIC),
    "metrics": reads(PUBLIC),  # for everyone who has the token
    "openid_begin": both(PUBLIC),
    "openid_done": Rule(PUBLIC, frozenset({"GET"})),
    "styleguide": reads(ADMINISTRATORS),
}
# Settings that add routes, and the routes that they add.
BY_SETTING = {"HAS_OIDC": {"openid_begin", "openid_done"}, "DEBUG": {"styleguide"}}
EVERY_ROUTE = "tests.views.every_route"
# In Django admin, administrators manage these; whatever else is registered there is for superusers.
ADMINISTERED = (
    *("ticketadmin_user_", "ticketadmin_customfield_", "ticketadmin_statussetting_"),
    *("ticketadmin_ticketrule_", "auth_user_"),
)
# The routes of others' changes answer staff as if there were none.
HIDDEN_FROM_STAFF = {"undo", "restore", "settle"}
# no view, recipe or snippet of the user's own exists here; no request sends the token; no link is in progress
NOT_THERE = {
    *("delete_view", "metrics", "binding", "recipe", "recipe_delete"),
    *("snippet", "snippet_delete", "snippet_text"),
}

Clients = Callable[[str], Client]
Ask = Callable[[str, str, str], HttpResponse]


@dataclass(frozen=True)
class Route:
    """One route of the configuration, its address with placeholders as there."""

    name: str
    address: str
    is_admin: bool

    @property
    def rule(self) -> Rule:
        return RULES[self.name]


def routes(
    patterns: list[URLPattern | URLResolver] | None = None, before: str = "", is_admin: bool = False
) -> Iterator[Route]:
    for one in patterns if patterns is not None else get_resolver(EVERY_ROUTE).url_patterns:
        address = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, address, is_admin or one.namespace == "admin")
        else:
            yield Route(str(one.name), address, is_admin)


def load_every_route() -> None:
    """Make a URL configuration out of urls.py in which every setting that adds routes is on."""
    spec = importlib.util.spec_from_file_location(EVERY_ROUTE, urls.__file__)
    assert spec
    assert spec.loader
    module = sys.modules[EVERY_ROUTE] = importlib.util.module_from_spec(spec)
    with override_settings(**dict.fromkeys(BY_SETTING, True)):
        spec.loader.exec_module(module)


load_every_route()
OWN = [route for route in routes() if not route.is_admin]
ADMIN = [route for route in routes() if route.is_admin]
by_name = pytest.mark.parametrize("route", OWN, ids=lambda route: route.name)
by_address = pytest.mark.parametrize("route", ADMIN, ids=lambda route: route.address)


@pytest.fixture(scope="module", autouse=True)
def _every_route() -> Iterator[None]:
    """Use every route in all tests here: Django reloads its routes after each change of this setting."""
    with override_settings(ROOT_URLCONF=EVERY_ROUTE):
        yield


@pytest.fixture(autouse=True)
def _provider_that_does_not_answer(settings: Any) -> None:
    settings.OIDC_ISSUER = settings.OIDC_RP_CLIENT_ID = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Member:
    """One user who is there in every test here, and the cookies of a session that was begun."""

    pk: int
    cookies: SimpleCookie

    @property
    def user(self) -> User:
        return User.objects.get(pk=self.pk)


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Member]]:
    """One user of each kind, with a session: made once, in a transaction around those of the tests."""
    around = ExitStack()
    with django_db_blocker.unblock():
        around.enter_context(transaction.atomic())
        users = [make_user(role) for role in (*Role, None)]
        members = {user.username: Member(user.pk, signed_in(user).cookies) for user in users}
    yield members
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.close()


@pytest.fixture
def clients(db: None, cast: dict[str, Member]) -> Clients:
    """A new browser for a kind of user: the first has the prepared session, others begin their own."""
    unused = {who: member.cookies for who, member in cast.items()}

    def browser(who: str) -> Client:
        if who == SIGNED_OUT:
            return Client()
        if who not in unused:
            return signed_in(cast[who].user)
        client = Client()
        client.cookies.load({name: morsel.value for name, morsel in unused.pop(who).items()})
        return client

    return browser


@pytest.fixture
def staff(db: None, cast: dict[str, Member]) -> User:
    return cast["staff"].user


@pytest.fixture
def administrator(db: None, cast: dict[str, Member]) -> User:
    return cast["administrator"].user


@pytest.fixture
def ask(clients: Clients) -> Ask:
    """Sends a request as a kind of user, with the same browser until an answer touches its session."""
    browsers: dict[str, Client] = {}

    def send(method: str, address: str, who: str) -> HttpResponse:
        browser = browsers.pop(who, None) or clients(who)
        answer: HttpResponse = browser.generic(method, address)
        if settings.SESSION_COOKIE_NAME not in answer.cookies:
            browsers[who] = browser
        return answer

    return send


@dataclass(frozen=True)
class Rows:
    """One row of each kind that an address may name, of the same owner."""

    change: Change
    bulk: BulkUpdate
    file: BulkFile


@pytest.fixture(scope="module")
def rows(cast: dict[str, Member], django_db_blocker: DjangoDbBlocker) -> Rows:
    """Made once, in the transaction of the cast."""
    with django_db_blocker.unblock():
        owner = make_user(Role.STAFF, "owner")
        change = make_change(owner, CODE, outcome="verified")
        bulk = make_run(owner, state=BulkState.DRAFT)
        content = zlib.compress(b"code,Title\n,x")
        file = BulkFile.objects.create(
            bulk=bulk, owner=owner, name="a.csv", content=content, created_at=bulk.created_at
        )
    return Rows(change, bulk, file)


@pytest.fixture
def address_of(db: None, rows: Rows) -> Callable[[Route], str]:
    """Fill a route's placeholders; a new kind of placeholder wants its line here."""
    values = {
        "<code:code>": CODE,
        "<uuid:change>": str(rows.change.uuid),
        "<uuid:bulk>": str(rows.bulk.uuid),
        "<uuid:file>": str(rows.file.uuid),
        "<slug:action>": "pause",
        "<int:view>": "1",
        "<int:recipe>": "1",
        "<int:snippet>": "1",
        "<int:user>": str(rows.change.actor_id),
        "<uidb64>": "MQ",
        "<token>": "some-token",
        "<id>": "1",
        "<path:object_id>": "1",
        "<path:content_type_id>": "1",
        "^(?P<app_label>)/$": "ticketadmin/",
        "(?P<url>.*)$": "nowhere/",
    }

    def fill(route: Route) -> str:
        address = re.sub(r"(?<=P<app_label>)[a-z_|]+", "", route.address)
        for placeholder, value in values.items():
            address = address.replace(placeholder, value)
        assert not re.search(r"[<>^$]", address), f"{address}: give its placeholder a value above"
        return f"/{address}"

    return fill


def test_every_route_has_an_access_rule_and_every_rule_a_route() -> None:
    assert {route.name for route in OWN} == set(RULES)


def test_every_setting_that_adds_routes_is_known_here() -> None:
    asked = re.findall(r"settings\.([A-Z_]+)", Path(urls.__file__).read_text(encoding="utf-8"))
    always = {str(pattern.name) for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}

    assert set(asked) == set(BY_SETTING)
    assert always == set(RULES) - set().union(*BY_SETTING.values())


@pytest.mark.parametrize("asked", ASKED_OF_EACH)
@by_name
def test_each_route_answers_each_user_and_method_by_its_rule(
    route: Route, asked: list[tuple[str, str]], ask: Ask, address_of: Callable[[Route], str], sandbox: Sandbox
) -> None:
    address = address_of(route)
    for method, who in asked:
        answer = ask(method, address, who)
        assert kind_of(answer) == expected(route, method, who), (method, who, answer.status_code)
    assert sandbox.puts() == []


@pytest.mark.slow
@pytest.mark.parametrize("route", OWN + ADMIN, ids=lambda route: f"{route.name}-{route.address}")
def test_other_methods_are_refused_on_every_route(
    route: Route, ask: Ask, address_of: Callable[[Route], str]
) -> None:
    """By a middleware, before the user is known: the least and the most privileged represent all."""
    address = address_of(route)
    for method, who in product(OTHER_METHODS, (SIGNED_OUT, "administrator")):
        assert kind_of(ask(method, address, who)) == "no such method", (method, who)


@pytest.mark.parametrize("path", ["/tickets/", f"/tickets/{CODE}/", "/history/", "/nowhere/", "/admin/"])
def test_other_methods_are_refused_to_every_user(path: str, ask: Ask) -> None:
    for method, who in product(OTHER_METHODS, sorted(PUBLIC)):
        assert kind_of(ask(method, path, who)) == "no such method", (method, who)


def expected(route: Route, method: str, who: str) -> str:
    if who not in route.rule.people:
        return "signs in first" if who == SIGNED_OUT else "forbidden"
    if method not in route.rule.methods:
        return "no such method"
    if route.name in NOT_THERE or (who == "staff" and route.name in HIDDEN_FROM_STAFF):
        return "not found"
    return "not ready" if route.name == "readyz" else "answered"  # no worker lives here


def kind_of(answer: HttpResponse) -> str:
    """Classify an answer; a redirect to a sign-in or to the admin's own refusal is not an answer."""
    if answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next="):
        return "signs in first"
    if answer.status_code == 302 and answer["Location"].startswith("/admin/login/"):
        return "forbidden"
    kinds = {403: "forbidden", 404: "not found", 405: "no such method", 503: "not ready"}
    return kinds.get(answer.status_code, "answered" if answer.status_code < 500 else "failed")


@pytest.mark.parametrize("asked", ASKED_OF_EACH)
@by_address
def test_the_administration_is_for_administrators(
    route: Route, asked: list[tuple[str, str]], ask: Ask, address_of: Callable[[Route], str]
) -> None:
    address = address_of(route)
    for method, who in asked:
        kind = kind_of(ask(method, address, who))
        assert kind in expected_in_administration(route, who), (method, who, kind)


def expected_in_administration(route: Route, who: str) -> set[str]:
    if who not in ADMINISTRATORS:
        leads_out = route.name == "logout" and who != SIGNED_OUT
        return {"answered", "no such method"} if leads_out else {"signs in first", "forbidden"}
    if route.name == "ticketadmin_user_delete":
        return {"answered", "not found", "forbidden"}  # who has signed in is protected by the record of it
    if route.name.startswith(ADMINISTERED):
        return {"answered", "not found"}
    if route.name.startswith(("auth_group_", "django_tasks_")) and route.name.endswith(
        ("_add", "_change", "_delete", "_changelist")
    ):
        return {"forbidden"}
    return {"answered", "not found", "forbidden", "no such method"}


@pytest.mark.parametrize("route", OWN + ADMIN, ids=lambda route: f"{route.name}-{route.address}")
def test_posting_needs_a_csrf_token(
    route: Route, clients: Clients, address_of: Callable[[Route], str]
) -> None:
    client = clients("administrator" if route.is_admin or SIGNED_OUT not in route.rule.people else SIGNED_OUT)
    client.handler.enforce_csrf_checks = True

    answer = client.post(address_of(route))

    assert answer.status_code == 403
    assert answer["X-Token-Refused"] == "1"


def test_a_deactivated_user_is_signed_out_immediately(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(staff)
    assert client.get("/tickets/").status_code == 200

    staff.is_active = False
    staff.save()

    assert client.get("/tickets/").status_code == 302


def test_an_unknown_change_is_not_found(clients: Clients) -> None:
    assert clients("lead").post(f"/history/{uuid4()}/undo/").status_code == 404


@pytest.mark.parametrize("path", ["/tickets/", f"/tickets/{CODE}/", "/sign-in/", "/nowhere/"])
def test_every_page_carries_the_strict_headers(path: str, clients: Clients, sandbox: Sandbox) -> None:
    client = clients(SIGNED_OUT if path == "/sign-in/" else "staff")
    answer = client.get(path)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Request-ID"]


def test_a_user_without_a_role_is_told_so_and_gets_no_link_to_the_same_page(
    make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    answer = client_of(make_person(None, "moi")).get("/tickets/")

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "You have no role yet" in page
    assert "Go to the tickets" not in page


def test_a_role_without_tickets_is_not_called_no_role(
    make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    user = make_person(None, "kiem")
    user.groups.add(Group.objects.create(name="auditor"))

    page = client_of(user).get("/tickets/").content.decode()

    assert "Your role does not include this page or action." in page
    assert "You have no role yet" not in page
    assert "Go to the tickets" not in page
