"""The product as it runs in production: gunicorn in separate processes, with its own database."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import urllib.request
from pathlib import Path

from tests import forking, prepared
from tests.forking import Forked, ForkServer
from tests.prepared import Database
from tests.sandbox_driver import KEY, Sandbox
from tests.waiting import LIMIT, wait_until


class LiveServer:
    """One web server with its data folder. `kill` ends it abruptly, `start` restarts it."""

    def __init__(
        self,
        data: Path,
        sandbox_url: str,
        *,
        workers: int = 1,
        database: Database | None = None,
        is_swept: bool = True,
        is_serving: bool = True,
        **settings: str,
    ) -> None:
        """Prepare its data and start it, or leave it to commands.

        Without a sweep, its index knows no ticket, as after an installation.
        """
        self.data = data
        self.workers = workers
        self.environment = {
            **prepared.inherited(),
            **prepared.SETTINGS,
            "DATA_DIR": str(data),
            "STATIC_ROOT": str(prepared.static()),
            "TICKET_API_URL": sandbox_url,
            "TICKET_API_KEY": KEY,
            "TICKET_API_TIMEOUT": "10",  # a machine that stalls must not look like a CRM that is down
            "TICKET_INDEX_PER_SECOND": "0",  # a test controls which calls workers make
            **settings,
            **({"DATABASE_URL": database.url} if database else {}),
        }
        self.port = 0
        self.log = data / "web.log"
        self._forks: dict[tuple[tuple[str, str], ...], ForkServer] = {}
        self._process: Forked | None = None
        self._prepare(database)
        if is_swept:
            self.sweep()
        self.passwords: dict[str, str] = json.loads((data / "demo-people.json").read_text("utf-8"))
        if is_serving:
            self.start()

    def _prepare(self, database: Database | None) -> None:
        if database:
            shutil.copy2(database.people, self.data / "demo-people.json")
        elif "DATABASE_URL" in self.environment:
            self.manage("prepare_demo")
        elif not (self.data / "ticketadmin.sqlite3").exists():
            prepared.copy_to(self.data)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        return self._printed_by("manage", *arguments)

    def execute(self, script: str) -> str:
        """Run Python with the product set up, in a process of its own; return what it prints."""
        return self._printed_by("script", script)

    def _printed_by(self, program: str, *arguments: str) -> str:
        done = forking.run(self.forks, program, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def forks(self) -> ForkServer:
        """What forks processes with the settings that it has now."""
        key = tuple(sorted(self.environment.items()))
        if key not in self._forks:
            self._forks[key] = forking.product(self.environment, self.data / "forks.log")
        return self._forks[key]

    @property
    def sqlite_file(self) -> Path | None:
        """Where its database is; None on PostgreSQL."""
        return None if "DATABASE_URL" in self.environment else self.data / "ticketadmin.sqlite3"

    @property
    def pid(self) -> int:
        """The first of its processes."""
        return self._process.pid

    def crm_as_seeded(self) -> Sandbox:
        """Reset its CRM and what earlier tests taught it, once workers have ended what they left in flight.

        A run is paused before its last tickets are written: after a reset the next test would find those.
        """
        self._wait_for_workers()
        crm = Sandbox(self.environment["TICKET_API_URL"])
        crm.reset()
        self.forget_learnt_state()
        return crm

    def _wait_for_workers(self) -> None:
        """Wait until no worker is at a bulk update; one that was killed counts for the time of its lease.

        A worker delayed by a busy machine may continue after its lease: hence the additional seconds.
        """
        at_work = (
            "SELECT uuid, state, worker FROM ticketadmin_bulkupdate"
            " WHERE worker <> '' AND lease_until > strftime('%Y-%m-%d %H:%M:%S', 'now', '-10 seconds')"
        )
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:

            def rows() -> list[tuple[str, ...]]:
                return database.execute(at_work).fetchall()

            wait_until(lambda: not rows(), lambda: f"workers are still at {rows()}")

    def forget_learnt_state(self) -> None:
        """Delete what it learnt in earlier tests: that reading is refused, that the CRM asked it to wait."""
        self._forget("ticketadmin_crmsnapshot", "reading", "omitted_fields")
        self._forget("ticketadmin_remotesnapshot", "circuit", "asked_to_wait")

    def forget_lists(self) -> None:
        """Delete the CRM's lists, so that they are fetched again."""
        self._forget("ticketadmin_crmsnapshot", "categories", "statuses")

    def _forget(self, table: str, *names: str) -> None:
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            for name in names:
                database.execute(f"DELETE FROM {table} WHERE name = ?", [name])  # noqa: S608

    def sweep(self) -> None:
        """Read the CRM's whole list into the index, as a worker does; without a CRM nothing is known."""
        self.execute(_SWEEP)

    def restore_index(self) -> None:
        """Reset the index to what the CRM holds after a reset, without what earlier tests saved."""
        kept = self.data / "index-as-seeded.sqlite3"
        if not kept.exists():
            with contextlib.closing(
                sqlite3.connect(self.data / "ticketadmin.sqlite3", timeout=20)
            ) as database:
                for table in reversed(_INDEX_TABLES):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608
                database.commit()
                self.sweep()
                with contextlib.closing(sqlite3.connect(kept)) as copy:
                    database.backup(copy)
            return
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            database.execute("ATTACH ? AS kept", [str(kept)])
            database.execute("BEGIN IMMEDIATE")
            for table in reversed(_INDEX_TABLES):
                database.execute(f"DELETE FROM main.{table}")  # noqa: S608
            for table in _INDEX_TABLES:
                database.execute(f"INSERT INTO main.{table} SELECT * FROM kept.{table}")  # noqa: S608
            database.execute("COMMIT")

    def forget_drafts(self) -> None:
        """Delete what earlier tests typed and did not save."""
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            database.execute("DELETE FROM ticketadmin_draft")
            database.execute("DELETE FROM ticketadmin_presence")

    def let_changes_age(self, seconds: int) -> None:
        """Move every change into the past, so that no test waits for what is settled only after a while."""
        self.execute(
            "from datetime import timedelta; from django.db.models import F;"
            "from ticketadmin.models import Change;"
            f"Change.objects.update(created_at=F('created_at') - timedelta(seconds={seconds}))",
        )

    def end_sessions(self) -> None:
        """Sign everyone out, so that what pages of an ended test still send is not stored."""
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            database.execute("DELETE FROM django_session")

    def remove_people(self, *usernames: str) -> None:
        """Delete users of whom nothing else is kept."""
        file = self.data / "ticketadmin.sqlite3"
        marks = ", ".join("?" * len(usernames))
        ids = f"SELECT id FROM ticketadmin_user WHERE username IN ({marks})"  # noqa: S608
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            database.execute(f"DELETE FROM ticketadmin_user_groups WHERE user_id IN ({ids})", usernames)  # noqa: S608
            database.execute(f"DELETE FROM ticketadmin_user WHERE id IN ({ids})", usernames)  # noqa: S608

    def forget_snippets(self) -> None:
        """Delete what earlier tests kept: a menu shows all of a user's."""
        self._empty("ticketadmin_snippet")

    def forget_recipes(self) -> None:
        """Delete what earlier tests kept: a user has one recipe of a name."""
        self._empty("ticketadmin_recipe")

    def _empty(self, table: str) -> None:
        file = self.data / "ticketadmin.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            database.execute(f"DELETE FROM {table}")  # noqa: S608

    def add_person(self, username: str, role: str = "staff", name: str = "", email: str = "") -> None:
        """Create another user."""
        self.passwords[username] = "a-long-test-password-1"
        self.execute(
            "from ticketadmin.models import User; from django.contrib.auth.models import Group;"
            f"u, new = User.objects.get_or_create(username={username!r}, defaults=dict(first_name={name!r}));"
            f"u.email = {email!r}; u.set_password({self.passwords[username]!r}); u.save();"
            f"u.groups.set([Group.objects.get(name={role!r})])",
        )

    def start(self) -> None:
        """Start the web server; a later start takes the same port."""
        self.port = self.port or _free_port()
        self._process = _started(
            self.forks, self.log, "gunicorn", "ticketadmin.wsgi", "--bind", f"127.0.0.1:{self.port}",
            "--workers", str(self.workers), "--threads", "24", "--no-control-socket", "--timeout", "30",
        )  # fmt: skip
        wait_until(self._answers, self.log.read_text)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/sign-in/", timeout=5):
                return True
        except OSError:  # refused, reset, or too slow
            return False

    def stop(self) -> None:
        """End it cleanly."""
        self.stop_serving()
        for server in self._forks.values():
            server.close()
        self._forks.clear()

    def stop_serving(self) -> None:
        """End its web server cleanly; its other processes continue."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(LIMIT)

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(LIMIT)


class LiveWorker:
    """One worker process of a live server."""

    def __init__(self, server: LiveServer, name: str = "worker") -> None:
        self.server = server
        self.log = server.data / f"{name}.log"
        self.start()

    def start(self) -> None:
        """Start it, at once ready for work."""
        arguments = ("db_worker", "--interval", "0.1", "--no-startup-delay")
        self._process = _started(self.server.forks, self.log, "manage", *arguments)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """Stop it as a service manager does, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(LIMIT)

    def kill(self) -> None:
        """End it abruptly."""
        self._process.kill()
        self._process.wait(LIMIT)


def _started(forks: ForkServer, log: Path, program: str, *arguments: str) -> Forked:
    """Start a program in the background that writes to a log."""
    with log.open("a") as output, Path(os.devnull).open() as nothing:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        return forks.start(program, *arguments, streams=streams, is_leader=True)


_SWEEP = """
from contextlib import suppress
from django.conf import settings
from django.core.management import CommandError, call_command
settings.TICKET_INDEX_PER_SECOND = 200
with suppress(CommandError):
    call_command("index", "--sweep")
"""
_INDEX_TABLES = (
    "ticketadmin_ticketindex", "ticketadmin_indexedticket", "ticketadmin_indexedvalue",
    "ticketadmin_statuscount",
)  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
