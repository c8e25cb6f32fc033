"""Whatever the CRM does and whatever page is requested, the key appears nowhere: with DEBUG off and on.

Two installations run as in production, each a web server and a worker with a log of everything: one has the
key in its environment and is on SQLite, one has it in a file and is on PostgreSQL. The CRM misbehaves in
every way of the fault table and puts the key into its answers, in saves and in a bulk update; then every
page is requested as an administrator, and the product itself fails. Pages, downloads, logs and databases are
searched.
"""

import contextlib
import json
import logging
import os
import sqlite3
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.http import HttpRequest
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from tests.browsing import Visitor
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.pages import PageForm
from tests.prepared import Database, postgres_database
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.views.test_access import ADMIN, OWN, Route
from tests.views.test_remote_behaviour import BEHAVIOURS, CODE, TITLE, Behaviour
from ticketadmin.services.crm.connection import get_api
from ticketadmin.ticketapi.errors import TicketApiError

TOKEN = "metrics-token-0123456789"
AT_ONCE = 4  # most faults are waited for
HANGS = {"hang", "drip"}  # as long as patience lasts is enough
ECHO = {"message": f"bad key {KEY}", "errors": {"ticket_title": [f"X-API-KEY: {KEY}"]}}
REFLECTED = {"status": 500, "body": ECHO}
WRITING = [one for one in BEHAVIOURS if not one.url and one.method == "PUT"]
READING = [one for one in BEHAVIOURS if not one.url and one.method == "GET"]
ELSEWHERE = [one for one in BEHAVIOURS if one.url]
VALUES = {
    "<code:code>": CODE,
    "<id>": "1",
    "<path:object_id>": "1",
    "<int:view>": "1",
    "<uidb64>": "MQ",
    "<token>": "x",
}


@dataclass
class Installation:
    """A web server with a worker, a CRM and a database; `database` is PostgreSQL's address, "" is SQLite."""

    server: LiveServer
    crm: Sandbox
    visitor: Visitor
    database: str

    def execute(self, statement: str) -> None:
        """Change the database behind the product's back."""
        file = self.server.data / "ticketadmin.sqlite3"
        opened = psycopg.connect(self.database) if self.database else sqlite3.connect(file, timeout=20)
        with contextlib.closing(opened) as connection, connection:
            connection.execute(statement)

    def restart(self, crm_url: str) -> None:
        """Point the web server to another CRM address, and forget that the last one was down."""
        self.execute("DELETE FROM ticketadmin_remotesnapshot WHERE name = 'circuit'")
        self.server.environment["TICKET_API_URL"] = crm_url
        self.server.stop_serving()
        self.server.start()

    def kept(self) -> dict[str, bytes]:
        """Return everything in its folder and its database."""
        files = {path.name: path.read_bytes() for path in self.server.data.rglob("*") if path.is_file()}
        return files | (rows_of(self.database) if self.database else {})


def rows_of(database: str) -> dict[str, bytes]:
    """Return the rows of each table, with bytes as they are."""
    with psycopg.connect(database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}  # type: ignore[call-overload] # noqa: S608 - names from the database itself
    return {name: repr(found).encode() for name, found in rows.items()}


@contextlib.contextmanager
def postgres() -> Iterator[Database | None]:
    """Make a database on the server that TEST_DATABASE_URL names, where there is one; CI has one."""
    address = os.environ.get("TEST_DATABASE_URL", "")
    if not address:
        assert not os.environ.get("REQUIRE_POSTGRES")
        yield None
        return
    with postgres_database(address) as database:
        yield database


@contextlib.contextmanager
def running(folder: Path, database: Database | None, **settings: str) -> Iterator[Installation]:
    crm = SandboxProcess(folder / "crm.sqlite3", tickets=120)
    (folder / "data").mkdir()
    server = LiveServer(
        folder / "data", crm.url, database=database,
        LOG_LEVEL="DEBUG", METRICS_TOKEN=TOKEN, TICKET_API_TIMEOUT="1.5", **settings,
    )  # fmt: skip
    worker, visitor = LiveWorker(server), Visitor(server, "admin")
    yield Installation(server, Sandbox(crm.url), visitor, database.url if database else "")
    visitor.close()
    worker.stop()
    server.stop()
    crm.stop()


