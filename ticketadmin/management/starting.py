"""What a process checks before it serves pages or works: settings, and whether the tables fit this version.

A database that does not answer does not prevent the start: processes wait for it, and `/readyz` reports it.
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, Error, connection, connections

from ticketadmin import __version__
from ticketadmin.services.operations.schema import schema_state

_NEWER = """\
The database was migrated by a newer version than this one ({version}), which does not know {names}.
Nothing was changed. Install the newer version again, or go back whole: restore the backup from before the
upgrade into an empty database (docs/operations.md, “Way back”)."""
_PENDING = """\
The tables are not those of this version ({version}): {count} migrations are missing.
Back up, then run:  ticketadmin migrate"""
_AWAY = """\
The database cannot be used: {problem}
It is named by DATABASE_URL, or by DATA_DIR for SQLite; now it is {name}.
--traceback shows where the command needed it."""
_SETTINGS = """\
ticketadmin did not start, because these settings are missing or wrong:

{problems}

{source}
To enter and try them, and to create the first administrator:  ticketadmin init
Environment variables win over the file. The README's table explains each.
To try the product without settings:  ticketadmin demo"""


def require_start() -> None:
    """Exit with one screen of explanation if this process must not start."""
    if text := settings_problem() or schema_problem():
        sys.exit(text)


def settings_problem() -> str:
    """Return what the system checks refuse and how to set it, "" if nothing."""
    errors = [one for one in checks.run_checks() if one.is_serious() and not one.is_silenced()]
    if not errors:
        return ""
    problems = "\n".join(line for one in errors for line in _wrapped(one))
    return _SETTINGS.format(problems=problems, source=_source())


def schema_problem(*, allow_pending: bool = False) -> str:
    """Return why this version must not use the database, "" if it may or if the database is away."""
    try:
        state = schema_state()
    except DatabaseError:
        return _missing_folder()
    finally:
        connections.close_all()
    if state.newer:
        return _NEWER.format(version=__version__, names=", ".join(state.newer))
    if state.pending and not allow_pending:
        return _PENDING.format(version=__version__, count=len(state.pending))
    return ""


def database_problem(error: Error, *, allow_pending: bool = False) -> str:
    """Return why a command that ended with this error cannot use the database.

    Returns "" if the database answers and its tables fit: then the error is a fault of this tool.
    """
    if text := schema_problem(allow_pending=allow_pending):
        return text
    try:
        connection.ensure_connection()
    except Error:
        return _AWAY.format(problem=" ".join(str(error).split()), name=_name_of_database())
    return ""


def _name_of_database() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(database["NAME"])
    return f"“{database['NAME']}” on {database['HOST'] or 'this machine'}"


def static_problem() -> str:
    """Return that static files have to be collected first, "" if they are there."""
    if settings.DEBUG or (settings.STATIC_ROOT / "staticfiles.json").exists():
        return ""
    return f"No static files in {settings.STATIC_ROOT}. Run:  ticketadmin collectstatic --no-input"


def _wrapped(problem: checks.CheckMessage) -> Iterator[str]:
    yield from textwrap.wrap(f"{problem.msg} ({problem.id})", 96, initial_indent="  ", subsequent_indent="  ")
    hint = " ".join(str(problem.hint or "").split())
    yield from textwrap.wrap(hint, 96, initial_indent="      ", subsequent_indent="      ")


def _source() -> str:
    if settings.SETTINGS_FILE:
        return f"Read from the environment and from {settings.SETTINGS_FILE}."
    return "Read from the environment alone: no settings file was found or named (SETTINGS_FILE)."


def _missing_folder() -> str:
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3") or Path(database["NAME"]).parent.is_dir():
        return ""
    folder = Path(database["NAME"]).parent
    return f"The folder of the database does not exist: {folder}\nCreate it, or set DATA_DIR or DATABASE_URL."
