"""`ticketadmin first_steps`: tables, a tested connection, static files, an administrator. `init` runs it.

One process runs them all, because starting one takes longer than most of them.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.installation.init import CONNECTED_ONLY
from ticketadmin.installation.settings_file import IS_CHECKOUT
from ticketadmin.models import User


class Command(BaseCommand):
    """Takes the steps in order and ends at the first that fails.

    The exit code says how far it came: `CONNECTED_ONLY` where the CRM answered, 1 before.
    """

    help = "Migrate, try the CRM, collect static files in a checkout, create the first administrator."
    requires_system_checks: list[str] = []  # migrate makes them, with those of the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="", help="the administrator's name; asked for if not given")
        parser.add_argument("--password-file", type=Path, help="a file that holds the password")
        parser.add_argument("--no-input", action="store_true", help="never ask; end with an error instead")

    def handle(self, *, username: str, password_file: Path | None, no_input: bool, **_options: Any) -> None:
        call_command("migrate", verbosity=0, skip_checks=False)
        call_command("check_api")
        try:
            if IS_CHECKOUT:
                call_command("collectstatic", interactive=False, verbosity=0)
            self._make_administrator(username, password_file, no_input=no_input)
        except (CommandError, OSError) as error:
            raise CommandError(str(error), returncode=CONNECTED_ONLY) from error
        except SystemExit:  # the questions of createsuperuser were interrupted
            sys.exit(CONNECTED_ONLY)

    def _make_administrator(self, username: str, password_file: Path | None, *, no_input: bool) -> None:
        """Create an administrator who can sign in, unless an active one exists."""
        existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if existing:
            self.stdout.write(f"An administrator exists: {existing.username}")
        elif password_file:
            self._create(username or "admin", password_file)
        elif no_input:
            raise CommandError("An administrator needs a password: give --administrator and --password-file.")
        else:
            self.stdout.write("\nThe first administrator:")
            call_command("createsuperuser", **({"username": username} if username else {}))

    def _create(self, username: str, password_file: Path) -> None:
        try:
            password = password_file.read_text(encoding="utf-8").strip()
            user = User(username=username, is_staff=True, is_superuser=True)
            user.clean_fields(exclude=["password"])
            validate_password(password, user)
        except (OSError, UnicodeDecodeError) as error:
            message = f"{password_file} cannot be read: {type(error).__name__}. No administrator was created."
            raise CommandError(message) from error
        except ValidationError as error:
            raise CommandError(f"No administrator was created: {' '.join(error.messages)}") from error
        user.set_password(password)
        user.save()
        self.stdout.write(f"The administrator {username} can sign in now.")
