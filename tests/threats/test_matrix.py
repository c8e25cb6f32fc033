"""Every route and every method, asked by every kind of person: generated from the URL configuration.

`tests/views/test_access.py` says who may see each page; here nobody gets more by another method, and
a route without a rule fails, Django's administration included.
"""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from tests.views.test_access import ALLOWED, PUBLIC
from ticketadmin.models import BulkUpdate, Change, CustomField, Role, StatusSetting, User

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
SAFE_ANSWERS = {200, 204, 302, 303, 304, 405, 409, 422, 503}
VALUES = {"code": "ABCXYZ1234", "int": 1, "slug": "pause", "str": "x", "path": "x", "uuid": None}


def routes(
    patterns: list[URLPattern | URLResolver], before: str = "", space: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield each route's name and an address of it."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routes(pattern.url_patterns, before + address(pattern), namespace)
        else:
            yield f"{space}{pattern.name}", before + address(pattern)


def address(pattern: URLPattern | URLResolver) -> str:
    text = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = next(key for key in VALUES if key in type(converter).__name__.lower())
        value = VALUES[kind] or "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        for spelled in (f"<{kind}:{name}>", f"<{name}>"):
            text = text.replace(spelled, str(value))
    return text.strip("^$").replace("\\Z", "").replace("(?P<url>.*)", "nowhere")


ROUTES = dict(routes(get_resolver().url_patterns))
ADMIN = {name: path for name, path in ROUTES.items() if name.startswith("admin:")}


@pytest.fixture
def cast(make_person: Callable[..., User], client_of: Callable[[User], Client]) -> dict[str, Client]:
    people = {role.value: client_of(make_person(role)) for role in Role}
    return {**people, "nobody": client_of(make_person(None)), "signed out": Client()}


@pytest.fixture
def world() -> dict[str, int]:
    """Rows of everything that a request could change."""
    now = timezone.now()
    Change.objects.create(ticket_code="ABCXYZ1234", actor_name="x", created_at=now, outcome="verified")
    BulkUpdate.objects.create(owner_name="x", created_at=now)
    CustomField.objects.create(key="k", label="K")
    StatusSetting.objects.create(name="Mới")
    return counted()


def counted() -> dict[str, int]:
    kinds = (Change, BulkUpdate, CustomField, StatusSetting, User, Group)
    return {kind.__name__: kind.objects.count() for kind in kinds}


def test_every_route_has_a_rule() -> None:
    assert {name for name in ROUTES if name not in ADMIN} == set(ALLOWED)
    assert len(ADMIN) > 20


@pytest.mark.parametrize("method", METHODS)
def test_no_method_lets_anybody_further_than_the_page_does(
    method: str, cast: dict[str, Client], sandbox: Sandbox
) -> None:
    for name, path in ROUTES.items():
        if name in ADMIN or (method == "POST" and name in {"sign_out", "sign_out_all"}):
            continue  # the administration below; signing out ends the session that asks the rest
        for who, client in cast.items():
            answer = client.generic(method, f"/{path}")
            if who in ALLOWED[name]:
                assert answer.status_code in SAFE_ANSWERS | {400, 403, 404}, (method, name, who)
            elif who == "signed out":
                assert answer.status_code in {302, 405}, (method, name)
                assert answer.status_code == 405 or "/sign-in/" in answer["Location"], (method, name)
            else:
                assert answer.status_code in {403, 405}, (method, name, who, answer.status_code)
    assert sandbox.puts() == []
    assert set(ROUTES) >= PUBLIC


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["staff", "lead", "nobody", "signed out"])
def test_the_administration_answers_administrators_only(
    who: str, method: str, cast: dict[str, Client], world: dict[str, int]
) -> None:
    before = counted()
    for name, path in ADMIN.items():
        answer = cast[who].generic(method, f"/{path}")
        assert answer.status_code in {302, 403, 404, 405}, (method, name, who, answer.status_code)
        if answer.status_code == 302 and who == "signed out":
            assert answer["Location"].startswith(("/sign-in/", "/admin/")), (name, answer["Location"])
    assert counted() == before


def test_administrators_reach_every_page_of_the_administration(cast: dict[str, Client]) -> None:
    pages = [path for name, path in ADMIN.items() if name.endswith(("_changelist", "_add", "index"))]

    answers = {path: cast["administrator"].get(f"/{path}").status_code for path in pages}
    assert set(answers.values()) <= {200, 302, 403}, answers
    assert list(answers.values()).count(200) >= 5
