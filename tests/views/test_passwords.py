"""Passwords: rules, and resetting by e-mail, which reveals nothing to strangers."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import PASSWORD
from tests.views.test_signing_in import sign_in
from ticketadmin.models import IdentitySource, ResetRequest, User
from ticketadmin.services.people.passwords import MAILING, MAX_PER_ADDRESS, MAX_PER_USER

CHOSEN = "mot-mat-khau-moi-2026"
Outbox = list[EmailMessage]


@pytest.fixture
def lan(make_person: Callable[..., User]) -> User:
    return make_person(username="lan", first_name="Lan", email="lan@example.com")


def ask(email: str, client: Client | None = None, **options: Any) -> Any:
    answer = (client or Client()).post("/password/forgotten/", {"email": email}, **options)
    for thread in threading.enumerate():
        if thread.name == MAILING:
            thread.join(10)
    return answer


def link_in(mail: EmailMessage) -> str:
    return re.findall(r"http://testserver(/password/new/\S+)", str(mail.body))[0]


def choose(client: Client, link: str, password: str = CHOSEN) -> Any:
    form = client.get(link)
    if form.status_code != 302:
        return form
    return client.post(form["Location"], {"new_password1": password, "new_password2": password}, follow=True)


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(lan: User, mailoutbox: Outbox) -> None:
    client = Client()
    assert "Forgotten your password?" in client.get("/sign-in/").content.decode()
    assert ask("Lan@example.com", client)["Location"] == "/password/forgotten/sent/"
    assert [mail.to for mail in mailoutbox] == [["lan@example.com"]]
    link = link_in(mailoutbox[0])

    assert "Your new password is set." in choose(client, link).content.decode()

    assert sign_in(Client(), "lan", PASSWORD).status_code == 200
    assert sign_in(Client(), "lan", CHOSEN).status_code == 302
    assert "This link no longer works" in choose(Client(), link).content.decode()


@pytest.mark.parametrize(
    ("language", "texts"),
    [("en", ["Hello Lan,", "“lan” at testserver"]), ("vi", ["Chào Lan,", "“lan” của bạn tại testserver"])],
)
def test_the_mail_names_the_user_and_the_account(
    language: str, texts: list[str], lan: User, mailoutbox: Outbox
) -> None:
    User.objects.filter(pk=lan.pk).update(language=language)
    ask("lan@example.com")

    assert [text for text in texts if text not in str(mailoutbox[0].body)] == []
    assert str(mailoutbox[0].body).startswith(texts[0])


@pytest.mark.parametrize("change", ["disabled", "no password", "directory", "unknown"])
def test_the_answer_does_not_reveal_whether_an_account_exists(
    change: str, lan: User, mailoutbox: Outbox
) -> None:
    known = ask("lan@example.com")
    mailoutbox.clear()
    if change == "disabled":
        lan.is_active = False
    elif change == "no password":
        lan.set_unusable_password()
    elif change == "directory":
        lan.source = IdentitySource.LDAP
    lan.save()

    other = ask("stranger@example.com" if change == "unknown" else "lan@example.com")

    assert mailoutbox == []
    assert (other.status_code, other["Location"]) == (known.status_code, known["Location"])


def test_an_address_without_an_account_takes_the_same_work(lan: User, mailoutbox: Outbox) -> None:
    def queries(email: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            ask(email)
        return len(seen.captured_queries)

    assert queries("lan@example.com") == queries("stranger@example.com")


def test_a_mailbox_is_not_flooded_and_the_answer_does_not_reveal_it(lan: User, mailoutbox: Outbox) -> None:
    answers = {ask("lan@example.com", Client(REMOTE_ADDR=f"10.0.0.{n}")).status_code for n in range(6)}

    assert answers == {303}
    assert len(mailoutbox) == MAX_PER_USER


def test_one_client_cannot_request_mails_for_everyone(lan: User, mailoutbox: Outbox) -> None:
    for number in range(MAX_PER_ADDRESS):
        assert ask(f"name-{number}@example.com").status_code == 303

    refused = ask("lan@example.com")

    assert refused.status_code == 429
    assert "Try again in an hour." in refused.content.decode()
    assert mailoutbox == []
    assert ask("lan@example.com", Client(REMOTE_ADDR="10.0.0.9")).status_code == 303
    with time_machine.travel(timedelta(hours=1, minutes=1)):
        assert ask("lan@example.com").status_code == 303
    assert ResetRequest.objects.count() == 1


def test_a_link_expires(lan: User, mailoutbox: Outbox) -> None:
    ask("lan@example.com")
    with time_machine.travel(timedelta(minutes=61)):
        page = choose(Client(), link_in(mailoutbox[0])).content.decode()

    assert "This link no longer works" in page


def test_a_link_for_one_user_does_not_work_for_another(lan: User, lead: User, mailoutbox: Outbox) -> None:
    ask("lan@example.com")
    parts = link_in(mailoutbox[0]).split("/")
    own = Client().get("/".join([*parts[:3], "MQ" if parts[3] != "MQ" else "Mg", *parts[4:]]))

    assert "This link no longer works" in own.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["a", "OTk5OTk5", "4pyT"])
def test_a_link_that_names_no_user_does_not_work(number: str) -> None:
    page = Client().get(f"/password/new/{number}/c0ffee-0123456789abcdef/")

    assert page.status_code == 200
    assert "This link no longer works" in page.content.decode()


def test_a_look_alike_address_is_another_address(lan: User, mailoutbox: Outbox) -> None:
    lan.email = "mike@example.org"
    lan.save()

    ask("mıke@example.org")

    assert mailoutbox == []


def test_a_forged_host_gets_no_link(lan: User, mailoutbox: Outbox) -> None:
    assert ask("lan@example.com", headers={"Host": "evil.example"}).status_code == 400
    assert mailoutbox == []


def test_a_new_password_ends_every_session_and_the_wait_after_failures(
    lan: User, mailoutbox: Outbox, settings: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    elsewhere = Client()
    sign_in(elsewhere, "lan", PASSWORD)
    for _attempt in range(2):
        sign_in(Client(), "lan", "guess")
    assert sign_in(Client(), "lan", PASSWORD).status_code == 429
    ask("lan@example.com")

    choose(Client(), link_in(mailoutbox[0]))

    assert elsewhere.get("/session/").json()["person"] is None
    assert sign_in(Client(), "lan", CHOSEN).status_code == 302


def test_the_mail_is_in_the_users_language(lan: User, mailoutbox: Outbox) -> None:
    lan.language = "vi"
    lan.save()

    ask("lan@example.com")

    assert "Chào Lan" in str(mailoutbox[0].body)
    assert "Mật khẩu mới" in mailoutbox[0].subject


def test_an_unreachable_mail_server_is_logged_and_not_shown(
    lan: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert ask("lan@example.com").status_code == 303

    assert "could not be sent" in caplog.text
    assert "lan@example.com" not in caplog.text
    assert "/password/new/" not in caplog.text


@pytest.mark.parametrize("weak", ["short1", "password123", "lantranlan", "12345678"])
def test_weak_passwords_are_refused(weak: str, lan: User, mailoutbox: Outbox) -> None:
    lan.last_name = "Lantranlan"
    lan.save()
    ask("lan@example.com")

    page = choose(Client(), link_in(mailoutbox[0]), weak).content.decode()

    assert "field__errors" in page
    lan.refresh_from_db()
    assert lan.check_password(PASSWORD)


def test_without_local_passwords_there_is_no_reset_page(lan: User, mailoutbox: Outbox, settings: Any) -> None:
    ask("lan@example.com")
    settings.LOCAL_ACCOUNTS = False

    assert Client().get(link_in(mailoutbox[0])).status_code == 404
    assert ask("lan@example.com").status_code == 404


def test_an_external_users_password_cannot_be_changed_here(
    lan: User, client_of: Callable[[User], Client]
) -> None:
    lan.source = IdentitySource.OIDC
    lan.save()
    client = client_of(lan)

    assert client.get("/password/").status_code == 403
    assert "Change password" not in client.get("/account/").content.decode()


def test_guesses_of_the_old_password_are_throttled(
    staff: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    client = client_of(staff)
    data = {"old_password": "wrong", "new_password1": CHOSEN, "new_password2": CHOSEN}
    assert [client.post("/password/", data).status_code for _attempt in range(3)] == [200, 200, 429]

    answer = client.post("/password/", {**data, "old_password": PASSWORD})

    assert answer.status_code == 429
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_a_weak_new_password_is_not_a_failed_attempt(
    staff: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    client = client_of(staff)
    for _attempt in range(4):
        client.post("/password/", {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"})

    data = {"old_password": PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
    assert client.post("/password/", data).status_code == 302
