"""Whatever the CRM does: the outcome on record, our answer, the PUTs sent, and nothing lost or leaked.

Each row is one behaviour of the remote side, tried in read mode and in update-only mode.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox
from ticketadmin.models import Change, User
from ticketadmin.ticketapi.replies import ERRORS

CODE = "ABCXYZ1234"
TITLE = "Tiêu đề đã gõ <b>& giữ lại</b>"
NOTHING = "Nothing was changed in the CRM."
PERHAPS = "It is not known whether the CRM was changed."
NO_RECORD = None


@dataclass(frozen=True)
class Expected:
    """The expected result of a save: recorded outcome, our status, PUTs that reached the CRM, texts shown."""

    outcome: str | None
    status: int
    puts: int = 1
    words: str = ""


@dataclass(frozen=True)
class Behaviour:
    """One way in which the CRM answers a PUT (or, with `method`, another request)."""

    name: str
    read: Expected
    update_only: Expected
    kind: str = "status"
    method: str = "PUT"
    times: int | None = None
    after: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    url: str = ""

    @property
    def takes_too_long(self) -> bool:
        """Return whether the time-out ends it."""
        return self.kind in {"hang", "drip"} or self.url == "https"


def answer(
    name: str, status: int, read: Expected, update_only: Expected | None = None, **more: Any
) -> Behaviour:
    options = {key: more.pop(key) for key in ("body", "headers", "content_type") if key in more}
    return Behaviour(name, read, update_only or read, options={"status": status, **options}, **more)


def rejected(status: int, puts: int = 1, words: str = NOTHING) -> Expected:
    return Expected("rejected", status, puts, words)


def unknown(status: int, puts: int = 1) -> Expected:
    return Expected("unknown", status, puts, PERHAPS)


def not_applied(status: int, puts: int = 1) -> Expected:
    return Expected("not_applied", status, puts, NOTHING)


VERIFIED = Expected("verified", 303)
SENT = Expected("not_readable", 303)
FIELD_ERROR = {"errors": {"status_name": "trạng thái này không dùng được"}}
FIELD_ERRORS = {"errors": {"ticket_title": ["tiêu đề bị cấm", "hãy sửa"]}}
PAGE = "<html><head><title>x</title><style>p{}</style></head><p>Bad request here</p></html>"

BEHAVIOURS = [
    answer("400 with a message", 400, rejected(422, words="Lỗi 400")),
    answer("400 naming a field", 400, rejected(422, words="trạng thái này không dùng được"), body=FIELD_ERROR),
    answer("400 naming a field twice", 400, rejected(422, words="hãy sửa"), body=FIELD_ERRORS),
    answer("400 with msg", 400, rejected(422, words="từ msg"), body={"msg": "từ msg"}),
    answer("400 with error", 400, rejected(422, words="từ error"), body={"error": "từ error"}),
    answer("400 as an HTML page", 400, rejected(422, words="Bad request here"), body=PAGE, content_type="text/html"),
    answer("400 as text", 400, rejected(422, words="chỉ là chữ"), body="chỉ là chữ", content_type="text/plain"),
    answer("400 naming a field that no form has", 400, rejected(422, words="chi nhánh"), body={"errors": {"branch": ["chi nhánh?"]}}),
    answer("400 without a body", 400, rejected(422), body=""),
    answer("401", 401, rejected(503, words="does not accept this tool&#x27;s key")),
    answer("403", 403, rejected(403)),
    answer("404", 404, rejected(404)),
    answer("405", 405, rejected(403)),
    answer("409", 409, rejected(409)),
    answer("418, an unknown status", 418, rejected(422)),
    answer("422 naming a field", 422, rejected(422, words="hãy sửa"), body=FIELD_ERRORS),
    answer("423", 423, rejected(423)),
    answer("429 always", 429, rejected(429, puts=4), headers={"Retry-After": "0"}),
    answer("429 without Retry-After", 429, Expected("verified", 303, 2), Expected("not_readable", 303, 2), times=1),
    answer("429, wait an hour", 429, rejected(429), headers={"Retry-After": "3600"}),
    answer("429 with an unreadable Retry-After", 429, Expected("verified", 303, 2), Expected("not_readable", 303, 2), times=1, headers={"Retry-After": "soon"}),
    answer("500, nothing stored", 500, not_applied(502), unknown(502)),
    answer("500, yet stored", 500, VERIFIED, unknown(502), after=True),
    answer("502, nothing stored", 502, unknown(502)),
    answer("502, yet stored", 502, VERIFIED, unknown(502), after=True),
    answer("503 that asks to wait", 503, Expected("verified", 303, 2), Expected("not_readable", 303, 2), times=1, headers={"Retry-After": "0"}),
    answer("503, nothing stored", 503, unknown(502)),
    answer("503 of a proxy, yet stored", 503, VERIFIED, unknown(502), after=True),
    answer("503 with an unreadable Retry-After", 503, unknown(502), headers={"Retry-After": "soon"}),
    answer("503 that always asks to wait", 503, not_applied(503, puts=4), unknown(503, puts=4), headers={"Retry-After": "0"}),
    answer("504, nothing stored", 504, unknown(504)),
    answer("504, yet stored", 504, VERIFIED, unknown(504), after=True),
    answer("520 of a proxy", 520, unknown(502)),
    answer("524 of a proxy, yet stored", 524, VERIFIED, unknown(502), after=True),
    answer("200 with 'errors' by field", 200, not_applied(502), unknown(502), body=FIELD_ERRORS),
    answer("200 with a list", 200, VERIFIED, SENT, body=[], after=True),
    answer("200 with a number", 200, not_applied(502), unknown(502), body=7),
    answer("201 as promised", 201, VERIFIED, SENT, after=True, body={"data": {"ticket_code": CODE}}),
    Behaviour("redirect", not_applied(502), unknown(502), "redirect"),
    Behaviour("oversized reply", not_applied(502), unknown(502), "oversized"),
    Behaviour("oversized reply, yet stored", VERIFIED, unknown(502), "oversized", after=True),
    Behaviour("text instead of JSON", not_applied(502), unknown(502), "not_json"),
    Behaviour("a sign-in page, yet stored", VERIFIED, unknown(502), "html", after=True),
    Behaviour("empty success", not_applied(502), unknown(502), "empty"),
    Behaviour("bytes that are not text", not_applied(502), unknown(502), "bytes"),
    Behaviour("error in a success", not_applied(502), unknown(502), "error_in_success"),
    Behaviour("success about another ticket", not_applied(502), unknown(502), "other_ticket"),
    Behaviour("success without a code", VERIFIED, SENT, "no_code", after=True),
    Behaviour("reset before it was stored", unknown(502), unknown(502), "reset"),
    Behaviour("reset after it was stored", VERIFIED, unknown(502), "reset", after=True),
    Behaviour("closed without an answer", unknown(502), unknown(502), "close"),
    Behaviour("half a body", VERIFIED, unknown(502), "half_body", after=True),
    Behaviour("no answer in time", unknown(504), unknown(504), "hang", options={"seconds": 5}),
    Behaviour("an answer that trickles in", VERIFIED, unknown(504), "drip", after=True, options={"seconds": 0.2}),
    Behaviour("accepted, but nothing stored", Expected("not_applied", 409, 1, "kept the old value"), SENT, "ignore_write"),
    Behaviour("accepted, but one field dropped", Expected("not_applied", 409, 1, "kept the old value"), SENT, "ignore_field", options={"field": "status_name"}),
    Behaviour("stored in another spelling", Expected("stored_differently", 303), SENT, "store_differently", options={"field": "ticket_title", "value": "KHÁC"}),
    Behaviour("other fields emptied", VERIFIED, SENT, "wipe_field", options={"field": "*"}),
    Behaviour("connection refused", Expected(NO_RECORD, 503, 0, NOTHING), rejected(503, puts=0), url="http://127.0.0.1:9"),
    Behaviour("name not found", Expected(NO_RECORD, 503, 0, NOTHING), rejected(503, puts=0), url="https://ticket-api.invalid"),
    Behaviour("no TLS where it should be", Expected(NO_RECORD, 504, 0, NOTHING), rejected(504, puts=0), url="https"),
    # the fresh read and the read-back; update-only mode makes neither
    Behaviour("reading breaks", Expected(NO_RECORD, 502, 0, NOTHING), SENT, method="GET", options={"status": 500}),
    Behaviour("reading hangs", Expected(NO_RECORD, 504, 0, NOTHING), SENT, "hang", method="GET", options={"seconds": 5}),
    Behaviour("reading is refused now", Expected(NO_RECORD, 409, 0, NOTHING), SENT, method="GET", options={"status": 403}),
    Behaviour("ticket is gone", Expected(NO_RECORD, 404, 0, NOTHING), SENT, method="GET", options={"status": 404}),
    Behaviour("key refused when reading", Expected(NO_RECORD, 503, 0, NOTHING), SENT, method="GET", options={"status": 401}),
    Behaviour("reading is no JSON", Expected(NO_RECORD, 502, 0, NOTHING), SENT, "html", method="GET"),
]  # fmt: skip

# What update-only mode answers like the other one is tried in it by the slow group alone.
EACH_IN_BOTH_MODES = [
    pytest.param(one, mode, id=f"{one.name}-{mode}", marks=marks)
    for one in BEHAVIOURS
    for mode, marks in (
        ("read", []),
        ("update_only", [pytest.mark.slow] if one.update_only == one.read else []),
    )
]


def test_table_has_at_least_forty_behaviours() -> None:
    assert len({one.name for one in BEHAVIOURS}) >= 40


def test_table_has_every_status_with_an_error_of_its_own() -> None:
    assert set(ERRORS) - {one.options.get("status") for one in BEHAVIOURS} == set()


@pytest.mark.parametrize(("behaviour", "mode"), EACH_IN_BOTH_MODES)
def test_each_remote_behaviour_is_reported_truthfully_and_loses_nothing(
    behaviour: Behaviour,
    mode: str,
    sandbox: Sandbox,
    staff: User,
    client_of: Callable[[User], Client],
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.TICKET_API_TIMEOUT = 2 if behaviour.takes_too_long else 20  # a busy machine is slow, not wrong
    settings.TICKET_API_READ = "off" if mode == "update_only" else "auto"
    expected: Expected = getattr(behaviour, mode)
    client = client_of(staff)
    form = ticket_form(client.get(f"/tickets/{CODE}/"))
    typed = form.filled(ticket_title=TITLE, status_name="Đang xử lý")
    misbehave(behaviour, sandbox, settings)
    sandbox.forget_log()

    response = client.post(f"/tickets/{CODE}/", typed)

    page = response.content.decode()
    change = Change.objects.first()
    assert (change.outcome if change else NO_RECORD) == expected.outcome
    assert response.status_code == expected.status
    assert len(sandbox.puts()) == expected.puts
    if expected.status != 303:
        assert expected.words in page
        assert ("the marked fields" in page) == ("aria-invalid" in page)
        sent_again = ticket_form(response).values
        assert sent_again["ticket_title"] == [TITLE]
        assert sent_again["status_name"] == ["Đang xử lý"]
        assert sent_again["submission"] != form.values["submission"]
    assert_no_key(page, caplog.text, everything_in_the_database())


def misbehave(behaviour: Behaviour, sandbox: Sandbox, settings: Any) -> None:
    if behaviour.url == "https":
        settings.TICKET_API_URL = sandbox.url.replace("http://", "https://")
    elif behaviour.url:
        settings.TICKET_API_URL = behaviour.url
    else:
        sandbox.fault(
            behaviour.kind,
            code=CODE,
            method=behaviour.method,
            times=behaviour.times,
            after=behaviour.after,
            **behaviour.options,
        )


def everything_in_the_database() -> str:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        parts = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names from the database itself
            parts.append(repr(cursor.fetchall()))
    return "\n".join(parts)


def assert_no_key(*texts: str) -> None:
    for text in texts:
        assert KEY not in text
