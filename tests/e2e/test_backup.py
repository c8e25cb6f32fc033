"""A backup made while users save, restored elsewhere: complete, with its history."""

import re
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forking
from tests.browsing import Visitor
from tests.conftest import postgres_address
from tests.forking import product_with
from tests.live import LiveServer
from tests.prepared import empty_postgres_database, postgres_database
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until

CODE = "ABCXYZ1234"


COUNT = "from ticketadmin.models import Change, User; print(Change.objects.count(), User.objects.count())"


@pytest.fixture(scope="module")
def running(
    sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    started = LiveServer(tmp_path_factory.mktemp("running"), sandbox_process.url, is_swept=False)
    yield started
    started.stop()


@pytest.fixture
def server(running: LiveServer, sandbox_process: SandboxProcess) -> LiveServer:
    """A server from which backups are made; its CRM is in its first state."""
    Sandbox(sandbox_process.url).reset()
    return running


def saving(server: LiveServer, over: threading.Event) -> None:
    visitor, number = Visitor(server), 0
    while not over.is_set():
        number += 1
        visitor.post(f"/tickets/{CODE}/", visitor.form(CODE).filled(ticket_title=f"Lần {number}"))
    visitor.close()


def restore(copy: Path, environment: dict[str, str]) -> tuple[str, list[str]]:
    """Restore a copy; return the output, and how many changes and users the product then finds."""
    with product_with(environment, copy.with_name("restoring.log")) as forks:
        done = forking.run(forks, "manage", "restore", str(copy))
        found = forking.run(forks, "script", COUNT)
    assert (done.returncode, found.returncode) == (0, 0), done.stderr + found.stderr
    return done.stdout, found.stdout.split()


def test_a_backup_made_under_load_is_complete_and_restores_the_history(
    server: LiveServer, tmp_path: Path
) -> None:
    over = threading.Event()
    writer = threading.Thread(target=saving, args=(server, over))
    writer.start()
    copy = tmp_path / "copy #1 50%?.sqlite3"
    try:
        wait_until(lambda: len(Sandbox(server.environment["TICKET_API_URL"]).puts()) > 5, "few saves")
        server.manage("backup", str(copy))
    finally:
        over.set()
        writer.join()

    new = {**server.environment, "DATA_DIR": str(tmp_path / "new")}
    (tmp_path / "new").mkdir()

    _said, (changes, people) = restore(copy, new)

    assert int(changes) >= 5
    assert people == server.execute(COUNT).split()[1]
    assert copy.stat().st_mode & 0o077 == 0
    file = tmp_path / "new" / "ticketadmin.sqlite3"
    assert file.stat().st_mode & 0o077 == 0
    assert copy.read_bytes()[18:20] == b"\1\1"  # no write-ahead log: it can be read from read-only media
    assert [path for path in tmp_path.iterdir() if path.name.startswith("copy") and path != copy] == []
    with sqlite3.connect(file) as restored:
        assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_nothing_in_a_restored_database_starts_by_itself(server: LiveServer, tmp_path: Path) -> None:
    states = ["checking", "running", "cancelling", "ready", "finished"]
    made = (
        "from django.utils import timezone; from ticketadmin.models import BulkUpdate, User;"
        "owner = User.objects.get(username='lead');"
        f"[BulkUpdate.objects.create(owner=owner, owner_name='Lead', state=state, created_at=timezone.now())"
        f" for state in {states}]"
    )
    server.execute(made)
    visitor = Visitor(server)
    server.manage("backup", str(tmp_path / "copy"))
    with sqlite3.connect(server.data / "ticketadmin.sqlite3") as running:
        sessions = [key for (key,) in running.execute("SELECT session_key FROM django_session")]
    assert sessions
    assert [key for key in sessions if key.encode() in (tmp_path / "copy").read_bytes()] == []
    visitor.close()
    new = {**server.environment, "DATA_DIR": str(tmp_path / "new")}
    (tmp_path / "new").mkdir()

    said, _counts = restore(tmp_path / "copy", new)

    assert "3 bulk updates in progress are paused" in said
    with sqlite3.connect(tmp_path / "new" / "ticketadmin.sqlite3") as restored:
        found = restored.execute(
            "SELECT state, pause_reason FROM ticketadmin_bulkupdate ORDER BY id"
        ).fetchall()
        assert found == [("paused", "restored")] * 3 + [("ready", ""), ("finished", "")]
        assert restored.execute("SELECT COUNT(*) FROM django_session").fetchone() == (0,)


def tables_with_rows(dump: Path) -> set[str]:
    """Return the tables of which a dump of PostgreSQL's holds rows."""
    command = ["pg_restore", "--file=-", "--data-only", str(dump)]
    script = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {
        name
        for name, rows in re.findall(
            r"^COPY public\.(\w+) [^\n]*\n(.*?)^\\\.$", script, re.MULTILINE | re.DOTALL
        )
        if rows
    }


def test_restoring_overwrites_nothing(server: LiveServer, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    server.manage("backup", str(copy))
    before = copy.read_bytes()

    for arguments in (["backup", str(copy)], ["restore", str(copy)]):
        refused = forking.run(server.forks, "manage", *arguments)
        assert refused.returncode == 1
        assert "nothing was" in refused.stderr
    assert copy.read_bytes() == before


@pytest.mark.postgres
def test_backup_and_restore_on_postgres(sandbox_process: SandboxProcess, tmp_path: Path) -> None:
    address = postgres_address()
    Sandbox(sandbox_process.url).reset()
    (tmp_path / "data").mkdir()
    with postgres_database(address) as database, empty_postgres_database(address) as empty:
        server = LiveServer(tmp_path / "data", sandbox_process.url, database=database, is_swept=False)
        visitor = Visitor(server)
        visitor.post(f"/tickets/{CODE}/", visitor.form(CODE).filled(ticket_title="Sao lưu"))
        visitor.close()
        server.manage("backup", str(tmp_path / "copy.dump"))
        assert tables_with_rows(tmp_path / "copy.dump") >= {"ticketadmin_user", "ticketadmin_change"}
        assert "django_session" not in tables_with_rows(tmp_path / "copy.dump")
        new = {**server.environment, "DATABASE_URL": empty}
        whole = (tmp_path / "copy.dump").read_bytes()
        (tmp_path / "cut.dump").write_bytes(whole[: len(whole) * 3 // 4])
        with product_with(new, tmp_path / "cut.log") as forks:
            cut = forking.run(forks, "manage", "restore", str(tmp_path / "cut.dump"))
        assert cut.returncode == 1
        assert "The restore failed: pg_restore" in cut.stderr  # and the database is as empty as before
        _said, counts = restore(tmp_path / "copy.dump", new)
        assert counts == server.execute(COUNT).split()
        server.stop()
