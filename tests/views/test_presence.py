"""Who else has a ticket open: known within one heartbeat, without a remote call, never as a lock."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import Presence, Role, User

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
HERE = f"{URL}presence/"


@pytest.fixture
def lan(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


@pytest.fixture
def minh(make_person: Callable[..., User], client_of: Callable[[User], Client]) -> Client:
    return client_of(make_person(Role.STAFF, "minh", first_name="Minh"))


def beat(client: Client, tab: str = "a", **values: str) -> Any:
    return client.post(HERE, {"tab": tab, **values})


def test_two_users_see_each_other_and_who_is_typing(lan: Client, minh: Client) -> None:
    beat(lan, editing="1")
    assert "<strong>Lan Trần</strong> is changing this ticket, too" in beat(minh).content.decode()
    assert "<strong>Minh</strong> has this ticket open, too" in beat(lan).content.decode()


def test_a_users_second_tab_is_reported_as_their_own(lan: Client) -> None:
    beat(lan, "a")
    page = beat(lan, "b").content.decode()

    assert "You have this ticket open in another tab." in page
    assert "Lan" not in page


def test_unchanged_presence_is_an_empty_answer(lan: Client, minh: Client) -> None:
    beat(minh)
    shown = beat(lan).content.decode().split('data-presence-key="')[1].split('"')[0]

    assert beat(lan, shown=shown).status_code == 204


def test_users_who_left_or_fell_silent_are_gone(lan: Client, minh: Client) -> None:
    beat(minh)
    beat(minh, leaving="1")
    assert "Minh" not in beat(lan).content.decode()

    beat(minh, "b")
    with time_machine.travel(timezone.now() + timedelta(seconds=40)):
        assert "Minh" not in beat(lan).content.decode()


def test_tabs_that_were_never_closed_are_forgotten(lan: Client, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 180
    beat(lan, "old")
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        beat(lan, "new")
        beat(lan, "new", leaving="1")

    assert [one.tab for one in Presence.objects.all()] == ["new"]  # for a beat that comes in behind it


def test_a_heartbeat_after_closing_does_not_reopen_the_tab(lan: Client, minh: Client) -> None:
    beat(minh)
    beat(minh, leaving="1")
    beat(minh, editing="1")
    assert "Minh" not in beat(lan).content.decode()
    assert "another tab" not in beat(minh, "b").content.decode()

    beat(lan, "c", leaving="1")
    beat(lan, "c")
    assert "another tab" not in beat(lan).content.decode()


def test_a_colleagues_save_is_reported_to_users_who_see_the_older_state(
    lan: Client, minh: Client, sandbox: Sandbox
) -> None:
    loaded_at = timezone.now().isoformat()
    minh.post(URL, ticket_form(minh.get(URL)).filled(ticket_title="Của Minh"))

    page = beat(lan, loaded_at=loaded_at).content.decode()

    assert "Minh saved this ticket" in page
    assert "Load theirs" in page
    later = (timezone.now() + timedelta(seconds=1)).isoformat()
    assert "Minh saved" not in beat(lan, loaded_at=later).content.decode()


def test_ones_own_save_is_not_reported(lan: Client, sandbox: Sandbox) -> None:
    loaded_at = timezone.now().isoformat()
    lan.post(URL, ticket_form(lan.get(URL)).filled(ticket_title="Của Lan"))

    assert "saved this ticket" not in beat(lan, loaded_at=loaded_at).content.decode()


def test_no_heartbeat_calls_the_crm(lan: Client, minh: Client, sandbox: Sandbox) -> None:
    sandbox.forget_log()
    beat(lan)
    beat(minh, loaded_at="no date")

    assert sandbox.log() == []


def test_a_heartbeat_needs_few_queries(
    lan: Client, minh: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    beat(minh)
    beat(lan)
    with django_assert_max_num_queries(12):  # two of them are savepoints of the test itself
        beat(lan, loaded_at=timezone.now().isoformat())
