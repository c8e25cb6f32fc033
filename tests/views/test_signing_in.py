"""Signing in: guessing is throttled, session ids change, and no redirect leaves the site."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.factories import PASSWORD
from ticketadmin.models import User

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


def sign_in(client: Client, username: str, password: str, **options: Any) -> Any:
    data = {"username": username, "password": password, **options.pop("data", {})}
    return client.post("/sign-in/", data, **options)


@pytest.mark.parametrize("username", ["staff", "nobody-of-this-name"])
def test_guessing_a_password_is_throttled(username: str, staff: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 4
    client = Client()
    for _attempt in range(3):
        assert sign_in(client, username, "guess").status_code == 200

    answer = sign_in(client, username, "guess")

    assert answer.status_code == 429
    assert "Too many failed attempts to sign in." in answer.content.decode()
    assert sign_in(client, username, PASSWORD).status_code == 429
    scripted = sign_in(client, username, PASSWORD, headers=SCRIPT)
    assert "Try again in 10 minutes" in scripted.json()["problem"]


def test_a_colleague_at_another_address_is_not_locked_out(staff: User, lead: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for _attempt in range(3):
        sign_in(Client(), "staff", "guess")

    assert sign_in(Client(), "lead", PASSWORD).status_code == 302
    assert sign_in(Client(REMOTE_ADDR="10.0.0.9"), "staff", PASSWORD).status_code == 302


def test_a_forged_forwarding_header_is_ignored(staff: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for number in range(4):
        sign_in(Client(), "staff", "guess", headers={"X-Forwarded-For": f"10.0.0.{number}"})

    assert sign_in(Client(), "staff", PASSWORD, headers={"X-Forwarded-For": "10.9.9.9"}).status_code == 429


def test_guessing_one_password_from_many_addresses_is_throttled(
    staff: User, lead: User, settings: Any
) -> None:
    settings.SIGN_IN_FAILURES_OF_PERSON = 6
    for number in range(6):
        sign_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), " Staff"[number % 2 :], "guess")

    assert sign_in(Client(REMOTE_ADDR="10.0.1.1"), "staff", PASSWORD).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="10.0.1.1"), "lead", PASSWORD).status_code == 302


def test_guessing_many_names_from_one_address_is_throttled(staff: User, lead: User, settings: Any) -> None:
    settings.SIGN_IN_FAILURES_AT_ADDRESS = 6
    for number in range(6):
        sign_in(Client(), f"name-{number}", "Winter2026")

    assert sign_in(Client(), "staff", PASSWORD).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="10.0.0.9"), "staff", PASSWORD).status_code == 302


def test_signing_in_with_ones_own_account_does_not_reset_the_count(
    staff: User, lead: User, settings: Any
) -> None:
    settings.SIGN_IN_FAILURES_AT_ADDRESS = 6
    for number in range(6):
        sign_in(Client(), f"name-{number}", "Winter2026")
        if number < 5:
            assert sign_in(Client(), "lead", PASSWORD).status_code == 302

    assert sign_in(Client(), "staff", PASSWORD).status_code == 429


def test_attempts_during_the_wait_do_not_lengthen_it(staff: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    with time_machine.travel(0, tick=False) as clock:
        for _attempt in range(2):
            sign_in(Client(), "staff", "guess")
        clock.shift(9 * 60)
        assert sign_in(Client(), "staff", PASSWORD).status_code == 429
        clock.shift(61)

        assert sign_in(Client(), "staff", PASSWORD).status_code == 302


def test_the_answer_does_not_tell_whether_a_name_exists(staff: User) -> None:
    known = sign_in(Client(), "staff", "guess").content.decode()
    unknown = sign_in(Client(), "stranger", "guess").content.decode()

    assert known.replace("staff", "").count("field__errors") == unknown.count("field__errors")
    assert "Please enter a correct" in known
    assert "Please enter a correct" in unknown


def test_the_session_id_changes_at_sign_in(staff: User) -> None:
    client = Client()
    client.get("/sign-in/")
    client.session["planted"] = "x"
    client.session.save()
    before = client.session.session_key

    sign_in(client, "staff", PASSWORD)

    assert client.session.session_key != before


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_signing_in_redirects_to_no_other_site(target: str, staff: User) -> None:
    assert sign_in(Client(), "staff", PASSWORD, data={"next": target})["Location"] == "/tickets/"


@pytest.mark.parametrize("name", ["\x00", "ﷺ" * 150, "x" * 10_000, "\u202estaff", "' OR 1=1 --", "*"])
def test_any_name_gets_the_same_answer(name: str, staff: User) -> None:
    answer = sign_in(Client(), name, "guess")

    assert answer.status_code == 200
    assert "field__errors" in answer.content.decode() or "Please enter a correct" in answer.content.decode()


def test_a_deactivated_user_cannot_sign_in(staff: User) -> None:
    staff.is_active = False
    staff.save()

    assert sign_in(Client(), "staff", PASSWORD).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_saving_preferences_redirects_to_no_other_site(target: str, staff: User) -> None:
    client = Client()
    client.force_login(staff)

    assert client.post("/preferences/", {"theme": "dark", "next": target})["Location"] == "/tickets/"


def test_a_planted_session_id_is_not_used_at_sign_in(staff: User) -> None:
    attacker, victim = Client(), Client()
    attacker.get("/sign-in/")
    attacker.session["x"] = "1"
    attacker.session.save()
    planted = attacker.session.session_key
    victim.cookies["sessionid"] = planted

    sign_in(victim, "staff", PASSWORD)

    attacker.cookies["sessionid"] = planted
    assert attacker.get("/session/").json()["person"] is None
    assert victim.get("/session/").json()["person"] == staff.pk
