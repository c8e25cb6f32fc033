"""Where an installation keeps its settings. The file's format is that of systemd's EnvironmentFile.

A variable of the environment always wins over the file. `manage.py` and gunicorn alone read no file but
the one that SETTINGS_FILE names.
"""

import os
from pathlib import Path

VARIABLE = "SETTINGS_FILE"
LOOKED_AT = (Path("/etc/ticketadmin/environment"), Path("~/.config/ticketadmin/environment"))


def use_settings_file() -> None:
    """Let settings.py read the first of the usual files that this user may read, unless one is named."""
    if not os.environ.get(VARIABLE) and (found := found_file()):
        os.environ[VARIABLE] = str(found)


def found_file() -> Path | None:
    """Return the first of the usual files that this user may read."""
    files = (path.expanduser() for path in LOOKED_AT)
    return next((path for path in files if os.access(path, os.R_OK)), None)
