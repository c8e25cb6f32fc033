"""What refuses to start, and its messages: missing settings, missing tables, tables of a newer version."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from tests.forking import run_ticketadmin
from tests.prepared import MANAGE, copy_tables_to
from tests.waiting import LIMIT, wait_until

ROOT = Path(MANAGE).parent
SETTINGS = {
    "SECRET_KEY": "starting-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "TICKET_API_URL": "http://127.0.0.1:9",
    "TICKET_API_KEY": "test-key-0123456789-abcdefghij",
}
# What both refuse in the same place is tried with one of them in every run.
WEB = ["web", pytest.param("worker", marks=pytest.mark.slow)]
WORKER = ["worker", pytest.param("web", marks=pytest.mark.slow)]
NEWER = (
    "INSERT INTO django_migrations (app, name, applied) VALUES ('ticketadmin', '9999_later', '2030-01-01')"
)


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `ticketadmin` with settings in the environment."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder)}
    return run_ticketadmin({**own, **SETTINGS, **more}, *arguments)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of this version."""
    folder = tmp_path_factory.mktemp("migrated")
    copy_tables_to(folder)
    return folder


@pytest.fixture
def newer(migrated: Path, tmp_path: Path) -> Path:
    """A folder with a database that a later version has migrated."""
    shutil.copy(migrated / "ticketadmin.sqlite3", tmp_path)
    with closing(sqlite3.connect(tmp_path / "ticketadmin.sqlite3")) as database, database:
        database.execute(NEWER)
    return tmp_path


@pytest.mark.parametrize("command", WEB)
def test_a_database_of_a_newer_version_is_refused_with_a_message(command: str, newer: Path) -> None:
    done = run(newer, command)

    assert done.returncode == 1
    assert "9999_later" in done.stderr
    assert "Nothing was changed." in done.stderr
    assert "“Way back”" in done.stderr
    assert "Traceback" not in done.stderr


def test_gunicorn_by_itself_refuses_a_newer_database_too(newer: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "ticketadmin.wsgi", "--bind", "127.0.0.1:0", "--workers", "1"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(newer), **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert "9999_later" in done.stderr


def test_gunicorn_writes_its_own_lines_as_json_too(newer: Path) -> None:
    """A collector reads objects; a worker that refuses to start says why in several lines."""
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "ticketadmin.wsgi", "--bind", "127.0.0.1:0", "--workers", "1"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(newer),
            "LOG_FORMAT": "json",
            "STATIC_ROOT": str(newer),
            **SETTINGS,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert all({"at", "level", "logger", "message"} <= set(one) for one in records)
    assert any("Starting gunicorn" in one["message"] for one in records)
    assert any("9999_later" in one["message"] for one in records)


@pytest.mark.django_db
def test_readiness_names_a_newer_database(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NEWER)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["migrations"] == "newer"


@pytest.mark.parametrize("command", WORKER)
def test_missing_tables_are_named_with_the_command_that_makes_them(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, command)

    assert done.returncode == 1
    assert "ticketadmin migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_checkout_needs_its_static_files_collected(migrated: Path) -> None:
    done = run(migrated, "web", STATIC_ROOT=str(migrated / "static"))

    assert done.returncode == 1
    assert "ticketadmin collectstatic" in done.stderr


@pytest.mark.parametrize("command", WEB)
def test_a_missing_folder_is_named(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, command, DATA_DIR=str(tmp_path / "away"))

    assert done.returncode == 1
    assert str(tmp_path / "away") in done.stderr
    assert "Traceback" not in done.stderr


AWAY = "postgres://somebody:a-secret-word@127.0.0.1:1/tickets"
COMMANDS = [
    pytest.param("check_api", marks=pytest.mark.slow),
    "migrate",
    pytest.param("settle_changes", marks=pytest.mark.slow),
    "change ABC123 ticket_title=x --as staff",
    "backup copy.sqlite3",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_that_the_database_is_unreachable(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, *command.split(), DATABASE_URL=AWAY)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "The database cannot be used: " in done.stderr or "The backup failed: pg_dump" in done.stderr
    assert "a-secret-word" not in done.stderr


def test_a_backup_says_which_program_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "backup", str(tmp_path / "copy"), DATABASE_URL=AWAY, PATH=str(tmp_path))

    assert done.returncode == 1
    assert "The backup failed: pg_dump is not installed;" in done.stderr
    assert "Nothing was written." in done.stderr
    assert not (tmp_path / "copy").exists()


def test_the_traceback_of_a_command_is_available_on_request(tmp_path: Path) -> None:
    done = run(tmp_path, "settle_changes", "--traceback", DATABASE_URL=AWAY)

    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_command_names_missing_tables_and_the_command_that_makes_them(tmp_path: Path) -> None:
    done = run(tmp_path, "settle_changes")

    assert done.returncode == 1
    assert "ticketadmin migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_names_a_missing_folder(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", DATA_DIR=str(tmp_path / "away"))

    assert done.returncode == 1
    assert str(tmp_path / "away") in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_about_arguments_name_the_command_as_typed(tmp_path: Path) -> None:
    done = run(tmp_path, "prune_history", "--older-than", "5")

    assert done.returncode == 2
    assert done.stderr.startswith("usage: ticketadmin prune_history ")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/", "http://127.0.0.1:9/api/v6.1", " http://127.0.0.1:9/api/v6.1/ "]
)
def test_a_crm_address_with_the_api_path_is_accepted(address: str, tmp_path: Path) -> None:
    done = run(tmp_path, "diffsettings", TICKET_API_URL=address)

    assert "TICKET_API_URL = 'http://127.0.0.1:9'" in done.stdout


