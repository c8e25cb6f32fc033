"""Opening SQLite files that only their owner can read, whatever the umask."""

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

_BESIDE = ("", "-wal", "-shm", "-journal")
_OWNER_ONLY = 0o600


class PrivateConnection(sqlite3.Connection):
    """A connection whose file is created for its owner alone; an existing file is given that mode as well.

    SQLite creates the files beside a database with the mode of the database. A file of another user keeps its
    mode. In-memory databases and `file:` addresses are left alone.
    """

    def __init__(self, database: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        if file := file_of(database):
            make_private(file)
        super().__init__(database, *args, **kwargs)


def file_of(database: str | os.PathLike[str]) -> Path | None:
    """Return the file that a database's name means, None for one in memory or a `file:` address."""
    name = os.fspath(database)
    return None if ":memory:" in name or name.startswith("file:") else Path(name)


def make_private(file: Path) -> None:
    """Create the file if it is missing, and deny group and others access to it and its companions."""
    with suppress(OSError):  # there already, or no folder: SQLite says so
        file.touch(mode=_OWNER_ONLY, exist_ok=False)
    for suffix in _BESIDE:
        one = file.with_name(file.name + suffix)
        with suppress(OSError):  # not there, or another user's
            if stat.S_IMODE(one.stat().st_mode) & 0o077:
                one.chmod(_OWNER_ONLY)
