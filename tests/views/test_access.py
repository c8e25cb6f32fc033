"""Who may ask what: every route that exists, asked by every kind of person."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, Role, User

CODE = "ABCXYZ1234"
EVERYBODY = {"staff", "lead", "administrator"}
LEADS = {"lead", "administrator"}
# route → who may GET it (status 2xx, 3xx, 405 or an honest 4xx of the page itself, but never 403)
ALLOWED: dict[str, set[str]] = {
    "favicon": EVERYBODY | {"nobody", "signed out"},
    "home": EVERYBODY | {"nobody"},  # leads on to the tickets, which are not for everybody
    "tickets": EVERYBODY,
    "ticket_list": EVERYBODY,
    "suggest": EVERYBODY,
    "keep_view": EVERYBODY,
    "delete_view": EVERYBODY,
    "quick_status": EVERYBODY,
    "ticket": EVERYBODY,
    "ticket_preview": EVERYBODY,
    "draft_keep": EVERYBODY,
    "draft_discard": EVERYBODY,
    "draft_bring_back": EVERYBODY,
    "presence": EVERYBODY,
    "history": EVERYBODY,
    "history_csv": EVERYBODY,
    "undo": EVERYBODY,
    "restore": EVERYBODY,
    "settle": EVERYBODY,
    "session": EVERYBODY | {"nobody", "signed out"},  # says who is signed in: nobody, here
    "session_back": EVERYBODY | {"nobody"},
    "sign_in": EVERYBODY | {"nobody", "signed out"},
    "sign_out": EVERYBODY | {"nobody"},
    "preferences": EVERYBODY | {"nobody"},
    "sign_out_all": EVERYBODY | {"nobody"},
    "account": EVERYBODY | {"nobody"},
    "password_change": EVERYBODY | {"nobody"},
    "connection": {"administrator"},
    "healthz": EVERYBODY | {"nobody", "signed out"},
    "readyz": EVERYBODY | {"nobody", "signed out"},  # 503 here, where no worker lives
    "metrics": EVERYBODY | {"nobody", "signed out"},  # 404 without the token
    "bulk_list": LEADS,
    "bulk_new": LEADS,
    "bulk_template_csv": LEADS,
    "bulk_template_xlsx": LEADS,
    "bulk": LEADS,
    "bulk_progress": LEADS,
    "bulk_results": LEADS,
    "bulk_action": LEADS,
    "password_forgotten": EVERYBODY | {"nobody", "signed out"},
    "password_sent": EVERYBODY | {"nobody", "signed out"},
    "password_choose": EVERYBODY | {"nobody", "signed out"},
}
# Asked here for a view and a bulk update that do not exist.
NOT_THERE = {"metrics", "delete_view", "bulk", "bulk_progress", "bulk_results", "bulk_action"}
PUBLIC = {
    *("favicon", "session", "sign_in", "password_forgotten", "password_sent", "password_choose"),
    *("healthz", "readyz", "metrics"),
}
PUBLIC_STATUS = {"favicon": 302, "readyz": 503, "metrics": 404}
POST_ONLY = {
    *("draft_keep", "draft_discard", "draft_bring_back", "presence", "ticket_preview"),
    *("keep_view", "delete_view", "bulk_action"),
    *("undo", "restore", "settle", "sign_out", "sign_out_all", "preferences"),
}


def routes(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[URLPattern]:
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            continue  # the administration has its own test below
        yield pattern


def names() -> list[str]:
    return [str(pattern.name) for pattern in routes()]


@pytest.fixture
def cast(make_person: Callable[..., User], client_of: Callable[[User], Client]) -> dict[str, Client]:
    people: dict[str, Client] = {role.value: client_of(make_person(role)) for role in Role}
    people["nobody"] = client_of(make_person(None))
    people["signed out"] = Client()
    return people


@pytest.fixture
def change(make_person: Callable[..., User]) -> Change:
    owner = make_person(Role.STAFF, "owner")
    return Change.objects.create(
        ticket_code=CODE, actor=owner, actor_name="Owner", created_at=timezone.now(), outcome="verified"
    )


def path_of(name: str, change: Change) -> str:
    for arguments in ([], [CODE], [change.uuid], [1], ["MQ", "some-token"], [change.uuid, "pause"]):
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(name)


def test_every_route_is_in_the_table() -> None:
    assert sorted(names()) == sorted(ALLOWED)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_each_route_lets_in_who_may_and_nobody_else(
    name: str, cast: dict[str, Client], change: Change, sandbox: Sandbox
) -> None:
    path = path_of(name, change)
    for who, client in cast.items():
        answer = client.post(path) if name in POST_ONLY else client.get(path)
        if who == "signed out" and name not in PUBLIC:
            assert answer.status_code == 302, (name, who)
            assert answer["Location"].startswith("/sign-in/?next="), (name, who)
        elif who == "signed out":
            assert answer.status_code == PUBLIC_STATUS.get(name, 200), name
        elif who in ALLOWED[name]:
            not_theirs = name in {"undo", "restore", "settle"} and who == "staff"
            is_missing = not_theirs or name in NOT_THERE
            assert (answer.status_code in {403, 404}) == is_missing, (name, who)
        else:
            assert answer.status_code == 403, (name, who)
    assert sandbox.puts() == []


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_what_changes_something_is_never_a_link(name: str, cast: dict[str, Client], change: Change) -> None:
    assert cast["administrator"].get(path_of(name, change)).status_code == 405


@pytest.mark.parametrize("name", sorted(POST_ONLY | {"ticket", "sign_in", "password_change"}))
def test_posting_needs_the_token(name: str, staff: User, change: Change) -> None:
    client = Client(enforce_csrf_checks=True)
    if name != "sign_in":
        client.force_login(staff)

    assert client.post(path_of(name, change)).status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/ticketadmin/customfield/", "/admin/ticketadmin/user/"])
def test_settings_are_for_administrators(path: str, cast: dict[str, Client]) -> None:
    assert cast["administrator"].get(path).status_code == 200
    for who in ("staff", "lead", "nobody", "signed out"):
        assert cast[who].get(path).status_code in {302, 403}, who


def test_a_person_who_was_deactivated_is_out_at_once(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(staff)
    assert client.get("/tickets/").status_code == 200

    staff.is_active = False
    staff.save()

    assert client.get("/tickets/").status_code == 302


def test_a_change_that_is_not_known_is_not_found(cast: dict[str, Client]) -> None:
    assert cast["lead"].post(f"/history/{uuid4()}/undo/").status_code == 404


@pytest.mark.parametrize("path", ["/tickets/", f"/tickets/{CODE}/", "/sign-in/", "/nowhere/"])
def test_every_page_carries_the_strict_headers(path: str, cast: dict[str, Client], sandbox: Sandbox) -> None:
    client = cast["signed out"] if path == "/sign-in/" else cast["staff"]
    answer = client.get(path)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Request-ID"]
