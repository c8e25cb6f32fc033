"""Forget old history, where the house rules ask for it. Nothing does so by itself."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from ticketadmin.services.history.changes import prune_history

_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


class Command(BaseCommand):
    """For a timer. Changes whose outcome is still open are never deleted."""

    help = "Delete settled changes that are older than an age, for example 365d, 52w, 12m or 2y."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the age; there is no default, so that nothing is deleted by accident."""
        parser.add_argument("--older-than", type=age, required=True, metavar="AGE")

    def handle(self, **options: Any) -> None:
        """Delete in chunks and print how many."""
        self.stdout.write(f"{prune_history(options['older_than'])} changes were deleted.")


def age(text: str) -> timedelta:
    """Return the time span that 365d, 52w, 12m or 2y names. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dwmy])", text)
    if not found:
        message = "write a number and d, w, m or y, for example 365d"
        raise ArgumentTypeError(message)
    return timedelta(days=int(found[1]) * _DAYS[found[2]])
