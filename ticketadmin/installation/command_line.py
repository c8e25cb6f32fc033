"""The `ticketadmin` command: Django's command line with the settings file of the installation.

Without a command it lists those that an operator needs. `demo` never reads the settings file: it creates
users with known names, which must not get into a real database.
"""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.db import Error as DatabaseProblem

from ticketadmin import __version__
from ticketadmin.installation import init
from ticketadmin.installation.settings_file import VARIABLE, use_settings_file

WITHOUT_FILE = {"demo", "prepare_demo"}
COMMANDS = {
    "demo": "try the product with an embedded sandbox CRM",
    "init": "write the settings file, try the CRM, create the first administrator",
    "migrate": "create or upgrade the tables of the database",
    "createsuperuser": "create an administrator",
    "web": "serve the pages",
    "worker": "work on bulk updates; as many as wanted",
    "healthy PROCESS": "check that web or worker runs on this machine",
    "change CODE…": "change fields of tickets in the name of a user",
    "check": "name dangerous settings",
    "check_api": "try the address and the key of the CRM; writes nothing there",
    "backup FILE": "copy the database while everything runs",
    "restore FILE": "put such a copy into an empty database",
    "deploy_files FOLDER": "copy files for systemd and nginx out of the wheel",
    "erase SUBJECT": "erase what is held of a ticket or an e-mail address",
    "prune_history": "delete changes, bulk updates and drafts older than an age",
    "reset_second_step": "turn off a user's two-step sign-in",
    "index": "show the ticket index, read the CRM's list into it, delete rows",
    "settle_changes": "find out what pending and unknown changes did",
}


class CommandLine(ManagementUtility):
    """Django's, with a short list first: its own has thirty commands that operators do not need."""

    def main_help_text(self, commands_only: bool = False) -> str:
        """Return the commands an operator needs; with `help --commands` the names of all."""
        if commands_only:
            return super().main_help_text(commands_only=True)
        lines = [f"  {self.prog_name} {name:<19} {words}" for name, words in COMMANDS.items()]
        more = [
            f"`{self.prog_name} COMMAND --help` describes one, `{self.prog_name} help --commands` names all.",
            "Settings are environment variables, or lines of a settings file: README, “Settings”.",
        ]
        return "\n".join([f"ticketadmin {__version__}", "", *lines, "", *more])


def main() -> None:
    """Run the command that the arguments name. Files that it creates are readable only by their owner."""
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ticketadmin.settings")
    if sys.argv[1:2] == ["init"]:
        sys.exit(init.main(sys.argv[2:]))
    if sys.argv[1:2] and sys.argv[1] in WITHOUT_FILE:
        os.environ.pop(VARIABLE, None)
    else:
        use_settings_file()
    command_line = CommandLine(["ticketadmin", *sys.argv[1:]])  # the name in every text, also after `-m`
    try:
        command_line.execute()
    except ImproperlyConfigured as error:
        sys.exit(f"ticketadmin did not start: {error}")
    except DatabaseProblem as error:
        if "--traceback" in sys.argv or not (words := _without_database(error)):
            raise
        sys.exit(words)


def _without_database(error: DatabaseProblem) -> str:
    """Return why no command can use the database, "" if it can be used."""
    from ticketadmin.management.starting import database_problem  # noqa: PLC0415 - needs Django set up

    return database_problem(error, allow_pending=sys.argv[1:2] == ["migrate"])
