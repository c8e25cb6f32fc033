"""`ticketadmin reset_second_step USERNAME`: for the last administrator who lost the authenticator app."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ticketadmin.models import User
from ticketadmin.services.people.second_step import reset_by_command


class Command(BaseCommand):
    """Recorded in the audit log, as everything about accounts is."""

    help = "Turn off a user's two-step sign-in and end their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="the user who lost the authenticator app")

    def handle(self, *, username: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username}; nothing was changed.")
        reset_by_command(user)
        self.stdout.write(f"{username} signs in with the password alone, and is signed out everywhere.")
