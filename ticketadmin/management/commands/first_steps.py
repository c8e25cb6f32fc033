"""`ticketadmin first_steps`: tables, a tried connection, static files, an administrator. `init` runs it.

One process for all of them: to start one takes longer than what most of them do.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.installation.init import CONNECTED_ONLY
from ticketadmin.installation.settings_file import IS_CHECKOUT


class Command(BaseCommand):
    """Takes the steps in order and ends at the first that fails.

    The exit code says how far it came: `CONNECTED_ONLY` where the CRM answered, 1 before.
    """

    help = "Migrate, try the CRM, collect static files in a checkout, make the first administrator."
    requires_system_checks: list[str] = []  # migrate makes them, with those of the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="", help="the administrator's name; asked for if not given")
        parser.add_argument("--password-file", default=None, help="a file that holds the password")
        parser.add_argument("--no-input", action="store_true", help="never ask; end with an error instead")

    def handle(self, *, username: str, password_file: str | None, no_input: bool, **_options: Any) -> None:
        call_command("migrate", verbosity=0, skip_checks=False)
        call_command("check_api")
        try:
            if IS_CHECKOUT:
                call_command("collectstatic", interactive=False, verbosity=0)
            given = ["--password-file", password_file] if password_file else []
            asked = ["--no-input"] if no_input else []
            call_command("first_administrator", "--username", username, *given, *asked)
        except (CommandError, OSError) as error:
            raise CommandError(str(error), returncode=CONNECTED_ONLY) from error
        except SystemExit:  # the questions of createsuperuser were interrupted
            sys.exit(CONNECTED_ONLY)
