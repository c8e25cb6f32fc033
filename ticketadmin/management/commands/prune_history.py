"""Delete old changes, bulk updates and drafts now. Workers do so by the retention settings."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ticketadmin.services.erasing.retention import prune

_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_OLDEST = timedelta(days=100 * 365)


class Command(BaseCommand):
    """Open changes and runs that have not ended are never deleted."""

    help = "Delete settled changes, ended bulk updates and drafts older than an age, such as 365d, 12m or 2y."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the age; there is no default, so that nothing is deleted by accident."""
        parser.add_argument(
            "--older-than", type=age, required=True, metavar="AGE", help="365d, 52w, 12m or 2y"
        )

    def handle(self, **options: Any) -> None:
        gone = prune(timezone.now() - options["older_than"])
        for name, count in gone.items():
            self.stdout.write(f"{count} {name} were deleted.")


def age(text: str) -> timedelta:
    """Return the time span that 365d, 52w, 12m or 2y names. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dwmy])", text)
    if not found:
        raise ArgumentTypeError("write a number and d, w, m or y, for example 365d")
    span = timedelta(days=int(found[1]) * _DAYS[found[2]])
    if span > _OLDEST:
        raise ArgumentTypeError("write an age of at most 100 years")
    return span
