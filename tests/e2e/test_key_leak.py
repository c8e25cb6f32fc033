"""Whatever the CRM does and whatever page is asked for, the key appears nowhere: with DEBUG off and on.

Two servers run as in earnest, with a log of everything and a database file; the CRM misbehaves in every
way of the fault table, and reflects the key; then every page is asked for as an administrator, and log,
pages, database file and its journal are searched, byte by byte.
"""

import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.http import HttpRequest
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from tests.browsing import Visitor
from tests.live import LiveServer
from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.views.test_access import ADMIN, OWN, Route
from tests.views.test_remote_behaviour import BEHAVIOURS, CODE, TITLE, Behaviour
from ticketadmin.services.connection import get_api
from ticketadmin.ticketapi.errors import TicketApiError

TOKEN = "metrics-token-0123456789"
HANGS = {"hang", "drip"}  # for ever; one of each is enough
REFLECTED = {
    "status": 500,
    "body": {"message": f"bad key {KEY}", "errors": {"ticket_title": [f"X-API-KEY: {KEY}"]}},
}
BY_FAULT = [one for one in BEHAVIOURS if not one.url]
VALUES = {
    "<code:code>": CODE,
    "<id>": "1",
    "<path:object_id>": "1",
    "<int:view>": "1",
    "<uidb64>": "MQ",
    "<token>": "x",
}


@pytest.fixture(scope="module", params=["0", "1"], ids=["DEBUG off", "DEBUG on"])
def server(
    request: pytest.FixtureRequest, sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    started = LiveServer(
        tmp_path_factory.mktemp("leak"), sandbox_process.url,
        DEBUG=request.param, LOG_LEVEL="DEBUG", METRICS_TOKEN=TOKEN, TICKET_API_TIMEOUT="0.4",
    )  # fmt: skip
    yield started
    started.stop()


def test_key_leak_over_the_whole_fault_table(server: LiveServer) -> None:
    sandbox = Sandbox(server.environment["TICKET_API_URL"])
    sandbox.reset()
    visitor = Visitor(server, "admin")
    pages: list[str] = []
    for behaviour in BY_FAULT:
        pages += [answer.text for answer in misbehaving(behaviour, sandbox, visitor)]
    pages += [answer.text for answer in every_page(server, visitor)]
    visitor.close()

    assert len(pages) > 2 * len(BY_FAULT)
    assert [page[:200] for page in pages if KEY in page] == []
    assert any("•••" in page for page in pages)  # where the CRM reflected it
    assert KEY not in server.log.read_text("utf-8", "replace")
    assert "remote_call" in server.log.read_text("utf-8", "replace")
    files = [path for path in server.data.rglob("*") if path.is_file()]
    assert {"ticketadmin.sqlite3", "ticketadmin.sqlite3-wal"} <= {path.name for path in files}
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


def misbehaving(behaviour: Behaviour, sandbox: Sandbox, visitor: Visitor) -> Iterator[requests.Response]:
    """Open and save a ticket while the CRM misbehaves, and once more while it reflects the key."""
    sandbox.forget_faults()
    form = ticket_form(visitor.get(f"/tickets/{CODE}/?read=off"))
    options = behaviour.options | ({"seconds": 0.6} if behaviour.kind in HANGS else {})
    sandbox.fault(
        behaviour.kind,
        code=CODE,
        method=behaviour.method,
        times=behaviour.times,
        after=behaviour.after,
        **options,
    )
    yield visitor.post(f"/tickets/{CODE}/", form.filled(ticket_title=TITLE))
    sandbox.forget_faults()
    sandbox.fault("status", code=CODE, times=None, method=behaviour.method, **{**REFLECTED, "status": 422})
    yield visitor.post(f"/tickets/{CODE}/", form.filled(ticket_title=TITLE + behaviour.name))
    yield visitor.get(f"/tickets/{CODE}/")


def every_page(server: LiveServer, visitor: Visitor) -> Iterator[requests.Response]:
    """Ask for every route that takes no uuid, the metrics with their token, and a page that is not there."""
    for route in [*OWN, *ADMIN]:
        if route.name not in {"sign_out", "logout"} and (address := _filled(route)):
            yield visitor.get(address)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    metrics = requests.get(f"{server.url}/metrics", headers=headers, timeout=10)
    assert metrics.status_code == 200
    yield metrics
    yield visitor.get("/nowhere/")
    yield visitor.get(
        "/tickets/",
    )


def _filled(route: Route) -> str:
    address = route.address
    for placeholder, value in VALUES.items():
        address = address.replace(placeholder, value)
    return "" if "<" in address or "$" in address else f"/{address}"


def failing_call(sandbox: Sandbox) -> BaseException:
    """Return an error from deep within a call to the CRM, with the frames that led there."""
    sandbox.fault("status", code=CODE, times=None, **REFLECTED)
    try:
        get_api().get_ticket(CODE)
    except TicketApiError as error:
        return error
    raise AssertionError("the CRM answered")


def frames_of(error: BaseException) -> Iterator[dict[str, Any]]:
    while error:
        for frame, _line in traceback.walk_tb(error.__traceback__):
            yield frame.f_locals
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


@pytest.mark.parametrize("debug", [False, True], ids=["DEBUG off", "DEBUG on"])
def test_key_leak_in_error_reports_and_tracebacks_with_locals(
    debug: bool, sandbox: Sandbox, settings: Any, db: None, mailoutbox: list[Any]
) -> None:
    settings.DEBUG = debug
    settings.ADMINS = [("A", "a@example.com")]
    error = failing_call(sandbox)
    request = HttpRequest()
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    info = (type(error), error, error.__traceback__)
    reporter = ExceptionReporter(request, *info)  # type: ignore[arg-type]
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "failed", (), info)  # type: ignore[arg-type]
    record.request = request
    AdminEmailHandler(include_html=True).emit(record)

    texts = [
        *(reporter.get_traceback_html(), reporter.get_traceback_text(), repr(error), str(error)),
        *(repr(frame) for frame in frames_of(error)),
        "".join(traceback.TracebackException(*info, capture_locals=True).format()),  # type: ignore[arg-type]
        *(mail.body + str(mail.alternatives) for mail in mailoutbox),
    ]

    assert len(texts) > 6
    assert [text[:300] for text in texts if KEY in text] == []


def test_key_leak_in_what_the_client_says_of_itself(sandbox: Sandbox, db: None) -> None:
    client = get_api()

    assert KEY not in repr(client) + str(client) + json.dumps(vars(client), default=repr)
