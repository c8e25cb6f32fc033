"""The API key over the whole table of failures, DEBUG off and on: nothing that is kept or shown holds it.

The product runs in processes of its own, so that what is searched is what would really be there: the
database's files as bytes, the log, every page, the metrics, the administration, downloads, error reports.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from tests.browsing import Visitor
from tests.live import LiveServer
from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.views.test_remote_behaviour import BEHAVIOURS
from ticketadmin.logs import SafeFormatter
from ticketadmin.services.connection import forget_api, get_api
from ticketadmin.ticketapi.errors import TicketApiError

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
TOKEN = "a-long-metrics-token-0123456789"
FAULTS = [one for one in BEHAVIOURS if not one.url and one.kind != "hang"]


@pytest.fixture(scope="module", params=["0", "1"], ids=["DEBUG off", "DEBUG on"])
def server(
    request: pytest.FixtureRequest, sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    started = LiveServer(
        tmp_path_factory.mktemp("leak"),
        sandbox_process.url,
        DEBUG=request.param,
        METRICS_TOKEN=TOKEN,
        TICKET_API_TIMEOUT="0.4",
        LOG_LEVEL="DEBUG",
    )
    yield started
    started.stop()


def test_nothing_that_is_kept_or_shown_holds_the_key(
    server: LiveServer, sandbox_process: SandboxProcess
) -> None:
    crm = Sandbox(sandbox_process.url)
    staff, administrator = Visitor(server), Visitor(server, "admin")
    shown: list[str] = []
    for behaviour in FAULTS:
        crm.reset()
        form = staff.form(CODE)
        crm.fault(
            behaviour.kind,
            code=CODE,
            method=behaviour.method,
            times=behaviour.times,
            after=behaviour.after,
            **behaviour.options,
        )
        shown.append(staff.post(URL, form.filled(ticket_title=behaviour.name)).text)
        shown.append(staff.get(URL).text)
    crm.reset()
    token = ticket_form(administrator.get(URL)).values["csrfmiddlewaretoken"]
    shown.append(administrator.post("/connection/", {"csrfmiddlewaretoken": token}, follow=True).text)
    for path in (
        "/history/",
        "/history/changes.csv",
        "/admin/",
        "/admin/ticketadmin/change/",
        "/nowhere/",
        "/bulk/",
    ):
        shown.append(administrator.get(path).text)
    metrics = staff.session.get(
        f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    shown.append(metrics.text)
    shown.append(server.manage("check_api"))
    for visitor in (staff, administrator):
        visitor.close()

    assert len(FAULTS) > 30
    assert metrics.status_code == 200
    assert [page[:200] for page in shown if KEY in page] == []
    assert KEY not in server.log.read_text(errors="replace")
    assert files_with_the_key(server.data) == []


def files_with_the_key(folder: Path) -> list[str]:
    """Return the product's files whose bytes hold the key: the database, its log of writes, anything else."""
    with sqlite3.connect(folder / "ticketadmin.sqlite3") as database:
        assert database.execute("SELECT COUNT(*) FROM ticketadmin_change").fetchone()[0] > 20
    files = [path for path in folder.rglob("*") if path.is_file() and "static" not in path.parts]
    assert len(files) > 2
    return [path.name for path in files if KEY.encode() in path.read_bytes()]


@pytest.fixture
def failure(db: None, sandbox: Sandbox) -> BaseException:
    """A failed call as our code meets it, with its traceback and everything in its frames."""
    forget_api()
    sandbox.fault("status", times=None, status=401)
    try:
        get_api().update_ticket(CODE, {"ticket_title": "x"})
    except TicketApiError as error:
        return error
    raise AssertionError


def test_an_error_report_with_every_local_variable_does_not_hold_the_key(failure: BaseException) -> None:
    request = RequestFactory().get(URL)
    reporter = ExceptionReporter(request, type(failure), failure, failure.__traceback__)

    assert KEY not in reporter.get_traceback_html()
    assert KEY not in reporter.get_traceback_text()


def test_a_mail_to_the_administrators_does_not_hold_the_key(
    failure: BaseException, mailoutbox: list[object], settings: object
) -> None:
    settings.ADMINS = [("A", "admin@example.com")]  # type: ignore[attr-defined]
    record = logging.makeLogRecord(
        {"name": "django.request", "levelno": 40, "levelname": "ERROR", "msg": "failed",
         "exc_info": (type(failure), failure, failure.__traceback__), "request": _request()}
    )  # fmt: skip
    AdminEmailHandler(include_html=True).emit(record)

    [mail] = mailoutbox
    assert KEY not in str(mail.message())  # type: ignore[attr-defined]


def _request() -> HttpRequest:
    return RequestFactory().get(URL)


def test_no_frame_attribute_or_repr_spells_the_key(failure: BaseException) -> None:
    text = [
        repr(failure),
        str(failure),
        repr(get_api()),
        repr(get_api().config),
        repr(vars(get_api().config)),
    ]
    frame = failure.__traceback__
    while frame is not None:
        text.append(repr(frame.tb_frame.f_locals))
        frame = frame.tb_next
    formatted = SafeFormatter().formatException((type(failure), failure, failure.__traceback__))

    assert [one for one in [*text, formatted] if KEY in one] == []
    assert re.search(r"ApiKey\(•••\)", "".join(text))
