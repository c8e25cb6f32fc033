"""`manage.py check_api`: says in words what works between this tool and the CRM."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ticketadmin.services.crm.check import check_api

_WORDS = {"works": "yes", "refused": "no, the key may not", "fails": "NO", "unknown": "not known"}


class Command(BaseCommand):
    """Ask the CRM everything that reading can tell; exit 1 where saving cannot work."""

    help = "Check the connection to the CRM and the key's rights. Nothing is written to the CRM."

    def handle(self, **_options: Any) -> None:
        """Ask and report."""
        report = check_api()
        for step in report.steps:
            took = f" ({step.ms:.0f} ms)" if step.ms is not None else ""
            why = f": {step.why}" if step.why else ""
            self.stdout.write(f"{step.label}: {_WORDS[step.state]}{took}{why}")
        if not report.works:
            sys.exit(1)
