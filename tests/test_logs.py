"""Logs: each fact in its field, nothing private, and no secret in any part of a record."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox
from ticketadmin.logs import JsonFormatter, SafeFormatter, SafeRecord, _key_in, event, without_secrets
from ticketadmin.models import IdentitySource, Role, User

CODE = "ABCXYZ1234"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a JSON log holds after a test's requests."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(SafeRecord())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def records(lines: io.StringIO, name: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [one for one in found if one.get("event") == name]


def test_a_save_is_one_request_three_calls_and_one_outcome_in_the_log(
    lines: io.StringIO, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(staff)
    form = ticket_form(client.get(f"/tickets/{CODE}/"))
    lines.seek(0)
    lines.truncate()
    secret = "Riêng tư 0912345678 khach@example.com"
    client.post(f"/tickets/{CODE}/", form.filled(ticket_title=secret))

    [request] = records(lines, "request")
    [save] = records(lines, "save")
    calls = records(lines, "remote_call")
    assert (request["route"], request["status"], request["ticket"]) == ("ticket", 303, CODE)
    assert request["user"] == staff.pk
    assert (save["outcome"], save["ticket"], save["user"]) == ("verified", CODE, staff.pk)
    assert [call["method"] for call in calls] == ["GET", "PUT", "GET"]
    assert {one["request_id"] for one in [request, save, *calls]} == {request["request_id"]}
    assert "Riêng tư" not in lines.getvalue()
    assert "0912345678" not in lines.getvalue()
    assert "khach@example.com" not in lines.getvalue()


def test_enum_members_are_logged_by_their_values(caplog: pytest.LogCaptureFixture) -> None:
    """Of a container too, whose text would hold their representation like <IdentitySource.LOCAL: 'local'>."""
    caplog.set_level(logging.INFO)

    event(
        logging.getLogger("ticketadmin.test"),
        "audit",
        via=IdentitySource.OIDC,
        held={"source": IdentitySource.LOCAL, "of": [Role.LEAD]},
    )

    assert caplog.messages == ['audit via=oidc held={"source":"local","of":["lead"]}']


@pytest.mark.parametrize("formatter", [SafeFormatter("{message}", style="{"), JsonFormatter()])
def test_no_part_of_a_record_holds_the_key(formatter: logging.Formatter, settings: LazySettings) -> None:
    settings.TICKET_API_KEY = KEY
    logger = logging.Logger("test")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(SafeRecord())
    logger.addHandler(handler)

    try:
        raise ValueError(f"header X-API-KEY: {KEY}")
    except ValueError:
        logger.exception("failed with %s", KEY)
    event(logger, "call", reason=f"key {KEY}")

    assert KEY not in stream.getvalue()
    assert "•••" in stream.getvalue()


def test_a_key_from_a_file_is_masked_too(settings: LazySettings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "key"
    file.write_text("another-key-from-a-file-0123456789")
    settings.TICKET_API_KEY, settings.TICKET_API_KEY_FILE = "", str(file)
    _key_in(str(file)).reveal()

    assert "another-key" not in without_secrets("sent another-key-from-a-file-0123456789 to the CRM")


def test_input_cannot_start_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        event(logging.getLogger("x"), "request", ticket="A\n2026-01-01 ERROR forged", route="a b")

    assert "\n" not in caplog.messages[-1]
    assert caplog.messages[-1] == 'request ticket="A\\n2026-01-01 ERROR forged" route="a b"'
