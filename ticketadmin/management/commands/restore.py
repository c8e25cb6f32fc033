"""`ticketadmin restore FILE`: puts a backup into an empty database and brings it up to date."""

import contextlib
import sqlite3
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from ticketadmin.management.commands.backup import BACKUP_ERRORS, copy_failure, for_postgres, open_read_only
from ticketadmin.services.operations.readiness import pause_after_restore


class Command(BaseCommand):
    """Refuses a database that holds anything: a restore never overwrites."""

    help = "Restore a backup into the empty database that DATABASE_URL or DATA_DIR names, then migrate it."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="a file that `backup` wrote")

    def handle(self, *, source: Path, **_options: Any) -> None:
        if not source.is_file():
            raise CommandError(f"{source} does not exist.")
        if connection.introspection.table_names():
            message = "The database is not empty; nothing was restored. Name another: DATABASE_URL, DATA_DIR."
            raise CommandError(message)
        connection.close()
        try:
            _copy_sqlite(source) if connection.vendor == "sqlite" else _load_postgres(source)
        except BACKUP_ERRORS as error:
            raise CommandError(
                f"The restore failed: {copy_failure(error)}. Is {source} a backup of this kind of database?"
            ) from error
        call_command("migrate", verbosity=0)
        paused = pause_after_restore()
        self.stdout.write("Restored and up to date. Every user has to sign in again.")
        if paused:
            self.stdout.write(f"{paused} bulk updates in progress are paused until a user resumes them.")


def _copy_sqlite(source: Path) -> None:
    target = Path(connection.settings_dict["NAME"])
    target.touch()
    target.chmod(0o600)
    # immutable=1 lets SQLite open a file on read-only media.
    with (
        contextlib.closing(open_read_only(source, how="immutable=1")) as backup,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        damage = backup.execute("PRAGMA integrity_check").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
        backup.backup(new)


def _load_postgres(source: Path) -> None:
    options, environment = for_postgres()
    # One transaction: a restore that fails leaves the database empty, so that the next one is not refused.
    command = ["pg_restore", "--no-owner", "--single-transaction", *options]
    database = f"--dbname={connection.settings_dict['NAME']}"
    subprocess.run([*command, database, str(source)], env=environment, check=True)