@pytest.fixture(params=["DEBUG off, key in the environment", "DEBUG on, key in a file, PostgreSQL"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    with contextlib.ExitStack() as stack:
        if request.param.startswith("DEBUG off"):
            yield stack.enter_context(running(tmp_path, None, DEBUG="0"))
            return
        file = tmp_path / "key"
        file.write_text(f"{KEY}\n", encoding="utf-8")
        key = {"TICKET_API_KEY": "", "TICKET_API_KEY_FILE": str(file)}
        yield stack.enter_context(running(tmp_path, stack.enter_context(postgres()), DEBUG="1", **key))


@pytest.mark.slow
def test_key_leak_over_the_whole_fault_table(installed: Installation) -> None:
    codes = iter([code for code in installed.crm.codes() if code.startswith("TK2")])
    answers = bulk_update(installed, [next(codes) for _number in range(8)])
    answers += saves_that_fail(installed, codes)
    forms = {code: installed.visitor.form(code) for code in (next(codes) for _one in ELSEWHERE)}
    answers += every_page(installed)
    answers += broken_pages(installed)
    answers += with_the_crm_unreachable(installed, forms)

    assert len(answers) > 2 * len(BEHAVIOURS)
    pages = [f"{answer.url}\n{answer.headers}\n{answer.text}" for answer in answers]
    assert [page[:300] for page in pages if KEY in page] == []
    assert any("•••" in page for page in pages)  # where the CRM put it
    kept = installed.kept()
    assert [name for name, content in kept.items() if KEY.encode() in content] == []
    assert b"remote_call" in kept["worker.log"]
    assert (
        {"ticketadmin_change"} <= set(kept)
        if installed.database
        else {"ticketadmin.sqlite3-wal"} <= set(kept)
    )


def bulk_update(installed: Installation, codes: list[str]) -> list[requests.Response]:
    """Let a worker write to tickets of which most fail, and request every page about the run."""
    for code, status in zip(codes, (400, 403, 404, 422, 500, 200), strict=False):
        installed.crm.fault("status", code=code, method="PUT", times=None, status=status, body=ECHO)
    installed.crm.fault("status", code=codes[6], method="GET", **REFLECTED)
    lead = Lead(installed.server, "admin")
    path = lead.run(codes, emergency_phone="0909 111 222")
    assert {"rejected", "verified"} <= set(lead.outcomes(path).values())
    answers = [lead.visitor.get(path + part) for part in ("", "progress/", "results.csv")]
    lead.close()
    return answers


def saves_that_fail(installed: Installation, codes: Iterator[str]) -> list[requests.Response]:
    """Save a ticket of its own under each behaviour of the table."""
    own_code = {behaviour.name: next(codes) for behaviour in WRITING + READING}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: save_during(one, installed, own_code[one.name]), WRITING))
    for behaviour in READING:
        answers.append(save_during(behaviour, installed, own_code[behaviour.name]))
        installed.execute("DELETE FROM ticketadmin_crmsnapshot WHERE name = 'reading'")
        installed.execute("DELETE FROM ticketadmin_remotesnapshot WHERE name = 'circuit'")
    seen = [(entry.method, entry.code) for entry in installed.crm.log()]
    assert [one.name for one in WRITING if ("PUT", own_code[one.name]) not in seen] == []
    assert [one.name for one in READING if seen.count(("GET", own_code[one.name])) < 2] == []
    return answers


def save_during(behaviour: Behaviour, installed: Installation, code: str) -> requests.Response:
    """Save a ticket while the CRM behaves like this, with the key in its answers."""
    form = installed.visitor.form(code)
    installed.crm.fault(
        behaviour.kind,
        code=code,
        method=behaviour.method,
        times=behaviour.times,
        after=behaviour.after,
        **with_key(behaviour),
    )
    return installed.visitor.post(f"/tickets/{code}/", form.filled(ticket_title=TITLE), follow=True)


def with_key(behaviour: Behaviour) -> dict[str, Any]:
    """Return the behaviour's options with the key in the body, a header, and the address of a redirect."""
    own = behaviour.options
    body = own.get("body", {"error" if behaviour.kind == "error_in_success" else "message": "Lỗi"})
    echoes = {"body": echoed(body), "headers": {"X-Echo": KEY, **own.get("headers", {})}}
    patience = {"seconds": 2} if behaviour.kind in HANGS else {}
    return {**own, **echoes, **patience, "location": f"http://127.0.0.1:9/?key={KEY}"}


def echoed(value: Any) -> Any:
    """Return JSON with the key in each of its texts; an empty one stays empty."""
    if isinstance(value, dict):
        return {name: echoed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [echoed(one) for one in value]
    return f"{value} {KEY}" if value and value != CODE and isinstance(value, str) else value


def with_the_crm_unreachable(installed: Installation, forms: dict[str, PageForm]) -> list[requests.Response]:
    """Save tickets while nothing listens at the CRM's address."""
    answers = []
    for behaviour, (code, form) in zip(ELSEWHERE, forms.items(), strict=True):
        plain = installed.crm.url
        installed.restart(plain.replace("http:", "https:") if behaviour.url == "https" else behaviour.url)
        answer = installed.visitor.post(f"/tickets/{code}/", form.filled(ticket_title=TITLE))
        assert answer.status_code == behaviour.read.status, behaviour.name
        answers.append(answer)
    return answers


def every_page(installed: Installation) -> list[requests.Response]:
    """Request every route without a uuid, the metrics with their token, and a page that does not exist."""
    routes = [route for route in [*OWN, *ADMIN] if route.name not in {"sign_out", "logout"}]
    addresses = [*filter(None, map(_filled, routes)), "/nowhere/"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(installed.visitor.get, addresses))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    metrics = requests.get(f"{installed.server.url}/metrics", headers=headers, timeout=10)
    assert metrics.status_code == 200
    return [*answers, metrics]


def _filled(route: Route) -> str:
    address = route.address
    for placeholder, value in VALUES.items():
        address = address.replace(placeholder, value)
    return "" if "<" in address or "$" in address else f"/{address}"


def broken_pages(installed: Installation) -> list[requests.Response]:
    """Break the product itself, so that page and log report an error of its own: with DEBUG on, in full."""
    installed.execute("UPDATE ticketadmin_crmsnapshot SET value = '[7]' WHERE name = 'statuses'")
    answer = installed.visitor.get(f"/tickets/{CODE}/")
    installed.execute("DELETE FROM ticketadmin_crmsnapshot WHERE name = 'statuses'")
    assert answer.status_code == 500
    return [answer]


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
    found = [text[max(0, text.index(KEY) - 150) : text.index(KEY) + 50] for text in texts if KEY in text]
    assert found == []


def test_key_leak_in_what_the_client_says_of_itself(sandbox: Sandbox, db: None) -> None:
    client = get_api()

    assert KEY not in repr(client) + str(client) + json.dumps(vars(client), default=repr)
