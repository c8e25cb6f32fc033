"""`manage.py check_api`: says in words what works between this tool and the CRM."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ticketadmin.presenters.connection import present_report
from ticketadmin.services.crm.check import Answer, check_api


class Command(BaseCommand):
    """Ask the CRM everything that reading can tell; exit 1 where saving cannot work."""

    help = "Check the connection to the CRM and the key's rights. Nothing is written to the CRM."

    def handle(self, **_options: Any) -> None:
        """Ask and report."""
        report = check_api()
        for step, shown in zip(report.steps, present_report(report), strict=True):
            answer = str(shown.answer).upper() if step.state is Answer.FAILS else shown.answer
            took = f" ({step.ms:.0f} ms)" if step.ms is not None else ""
            why = f": {shown.why}" if shown.why else ""
            self.stdout.write(f"{shown.label}: {answer}{took}{why}")
        if not report.works:
            sys.exit(1)
