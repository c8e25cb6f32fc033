"""Settle what a crash or a lost answer left open: read each ticket and record what its change did."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from ticketadmin.models import Outcome
from ticketadmin.services.saving.readback import settle_all


class Command(BaseCommand):
    """For a timer, or by hand after an outage. Nothing is written to the CRM."""

    help = "Read tickets to find out what pending and unknown changes did; nothing is sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=1_000, help="changes to look at (default: 1000)")

    def handle(self, **options: Any) -> None:
        found = Counter(change.outcome for change in settle_all(limit=options["limit"]))
        for outcome in Outcome:
            if found[outcome]:
                self.stdout.write(f"{outcome.value:>18}  {found[outcome]}")
        self.stdout.write(f"{sum(found.values())} open changes were examined.")
