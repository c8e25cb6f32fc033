"""`ticketadmin backup FILE`: a consistent copy of the database, taken while everything runs."""

import contextlib
import os
import sqlite3
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

BACKUP_ERRORS = (sqlite3.Error, OSError, subprocess.CalledProcessError)
POSTGRES_PROGRAMS = ("pg_dump", "pg_restore")
SESSIONS = "django_session"  # left out: a backup must not let its reader in as another user


class Command(BaseCommand):
    """SQLite through its online backup, PostgreSQL through pg_dump."""

    help = "Write a backup of the database to a file that does not exist yet; the product may keep running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help="the file to write; it must not exist")

    def handle(self, *, target: Path, **_options: Any) -> None:
        """Write the copy under a temporary name first, so that a file named TARGET is always complete."""
        if target.exists():
            raise CommandError(f"{target} exists already; nothing was written.")
        if not target.parent.is_dir():
            raise CommandError(f"There is no folder {target.parent}; nothing was written.")
        partial = target.with_name(target.name + ".partial")
        write = _copy_sqlite if connection.vendor == "sqlite" else _dump_postgres
        try:
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600)
            write(partial)
            partial.rename(target)
        except BACKUP_ERRORS as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise CommandError(f"The backup failed: {copy_failure(error)}. Nothing was written.") from error
        self.stdout.write(f"{target}: {target.stat().st_size:,} bytes")


def copy_failure(failure: Exception) -> str:
    """Return why a copy failed. PostgreSQL's programs have already printed their own message."""
    if isinstance(failure, subprocess.CalledProcessError):
        return f"{failure.cmd[0]} ended with exit code {failure.returncode}, see above"
    if isinstance(failure, FileNotFoundError) and failure.filename in POSTGRES_PROGRAMS:
        return f"{failure.filename} is not installed; it is one of PostgreSQL's client programs"
    return str(failure) or type(failure).__name__


def _copy_sqlite(target: Path) -> None:
    with (
        contextlib.closing(open_read_only(Path(connection.settings_dict["NAME"]))) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        with copy:
            copy.execute("PRAGMA secure_delete = ON")
            copy.execute(f"DELETE FROM {SESSIONS}")  # noqa: S608 - a constant
        copy.execute("VACUUM")
        copy.execute("PRAGMA journal_mode=DELETE")  # otherwise reading the copy would create files beside it


def open_read_only(file: Path, *, how: str = "mode=ro") -> sqlite3.Connection:
    """Open a SQLite file for reading, whatever characters its name has."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)


def _dump_postgres(target: Path) -> None:
    options, environment = for_postgres()
    command = ["pg_dump", "--format=custom", "--no-owner", f"--file={target}", *options]
    command.append(f"--exclude-table-data={SESSIONS}")
    subprocess.run([*command, connection.settings_dict["NAME"]], env=environment, check=True)


def for_postgres() -> tuple[list[str], dict[str, str]]:
    """Return the options with which PostgreSQL's programs reach the database's server, and their environment.

    The password is in the environment, so that no command line shows it.
    """
    settings = {**connection.settings_dict, "NAME": "left out below"}
    (_psql, *options, _name), secret = connection.client.settings_to_cmd_args_env(settings, [])
    return options, {**os.environ, **(secret or {})}
