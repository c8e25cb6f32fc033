"""Sessions end: after idle time, after their maximum age, and everywhere at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from tests.factories import PASSWORD
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from tests.views.test_signing_in import SCRIPT, sign_in
from ticketadmin.models import Change, Draft, User

MINUTE, HOUR = 60, 3600
BEAT = "/tickets/ABCXYZ1234/presence/"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-03-02 08:00:00+07:00", tick=False) as travelling:
        yield travelling


@pytest.fixture
def visitor(staff: User, clock: Any) -> Client:
    client = Client()
    sign_in(client, "staff", PASSWORD)
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/session/").json()["person"])


@pytest.mark.parametrize("path", ["/tickets/", "/session/", "/account/", "/sign-in/"])
def test_a_late_answer_of_an_ended_session_leaves_the_cookie_of_a_newer_one(
    visitor: Client, path: str
) -> None:
    Session.objects.all().delete()

    answer = visitor.get(path)

    assert "sessionid" not in answer.cookies
    assert "Cookie" in answer["Vary"]


def test_signing_out_deletes_the_cookie(visitor: Client) -> None:
    answer = visitor.post("/sign-out/")

    assert answer.cookies["sessionid"].value == ""


def test_a_session_ends_after_an_hour_without_activity(visitor: Client, clock: Any) -> None:
    clock.shift(59 * MINUTE)
    assert visitor.get("/account/").status_code == 200
    clock.shift(59 * MINUTE)
    assert visitor.get("/account/").status_code == 200

    clock.shift(60 * MINUTE)

    assert visitor.get("/account/")["Location"] == "/sign-in/?next=/account/"
    assert not Session.objects.exists()


def test_a_session_ends_after_twelve_hours_of_activity(visitor: Client, clock: Any) -> None:
    for _half_hour in range(23):
        clock.shift(30 * MINUTE)
        assert visitor.get("/account/").status_code == 200

    clock.shift(30 * MINUTE)

    assert visitor.get("/account/").status_code == 302


def test_both_limits_are_settings(visitor: Client, clock: Any, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS = 5, 1
    clock.shift(5 * MINUTE)
    assert not is_signed_in(visitor)

    sign_in(visitor, "staff", PASSWORD)
    for _minute in range(15):
        clock.shift(4 * MINUTE)
        visitor.get("/account/")
    assert not is_signed_in(visitor)


def test_background_requests_are_not_activity(visitor: Client, clock: Any) -> None:
    for _minutes in range(5):
        clock.shift(10 * MINUTE)
        assert visitor.post(BEAT, {"tab": "a"}).status_code in {200, 204}
        assert is_signed_in(visitor)

    clock.shift(10 * MINUTE)

    assert visitor.post(BEAT, {"tab": "a"}, headers=SCRIPT).status_code == 401
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("route", ["presence", "session", "bulk_progress"])
def test_every_background_route_is_marked(route: str) -> None:
    (found,) = [one for one in get_resolver().url_patterns if getattr(one, "name", None) == route]

    assert found.callback.is_background


def test_activity_is_written_at_most_once_a_minute(visitor: Client, clock: Any) -> None:
    def writes() -> int:
        with CaptureQueriesContext(connection) as seen:
            visitor.get("/account/")
        return sum("UPDATE" in query["sql"] for query in seen.captured_queries)

    clock.shift(30)
    assert writes() == 0
    clock.shift(30)
    assert writes() == 1
    assert writes() == 0


def test_rows_of_ended_sessions_are_deleted_at_the_next_sign_in(
    visitor: Client, clock: Any, lead: User
) -> None:
    clock.shift(13 * HOUR)
    sign_in(Client(), "lead", PASSWORD)

    assert Session.objects.count() == 1


def test_a_session_without_recorded_times_has_ended(visitor: Client) -> None:
    session = visitor.session
    del session["began"]
    session.save()

    assert not is_signed_in(visitor)


def test_text_typed_after_the_session_ended_is_kept_and_saved_after_signing_in(
    visitor: Client, clock: Any, sandbox: Any
) -> None:
    form = ticket_form(visitor.get("/tickets/ABCXYZ1234/"))
    clock.shift(2 * HOUR)

    typed = form.filled(ticket_title="Sau giờ nghỉ")
    answer = visitor.post("/tickets/ABCXYZ1234/draft/", typed, headers=SCRIPT)

    assert (answer.status_code, answer.json()["kept"]) == (401, True)
    assert sign_in(visitor, "staff", PASSWORD, headers=SCRIPT).json()["person"]
    assert "Sau giờ nghỉ" in visitor.get("/tickets/ABCXYZ1234/").content.decode()
    assert Draft.objects.count() == 1


def test_signing_out_everywhere_ends_every_session_of_the_user(
    staff: User, lead: User, client_of: Callable[[User], Client]
) -> None:
    here, elsewhere, colleague = client_of(staff), client_of(staff), client_of(lead)

    answer = here.post("/sign-out/everywhere/", follow=True)

    assert "You are signed out on every device." in answer.content.decode()
    assert not is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(colleague)
    assert sign_in(elsewhere, "staff", PASSWORD).status_code == 302


def test_changing_the_password_ends_the_other_sessions(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    here, elsewhere = client_of(staff), client_of(staff)
    chosen = "another-long-password-2"

    answer = here.post(
        "/password/",
        {"old_password": PASSWORD, "new_password1": chosen, "new_password2": chosen},
        follow=True,
    )

    assert "Your password was changed. Your other sessions have ended." in answer.content.decode()
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


def test_signing_out_ends_the_session_on_the_server_too(visitor: Client) -> None:
    stolen = visitor.cookies["sessionid"].value
    visitor.post("/sign-out/")

    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_signed_in(thief)


def test_the_account_page_shows_the_user(visitor: Client) -> None:
    page = visitor.get("/account/").content.decode()

    assert "Trần" in page
    assert "Staff" in page
    assert "Sign out everywhere" in page


def _away(_execute: Any, _sql: str, _params: Any, _many: bool, _context: Any) -> Any:
    raise OperationalError("server closed the connection unexpectedly")


def _signed_out_elsewhere(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    context["cursor"].cursor.execute("DELETE FROM django_session")
    return execute(sql, params, many, context)


@pytest.mark.parametrize(("happens", "status"), [(_away, 503), (_signed_out_elsewhere, 400)])
def test_a_failed_session_write_after_a_save_reports_the_save_truthfully(
    happens: Callable[..., Any], status: int, visitor: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(visitor.get("/tickets/ABCXYZ1234/")).filled(ticket_title="Tiêu đề mới")

    def fail_on_session_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_it = sql.startswith('UPDATE "django_session"')
        return happens(execute, sql, params, many, context) if is_it else execute(sql, params, many, context)

    visitor.raise_request_exception = False
    with connection.execute_wrapper(fail_on_session_write):
        page = visitor.post("/tickets/ABCXYZ1234/", form)

    assert page.status_code == status
    assert len(sandbox.puts("ABCXYZ1234")) == 1
    assert Change.objects.get().outcome == "verified"
    assert "history" in page.content.decode()
    assert "Nothing was changed" not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/snippets/new/", {"then": "more"}),
        ("/recipes/7/delete/", {}),
        ("/bulk/new/", {"view": "3"}),
        ("/tickets/TK240001/status/", {"status": "Mới"}),
    ],
)
def test_a_post_after_the_session_ended_is_not_dropped_silently(path: str, typed: dict[str, str]) -> None:
    shown = Client().post(path, typed, follow=True).content.decode()

    assert "Your session had ended, so nothing was sent or stored." in shown
