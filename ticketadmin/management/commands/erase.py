"""`ticketadmin erase SUBJECT --by USERNAME [--yes]`: erase data of a ticket or an e-mail address."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.forms.erasing import subject_of
from ticketadmin.models import User
from ticketadmin.presenters.erasing import rows_held
from ticketadmin.services.erasing.erase import HeldData, StillOpen, erase, look_up
from ticketadmin.services.people.access import Forbidden


class Command(BaseCommand):
    """Shows what is stored; with --yes, erases it. Nothing is sent to the CRM."""

    help = "Show what is held of a ticket code or e-mail address; with --yes, erase it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", help="a ticket code or an e-mail address")
        parser.add_argument("--by", required=True, metavar="USERNAME", help="the administrator who erases it")
        parser.add_argument("--yes", action="store_true", help="erase; without it nothing is changed")

    def handle(self, *, subject: str, by: str, yes: bool, **_options: Any) -> None:
        try:
            wanted = subject_of(subject)
            user = User.objects.get(username=by)
            found = erase(wanted, user=user) if yes else look_up(wanted, user=user)
        except ValidationError as problem:
            message = f"{subject} is neither a ticket code nor an e-mail address; nothing was erased."
            raise CommandError(message) from problem
        except (User.DoesNotExist, Forbidden) as problem:
            raise CommandError(f"{by} is not an active administrator; nothing was erased.") from problem
        except StillOpen as problem:
            raise CommandError(_why_not(problem.found)) from problem
        for label, count in rows_held(found):
            self.stdout.write(f"{count:>8}  {label}")
        self.stdout.write("Erased." if yes else "Nothing was erased: add --yes. It cannot be undone.")


def _why_not(found: HeldData) -> str:
    waiting = [*found.open_codes, *(str(run.uuid) for run in found.open_runs)]
    return f"Nothing was erased: not settled or not ended yet: {', '.join(waiting)}."
