"""A database of the previous version: migrated while that version's worker runs, then used."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from tests import forking
from tests.browsing import Visitor
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.releases import FOLDER, counts
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.test_migrations import on_postgres, on_sqlite  # noqa: F401 - fixtures
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
BEFORE, ROWS, COMMIT = "0010_one_save_a_ticket", "before_0011.json", "221e4a5"
OTHER_APPS = ("auth", "contenttypes", "sessions", "axes", "django_tasks_database")
MADE = """
from django.core.management import call_command
from tests.releases import load
for app in {others!r}:
    call_command("migrate", app, verbosity=0)
call_command("migrate", "ticketadmin", {before!r}, verbosity=0)
load({rows!r}, {before!r})
"""
PASSING = {"ticketadmin.heartbeat", "ticketadmin.presence"}  # tables that forget by themselves
RENAMED = {"ticketadmin.remotesnapshot": "ticketadmin.sharedstate"}
COUNTED = """
import json
from django.apps import apps
from tests.releases import counts
names = {{name: {renamed!r}.get(name, name) for name in counts({rows!r})}}
print(json.dumps({{name: apps.get_model(now).objects.count() for name, now in names.items()}}))
"""
STATES = """
from ticketadmin.models import BulkUpdate
print(*(f"{one.state}:{one.uuid}" for one in BulkUpdate.objects.order_by("pk")))
"""
EVERY = pytest.mark.parametrize(
    "database",
    [
        "on_sqlite",
        pytest.param("on_postgres", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
    ],
)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path / "crm.sqlite3", tickets=120)
    yield process
    process.stop()


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(database))


@pytest.fixture
def manage(url: str, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Runs a program of `tests/fork_server.py` on the database."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": url}
    with forking.product_with(environment, tmp_path / "forks.log") as forks:

        def run(program: str, *arguments: str) -> str:
            done = forking.run(forks, program, *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        yield run


@pytest.fixture
def old(url: str, manage: Callable[..., str]) -> str:
    """The address of a database as the previous version left it."""
    manage("script", MADE.format(others=OTHER_APPS, before=BEFORE, rows=ROWS))
    return url


def old_worker(folder: Path, url: str, crm_url: str) -> subprocess.Popen[bytes] | None:
    """Start the worker of the previous version, from the repository's history; None if that is missing."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return None
    folder.mkdir()
    subprocess.run(["tar", "x"], cwd=folder, input=archive.stdout, check=True)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "DJANGO_SETTINGS_MODULE": "ticketadmin.settings",
        "DATABASE_URL": url,
        "SECRET_KEY": "upgrade-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
        "TICKET_API_URL": crm_url,
        "TICKET_API_KEY": KEY,
    }
    command = [sys.executable, "manage.py", "db_worker", "--interval", "0.1", "--no-startup-delay"]
    with (folder / "worker.log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


@EVERY
def test_an_upgrade_under_a_running_worker_keeps_and_uses_all_data(
    database: str, old: str, manage: Callable[..., str], crm: SandboxProcess, tmp_path: Path
) -> None:
    driver = Sandbox(crm.url)
    worker = old_worker(tmp_path / "before", old, crm.url)
    if worker:
        states = lambda: manage("script", STATES)  # noqa: E731
        log = tmp_path / "before" / "worker.log"
        wait_until(lambda: "Starting worker" in log.read_text("utf-8"), lambda: log.read_text("utf-8"))

    manage("manage", "migrate", "-v", "0")

    after = json.loads(manage("script", COUNTED.format(rows=ROWS, renamed=RENAMED)))
    fewer = {name for name, count in counts(ROWS).items() if after[name] < count}
    assert fewer - PASSING == set()
    if worker:
        wait_until(  # each look is a process
            lambda: not {"running", "checking"} & set(re.findall(r"(\w+):", states())),
            lambda: log.read_text("utf-8"),
            every=0.5,
        )
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0, log.read_text("utf-8")

    (tmp_path / "data").mkdir()
    server = LiveServer(tmp_path / "data", crm.url, DATABASE_URL=old, BULK_LEASE_SECONDS="2")
    new_worker = LiveWorker(server)
    try:
        use(server, driver)
    finally:
        new_worker.stop()
        server.stop()


def use(server: LiveServer, crm: Sandbox) -> None:
    """Use what the previous version left: accounts, history and undo, a draft, a view, every bulk update."""
    server.passwords["lan"] = "a-long-test-password-1"  # as it was set there
    lan, staff = Lead(server, "lan"), Visitor(server)
    runs = dict(word.split(":") for word in server.execute(STATES).split())
    for run in runs.values():
        assert lan.visitor.get(f"/bulk/{run}/").status_code == 200
    for state in ("checking", "running", "cancelling"):
        if state in runs:
            lan.wait(f"/bulk/{runs[state]}/", "ready", "finished", "cancelled")

    history = lan.visitor.get("/history/").text
    assert "TK240002" in history
    assert lan.visitor.get("/tickets/?q=").status_code == 200
    assert "Mới nhất" in staff.get("/tickets/").text
    assert "Bản nháp trước bản mới" in staff.get("/tickets/TK240005/").text
    crm.edit("TK240001", ticket_title="Đã sửa trước bản mới")
    page = staff.get("/tickets/TK240001/")
    [undo] = re.findall(r'action="(/history/[0-9a-f-]+/undo/)"', page.text)[:1]
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    staff.post(undo, {"csrfmiddlewaretoken": token})
    assert crm.ticket("TK240001")["ticket_title"] == "API returns 500 when creating an order"
    saved = staff.post(
        "/tickets/TK240007/", staff.form("TK240007").filled(ticket_title="Sau bản mới"), follow=True
    )
    assert "Verified" in saved.text
    for visitor in (lan, staff):
        visitor.close()


def test_the_previous_versions_rows_cover_every_table() -> None:
    """Else an upgrade is not tried with data in it."""
    text = (FOLDER / ROWS).read_text("utf-8")
    state = MigrationLoader(None).project_state([("ticketadmin", BEFORE)])
    tables = {f"ticketadmin.{name}" for app, name in state.models if app == "ticketadmin"}

    assert tables <= set(counts(ROWS))
    for word in ("draft", "checking", "ready", "running", "paused", "cancelling", "cancelled", "finished"):
        assert f'"state": "{word}"' in text, word
    for outcome in ("pending", "verified", "stored_differently", "not_applied", "not_readable", "accepted"):
        assert f'"outcome": "{outcome}"' in text, outcome
