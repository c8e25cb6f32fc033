"""`ticketadmin check_api`: checks and reports what works between this tool and the CRM."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ticketadmin.presenters.connection import present_report
from ticketadmin.services.crm.check import CheckAnswer, check_api
from ticketadmin.services.saving.custom_fields import CHANGED, Trial, is_proved, try_custom_fields
from ticketadmin.ticketapi.client import CODE

_TRIALS = {
    Trial.MERGES: "Custom fields are merged: TICKET_API_CUSTOM_FIELDS=changed is safe with this CRM.",
    Trial.REPLACES: "Custom fields are replaced: the others were lost. Keep TICKET_API_CUSTOM_FIELDS=whole.",
    Trial.EMPTIES: "The CRM emptied fields that were not sent, which is remembered. "
    "Keep TICKET_API_CUSTOM_FIELDS=whole.",
    Trial.KNOWN_TO_EMPTY: "Nothing was sent: this CRM is known to empty what a request leaves out.",
    Trial.TOO_FEW: "Nothing was sent: the ticket needs at least two filled custom fields.",
    Trial.BUSY: "Nothing was sent: a save of this ticket is under way. Try again in a minute.",
    Trial.UNREADABLE: "The ticket cannot be read, so the trial shows nothing.",
    Trial.FAILED: "The CRM did not accept the trial; the ticket's history says what is known.",
}


class Command(BaseCommand):
    """Check everything that reading can show; exit 1 if saving cannot work."""

    help = "Check the connection to the CRM and the key's rights. Without an option nothing is written there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--try-custom-fields",
            metavar="CODE",
            help="Send one custom field of this ticket with its current value; check that the others stay.",
        )

    def handle(self, **options: Any) -> None:
        if options.get("try_custom_fields") is not None:
            self._try(options["try_custom_fields"])
            return
        report = check_api()
        for step, shown in zip(report.steps, present_report(report), strict=True):
            answer = str(shown.answer).upper() if step.state is CheckAnswer.FAILS else shown.answer
            took = f" ({step.ms:.0f} ms)" if step.ms is not None else ""
            why = f": {shown.why}" if shown.why else ""
            self.stdout.write(f"{shown.label}: {answer}{took}{why}")
        if settings.TICKET_API_CUSTOM_FIELDS == CHANGED and not is_proved():
            self.stdout.write(
                "TICKET_API_CUSTOM_FIELDS=changed is not in use: try --try-custom-fields CODE first."
            )
        if not report.works:
            sys.exit(1)

    def _try(self, code: str) -> None:
        if not CODE.fullmatch(code):
            raise CommandError(f"{code!r} is not a ticket code.")
        result = try_custom_fields(code)
        if result.trial is Trial.MERGES:
            self.stdout.write(_TRIALS[result.trial])
            return
        restored = "" if result.is_restored else " They could NOT be put back: see this ticket's history."
        raise CommandError(_TRIALS[result.trial] + restored)