def test_a_backup_into_a_missing_folder_says_so(migrated: Path) -> None:
    done = run(migrated, "backup", str(migrated / "away" / "copy"))

    assert done.returncode == 1
    assert f"There is no folder {migrated / 'away'}; nothing was written." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_waits_for_an_unreachable_database_at_start(migrated: Path, tmp_path: Path) -> None:
    database, log = tmp_path / "ticketadmin.sqlite3", tmp_path / "worker.log"
    database.write_text("no database yet, " * 100)
    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "ticketadmin", "worker", "--no-startup-delay"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path), **SETTINGS},
            stderr=output,
        )
    try:
        wait_until(lambda: "the database is away" in log.read_text(), log.read_text)
        shutil.copy(migrated / "ticketadmin.sqlite3", tmp_path / "new")
        (tmp_path / "new").replace(database)
        wait_until(lambda: "Starting worker" in log.read_text(), log.read_text)
        assert "Traceback" not in log.read_text()
    finally:
        worker.terminate()
        worker.wait(LIMIT)


def test_the_environment_wins_over_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("SECRET_KEY='x'\nTICKET_API_URL='ftp://elsewhere'\nPROXIES=-1\n", encoding="utf-8")

    done = run(tmp_path, "web", SETTINGS_FILE=str(file))

    assert "E008" in done.stderr  # PROXIES of the file
    assert "E001" not in done.stderr  # the address of the environment
    assert str(file) in done.stderr


def test_the_usual_settings_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "ticketadmin" / "environment"
    file.parent.mkdir(parents=True)
    file.write_text("PROXIES=-1\n", encoding="utf-8")

    assert str(file) in run(tmp_path, "web").stderr


def test_a_named_settings_file_that_cannot_be_read_ends_every_command(tmp_path: Path) -> None:
    done = run(tmp_path, "check", SETTINGS_FILE=str(tmp_path / "away"))

    assert done.returncode == 1
    assert str(tmp_path / "away") in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_never_uses_a_settings_file(tmp_path: Path) -> None:
    """It would make users with known names in that database."""
    file = tmp_path / "environment"
    file.write_text(f"DATABASE_URL=sqlite:///{tmp_path}/real.sqlite3\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, MANAGE, "demo"],
        env={"PATH": os.environ["PATH"], "SETTINGS_FILE": str(file), "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "SETTINGS_FILE" in done.stderr
    assert not (tmp_path / "real.sqlite3").exists()


WRONG_SETTINGS = {
    "SESSION_IDLE_MINUTES": ("abc", "a whole number"),
    "KEEP_HISTORY_DAYS": ("2 years", "a whole number"),
    "WEB_THREADS": ("many", "a whole number"),
    "TICKET_API_TIMEOUT": ("10s", "a number"),
    "TICKET_INDEX_PER_SECOND": ("nan", "a number"),
    "HTTPS_ONLY": ("enabled", "on or off"),
    "LOCAL_ACCOUNTS": ("ja", "on or off"),
    "TIME_ZONE": ("Mars/North", "the name of a time zone"),
    "CUSTOM_DATE_TIME_ZONE": ("../x", "the name of a time zone"),
    "LANGUAGE_CODE": ("fr", "one of en, vi"),
    "LOG_FORMAT": ("jsn", "one of plain, json"),
    "LOG_LEVEL": ("LOUD", "one of "),
    "DATABASE_URL": ("mysql://name:a-secret-word@db/x", "begin with postgres:// or sqlite:///"),
    "EMAIL_URL": ("name:a-secret-word@mail.example.com", "an address such as smtp+tls://"),
}


def test_every_unreadable_setting_is_named_and_nothing_starts(tmp_path: Path) -> None:
    done = run(tmp_path, "web", **{name: value for name, (value, _must_be) in WRONG_SETTINGS.items()})

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "a-secret-word" not in done.stderr
    for name, (_value, must_be) in WRONG_SETTINGS.items():
        assert f"  {name} must be {must_be}" in done.stderr or f"  {name} must {must_be}" in done.stderr


@pytest.mark.parametrize(
    "address",
    ["", "junk", "sqlite", "oracle://x/y", "postgress://u:p@h/x", "postgres://u:p@h:port/x", "//h/x"],
)
def test_an_unreadable_database_address_is_refused(address: str, tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", DATABASE_URL=address)

    assert done.returncode == 1
    assert done.stderr.startswith("ticketadmin did not start: ")
    assert "  DATABASE_URL must begin with postgres:// or sqlite:///." in done.stderr


def test_secrets_are_used_verbatim_and_lists_are_stripped(tmp_path: Path) -> None:
    secrets = {
        "TICKET_API_KEY": "$cret-0123456789",
        "TICKET_API_COOKIE": "a=$b",
        "SECRET_KEY": "$" + "k3y" * 20,
    }
    empty = {"HTTPS_ONLY": "", "WEB_WORKERS": "", "ALLOWED_HOSTS": ""}

    done = run(tmp_path, "diffsettings", "--all", STAFF_GROUPS="support, help desk ,", **secrets, **empty)

    assert done.returncode == 0, done.stderr
    for name, value in secrets.items():
        assert f"{name} = {value!r}" in done.stdout
    assert "'staff': ['support', 'help desk']" in done.stdout
    assert "HTTPS_ONLY = True" in done.stdout
    assert "WEB_WORKERS = 2" in done.stdout
    assert "ALLOWED_HOSTS = ['localhost', '127.0.0.1', '[::1]']" in done.stdout
