"""What tests and live servers start from, made once a test run: static files, tables, a database with users.

The first process that needs it makes it, under a lock, in a folder that the other processes of the run
inherit by an environment variable. On PostgreSQL it is a template database.
"""

import atexit
import contextlib
import fcntl
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection

from tests import forking

MANAGE = str(Path(__file__).resolve().parent.parent / "manage.py")
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.live_settings",
    "SECRET_KEY": "live-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "HTTPS_ONLY": "0",
}
_ADDED_PEOPLE = {"lan": ("staff", "Lan"), "minh": ("lead", "Minh")}  # beside the three of the demo
_VARIABLE = "TICKETADMIN_TESTS_PREPARED"
_TABLES = "tables.sqlite3"  # in the run's folder
_NOT_INHERITED = {"DEBUG", "LOG_LEVEL", "TICKET_API_READ", "DATABASE_URL"}
_SCRIPT = f"""
import json
from pathlib import Path
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from ticketadmin.models import User
call_command("prepare_demo")
path = Path(settings.DATA_DIR) / "demo-people.json"
passwords = json.loads(path.read_text("utf-8"))
for username, (role, name) in {_ADDED_PEOPLE!r}.items():
    passwords[username] = "a-long-test-password-1"
    person = User.objects.create_user(username, password=passwords[username], first_name=name)
    person.groups.set([Group.objects.get(name=role)])
path.write_text(json.dumps(passwords), "utf-8")
"""


@dataclass(frozen=True)
class Database:
    """A live server's own database on PostgreSQL; `people` is the file with its users' passwords."""

    url: str
    people: Path


def inherited() -> dict[str, str]:
    """Return the environment for a process of the product, without what this test run set for itself."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def static() -> Path:
    """Return the folder with the collected static files."""
    return _folder() / "static"


def copy_to(data: Path) -> None:
    """Copy a prepared SQLite file and its users' passwords into a server's data folder."""
    with _made("sqlite") as made:
        for name in ("ticketadmin.sqlite3", "demo-people.json"):
            shutil.copy2(made / name, data / name)


def copy_tables_to(data: Path) -> None:
    """Put a SQLite file of this version, without any account, into a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    with _locked() as run:
        shutil.copy2(_tables(run), data / "ticketadmin.sqlite3")


def fill_with_tables() -> None:
    """Put the tables into this process' database: SQLite in memory, and empty."""
    connection.ensure_connection()
    with _locked() as run:
        file = run / _TABLES
        if file.exists():
            with contextlib.closing(sqlite3.connect(file)) as source:
                source.backup(connection.connection)
        else:
            call_command("migrate", verbosity=0)
            connection.cursor().execute("VACUUM INTO %s", [str(file)])


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name that `make` filled for the whole run; others wait meanwhile."""
    with _locked(f"{name}.lock") as run:
        folder = run / name
        if not folder.exists():
            being_made = Path(tempfile.mkdtemp(dir=run))
            make(being_made)
            being_made.rename(folder)
        return folder


@contextlib.contextmanager
def postgres_database(address: str) -> Iterator[Database]:
    """Make a prepared database on the server at `address` for the time of the block."""
    with _made("postgres", address) as made:
        people = made / "demo-people.json"
    with empty_postgres_database(address, _template_name("people")) as url:
        yield Database(url, people)


def postgres_tables(address: str) -> str:
    """Return the name of a template with the tables of this version, on the server at `address`."""
    with _locked() as run:
        return _postgres_tables(run, address)


@contextlib.contextmanager
def empty_postgres_database(address: str, template: str = "template1") -> Iterator[str]:
    """Make a database without tables, or a copy of `template`, and yield its address."""
    name = f"ticketadmin_{os.getpid()}_{os.urandom(4).hex()}"
    _execute(address, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _with_name(address, name)
    finally:
        _execute(address, f'DROP DATABASE "{name}" WITH (FORCE)')


def _with_name(address: str, name: str) -> str:
    return re.sub(r"/[^/]*$", f"/{name}", address)


def _execute(address: str, statement: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def _folder() -> Path:
    """Return the run's folder; the process that creates it passes it on to its children, and removes it."""
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="ticketadmin-tests-")
        atexit.register(_remove, Path(os.environ[_VARIABLE]))
    return Path(os.environ[_VARIABLE])


def _remove(folder: Path) -> None:
    for note in folder.glob("*/created-on"):
        with contextlib.suppress(psycopg.Error):
            address, name = note.read_text("utf-8").split()
            _execute(address, f'DROP DATABASE "{name}" WITH (FORCE)')
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(name: str = "lock") -> Iterator[Path]:
    """Yield the run's folder; other processes that want the same lock wait meanwhile."""
    with (_folder() / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _folder()


@contextlib.contextmanager
def _made(kind: str, address: str = "") -> Iterator[Path]:
    """Yield the prepared folder of a kind, made first if it is not there yet; others wait meanwhile.

    With the address of a PostgreSQL server its database is a template there.
    """
    with _locked() as run:
        folder = run / kind
        if not (folder / "demo-people.json").exists():
            folder.mkdir()
            if address:
                database = _template(
                    folder, address, _template_name("people"), _postgres_tables(run, address)
                )
            else:
                database = ""
                shutil.copy2(_tables(run), folder / "ticketadmin.sqlite3")
            _run(folder, "script", _SCRIPT, database=database)
        yield folder


def _tables(run: Path) -> Path:
    """Return a SQLite file with the tables of this version, made first if it is not there yet."""
    file = run / _TABLES
    if not file.exists():
        folder = Path(tempfile.mkdtemp(dir=run))
        _run(folder, "manage", "migrate", "-v", "0")
        with contextlib.closing(sqlite3.connect(folder / "ticketadmin.sqlite3")) as migrated:
            migrated.execute("VACUUM INTO ?", [str(file)])
    return file


def _postgres_tables(run: Path, address: str) -> str:
    """Return the name of the template with the tables, made first if it is not there yet."""
    folder, name = run / "postgres-tables", _template_name("tables")
    if not (folder / "created-on").exists():
        folder.mkdir()
        _run(folder, "manage", "migrate", "-v", "0", database=_template(folder, address, name, "template1"))
    return name


def _template_name(what: str) -> str:
    return f"ticketadmin_{what}_{_folder().name[-8:]}"


def _template(folder: Path, address: str, name: str, source: str) -> str:
    """Make a database that goes with the run's folder, and return its address."""
    _execute(address, f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    (folder / "created-on").write_text(f"{address} {name}", "utf-8")
    return _with_name(address, name)


def _run(folder: Path, program: str, *arguments: str, database: str = "") -> None:
    """Run a program of the product for a data folder."""
    environment = {
        **inherited(),
        **SETTINGS,
        **({"DATABASE_URL": database} if database else {}),
        "DATA_DIR": str(folder),
        "STATIC_ROOT": str(static()),
    }
    with forking.product_with(environment, folder / "forks.log") as forks:
        done = forking.run(forks, program, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


_folder()  # before pytest-xdist starts its processes
