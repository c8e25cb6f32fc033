"""`ticketadmin init`: a settings file with a new secret, a tested connection, the first administrator.

It does not ask for settings known from options, the environment or an earlier run, so that a second run
changes nothing and tests everything. The steps that need the settings are one command, `first_steps`, in a
process of its own, since a process reads the settings once, at its start.
"""

import argparse
import getpass
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ticketadmin.installation.settings_file import (
    IS_CHECKOUT,
    SETTINGS_PATHS,
    USER_DATA,
    VARIABLE,
    NotWritable,
    found_file,
    read_settings,
    write_private,
    write_settings,
)

_ABOUT = (
    "Write a settings file with a new secret, try the CRM's address and key, and create the first "
    "administrator. What options, the environment or an earlier run say is not asked for again: a second run "
    "changes nothing and tries everything."
)
ATTEMPTS = 3
LOOPBACK = "localhost,127.0.0.1,[::1]"
KEY_FILE = "ticket-api-key"
INTERRUPTED = 130
CONNECTED_ONLY = 3  # exit code of `first_steps`: address and key work, a later step failed


@dataclass
class Setup:
    """One run: the options, the file, and the settings that are known so far."""

    options: argparse.Namespace
    file: Path
    settings: dict[str, str] = field(default_factory=dict)

    def known(self, name: str) -> str:
        """Return a setting of the environment or of the file, "" if there is none."""
        return os.environ.get(name) or self.settings.get(name, "")

    def save(self, **values: str) -> None:
        """Write settings that differ from what the file holds."""
        changed = {name: value for name, value in values.items() if self.settings.get(name) != value}
        if changed:
            write_settings(self.file, changed)
            self.settings.update(changed)


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    file = (options.settings_file or found_file() or SETTINGS_PATHS[1]).expanduser().absolute()
    try:
        return _set_up(Setup(options, file, read_settings(file)))
    except (KeyboardInterrupt, EOFError):
        _say(f"\nStopped. What was entered so far is in {file}; run ticketadmin init again to go on.")
        return INTERRUPTED
    except (OSError, UnicodeDecodeError) as error:
        _say(
            f"Stopped: {getattr(error, 'filename', None) or file}: {getattr(error, 'strerror', '') or error}."
        )
    except NotWritable as error:
        _say(f"Nothing was written: {error}")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ticketadmin init", description=_ABOUT)
    parser.add_argument(
        "--settings-file", type=Path, default=os.environ.get(VARIABLE) or None, help="the file to write"
    )
    parser.add_argument(
        "--crm-url", default="", help="scheme and host of the CRM, for example https://crm.example.com"
    )
    parser.add_argument("--crm-key-file", type=Path, help="a file to read the key from; it is copied")
    parser.add_argument("--host", default="", help="host name under which users open the tool over https")
    parser.add_argument("--database-url", default="", help="postgres://…; SQLite in DATA_DIR if not given")
    parser.add_argument("--administrator", default="", help="user name of the first administrator")
    parser.add_argument("--password-file", type=Path, help="a file with the first administrator's password")
    parser.add_argument("--no-input", action="store_true", help="never ask; end with an error instead")
    return parser


def _set_up(setup: Setup) -> int:
    _say(f"Settings file: {setup.file}")
    _save_basics(setup)
    if not _take_first_steps(setup):
        return 1
    _say("\nReady. Start both of these, each under a service manager (ticketadmin deploy_files has units):")
    _say("  ticketadmin web\n  ticketadmin worker")
    return 0


def _save_basics(setup: Setup) -> None:
    """Write what needs no answer: the secret, the folder, the database, and the host if it was given."""
    if not setup.known("SECRET_KEY"):
        setup.save(SECRET_KEY=secrets.token_urlsafe(50))
    folder = Path(setup.known("DATA_DIR") or USER_DATA).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    setup.save(DATA_DIR=str(folder))
    if IS_CHECKOUT and not setup.known("STATIC_ROOT"):
        setup.save(STATIC_ROOT=str(folder / "static"))
    if setup.options.database_url:
        setup.save(DATABASE_URL=setup.options.database_url)
    if setup.options.host:
        host = setup.options.host
        hosts = {"ALLOWED_HOSTS": f"{host},{LOOPBACK}", "CSRF_TRUSTED_ORIGINS": f"https://{host}"}
        setup.save(**hosts, HTTPS_ONLY="1")
    elif not setup.known("ALLOWED_HOSTS") and not setup.known("HTTPS_ONLY"):
        setup.save(HTTPS_ONLY="0")
        _say("Pages will open on this machine only. To open them to others: ticketadmin init --host NAME")


def _take_first_steps(setup: Setup) -> bool:
    """Ask for the CRM's address and key until they work, then create an administrator.

    The address and key that were entered last are kept.
    """
    for attempt in range(ATTEMPTS):
        ask_anew = attempt > 0
        if not (_save_address(setup, ask_anew=ask_anew) and _save_key(setup, ask_anew=ask_anew)):
            _say("Stopped: the CRM's address and key are needed: --crm-url, --crm-key-file.")
            return False
        code = _run(setup, "first_steps", *_administrator(setup.options))
        if code in {0, CONNECTED_ONLY}:
            return code == 0
        if setup.options.no_input or "TICKET_API_URL" in os.environ:
            break
        _say("\nThat did not work, see above. Enter address and key again, or Ctrl-C to stop.")
    _say(f"Stopped. The settings are kept in {setup.file}; correct what is named above and run init again.")
    return False


def _save_address(setup: Setup, *, ask_anew: bool) -> bool:
    known = ("" if ask_anew else setup.options.crm_url) or setup.known("TICKET_API_URL")
    if (not known or ask_anew) and not setup.options.no_input:
        known = input(f"Address of the CRM{f' [{known}]' if known else ''}: ").strip() or known
    if known:
        setup.save(TICKET_API_URL=known)
    return bool(known)


def _save_key(setup: Setup, *, ask_anew: bool) -> bool:
    """Write the key into a separate file beside the settings, where it can be changed without a restart."""
    file = Path(setup.known("TICKET_API_KEY_FILE") or setup.file.with_name(KEY_FILE))
    has_key = bool(setup.known("TICKET_API_KEY") or (file.is_file() and file.stat().st_size))
    key = ""
    if setup.options.crm_key_file and not ask_anew:
        key = setup.options.crm_key_file.read_text(encoding="utf-8").strip()
    elif (ask_anew or not has_key) and not setup.options.no_input:
        key = getpass.getpass(
            f"Key to the CRM{' (empty: as before)' if has_key else ''}, not shown: "
        ).strip()
    if key:
        write_private(file, f"{key}\n")
        setup.save(TICKET_API_KEY_FILE=str(file))
    return bool(key) or has_key


def _administrator(options: argparse.Namespace) -> list[str]:
    given = [("--username", options.administrator), ("--password-file", options.password_file)]
    wanted = [word for name, value in given if value for word in (name, str(value))]
    return [*wanted, *(["--no-input"] if options.no_input else [])]


def _run(setup: Setup, *command: str) -> int:
    # The command itself says what happens; log lines in between would hide that.
    log_level = setup.known("LOG_LEVEL") or "WARNING"
    environment = {**os.environ, VARIABLE: str(setup.file), "LOG_LEVEL": log_level}
    sys.stdout.flush()
    return subprocess.run(  # noqa: S603 - this very command
        [sys.executable, "-m", "ticketadmin", *command], env=environment, check=False
    ).returncode


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
