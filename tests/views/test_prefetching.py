"""Prefetching: a hovered ticket is read within a budget, and that alone writes nothing."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, Draft, Shared, SharedState, User

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
AHEAD = {"Sec-Purpose": "prefetch"}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    """A user who has opened a ticket before, so that reading is known to work."""
    client = client_of(staff)
    client.get("/tickets/TK-BUSY/")
    cache.clear()
    sandbox.forget_log()
    return client


def test_the_tickets_page_names_rules_that_prefetch_links_of_the_list(web: Client) -> None:
    address = json.loads(web.get("/tickets/")["Speculation-Rules"])

    rules = web.get(address)
    assert rules["Content-Type"] == "application/speculationrules+json"
    assert rules.json()["prefetch"][0]["eagerness"] == "moderate"


def test_a_prefetch_returns_the_page_and_writes_nothing(web: Client, sandbox: Sandbox) -> None:
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=3))
    web.get("/tickets/")
    with CaptureQueriesContext(connection) as queries:
        answer = web.get(URL, headers=AHEAD)

    assert answer.status_code == 200
    assert 'name="base"' in answer.content.decode()
    written = [one["sql"] for one in queries if not one["sql"].startswith("SELECT")]
    assert [one for one in written if "SAVEPOINT" not in one] == []
    assert [call.path for call in sandbox.log()] == ["/api/v6.1/ticket"]


def test_a_user_may_prefetch_one_read_per_second(web: Client, sandbox: Sandbox) -> None:
    codes = sandbox.codes()[10:20]

    with time_machine.travel(timezone.now(), tick=False):  # ten requests may take a slow machine seconds
        found = [web.get(f"/tickets/{code}/", headers=AHEAD).status_code for code in codes]

    assert found == [200] + [503] * 9
    assert len(sandbox.log()) == 1


def test_opening_is_never_refused_after_a_prefetch(web: Client) -> None:
    web.get(URL, headers=AHEAD)
    web.get("/tickets/TK-SLOW/", headers=AHEAD)

    assert web.get(URL).status_code == 200


def a_draft(user: User) -> None:
    Draft.objects.create(actor=user, ticket_code=CODE, updated_at=timezone.now())


def an_open_change(user: User) -> None:
    Change.objects.create(ticket_code=CODE, actor=user, outcome="unknown", created_at=timezone.now())


def an_open_circuit(_user: User) -> None:
    until = (timezone.now() + timedelta(seconds=8)).isoformat()
    SharedState.objects.create(name=Shared.CIRCUIT, value={"open_until": until})


@pytest.mark.parametrize("stand", [a_draft, an_open_change, an_open_circuit])
def test_no_prefetch_if_opening_would_do_more_than_read(
    stand: Callable[[User], None], web: Client, staff: User, sandbox: Sandbox
) -> None:
    stand(staff)

    assert web.get(URL, headers=AHEAD).status_code == 503
    assert sandbox.log() == []


@pytest.mark.parametrize("headers", [{"Sec-CH-UA-Mobile": "?1"}])
def test_a_phone_prefetches_nothing(headers: dict[str, str], web: Client, sandbox: Sandbox) -> None:
    assert web.get(URL, headers=AHEAD | headers).status_code == 503
    assert sandbox.log() == []


def test_no_prefetch_with_a_rate_limit(web: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_API_MAX_PER_SECOND = 2.0

    assert web.get(URL, headers=AHEAD).status_code == 503
    assert sandbox.log() == []


def test_a_message_is_kept_for_the_page_that_the_user_opens(web: Client) -> None:
    web.post("/views/", {"name": "Của tôi", "query": "status=Mới"})
    web.get(URL, headers=AHEAD)

    assert "The view “Của tôi” was saved." in web.get("/tickets/").content.decode()


def test_a_prefetch_does_not_keep_a_session_alive(web: Client) -> None:
    session = web.session
    session["active"] = session["active"] - 120 if "active" in session else 0
    session.save()
    before = dict(web.session.items())

    web.get(URL, headers=AHEAD)

    assert dict(web.session.items()) == before
