"""Where an installation keeps its settings, and how the file is read and written.

The format is that of systemd's EnvironmentFile: one line `NAME='value'` per setting. An environment variable
always takes precedence over the file. Started directly, `manage.py` and gunicorn read only the file that
SETTINGS_FILE names.
"""

import os
import shlex
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

VARIABLE = "SETTINGS_FILE"
SETTINGS_PATHS = (Path("/etc/ticketadmin/environment"), Path("~/.config/ticketadmin/environment"))
# A wheel holds templates, static files and translations inside the package, a checkout beside it.
BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
IS_CHECKOUT = not BUNDLED.is_dir()
USER_DATA = "~/.local/share/ticketadmin"


class NotWritable(Exception):
    """A value that the format cannot hold; nothing was written."""


def use_settings_file() -> None:
    """Let settings.py read the first of the usual files that this user may read, unless one is named."""
    if not os.environ.get(VARIABLE) and (found := found_file()):
        os.environ[VARIABLE] = str(found)


def found_file() -> Path | None:
    """Return the first of the usual files that this user may read."""
    files = (path.expanduser() for path in SETTINGS_PATHS)
    return next((path for path in files if os.access(path, os.R_OK)), None)


def read_settings(file: Path) -> dict[str, str]:
    """Return the file's settings by name, {} if there is no file. Raises OSError."""
    if not file.exists():
        return {}
    pairs = (_pair(line) for line in file.read_text(encoding="utf-8").splitlines())
    return dict(pair for pair in pairs if pair)


def write_settings(file: Path, values: Mapping[str, str]) -> None:
    """Set these settings in the file and leave its other lines as they are; the file is complete at any time.

    A new file and its folder are readable only by their owner; of an existing file, others can no longer read
    it. Raises OSError, and NotWritable for a value with a quote or a line end.
    """
    for name, value in values.items():
        if "'" in value or not value.isprintable():
            raise NotWritable(f"{name} holds a quote or a character that cannot be printed.")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    kept = [line for line in lines if not ((pair := _pair(line)) and pair[0] in values)]
    write_private(file, "".join(f"{line}\n" for line in [*kept, *(f"{n}='{v}'" for n, v in values.items())]))


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step; a new one is for its owner alone, an existing one keeps owner and group."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    old = file.stat() if file.exists() else None
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as partial:
            partial.write(text)
        if old:
            os.chown(name, old.st_uid, old.st_gid)
            Path(name).chmod(stat.S_IMODE(old.st_mode) & 0o660)
        Path(name).replace(file)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _pair(line: str) -> tuple[str, str] | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an open quote
        return None
    name, equals, value = words[0].partition("=") if len(words) == 1 else ("", "", "")
    return (name, value) if equals and name.isidentifier() else None
