"""Settle what a crash or a lost answer left open: read each ticket and record what its change did."""

from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from ticketadmin.converters import whole_number
from ticketadmin.models import Outcome
from ticketadmin.services.saving.readback import settle_all


class Command(BaseCommand):
    """For a timer, or by hand after an outage. Nothing is written to the CRM."""

    help = "Read tickets to find out what pending and unknown changes did; nothing is sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--limit", type=positive, default=1_000, metavar="N", help="changes to look at (default: 1000)"
        )

    def handle(self, **options: Any) -> None:
        found = Counter(change.outcome for change in settle_all(limit=options["limit"]))
        for outcome in Outcome:
            if found[outcome]:
                self.stdout.write(f"{outcome.value:>18}  {found[outcome]}")
        self.stdout.write(f"{sum(found.values())} open changes were examined.")


def positive(text: str) -> int:
    """Return a whole number above 0. Raises ArgumentTypeError."""
    number = whole_number(text)
    if not number:
        raise ArgumentTypeError("write a whole number above 0, for example 500")
    return number
