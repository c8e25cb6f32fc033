"""`ticketadmin index`: shows the state of the ticket index, rebuilds it, and deletes rows or an index."""

import time
from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.models import TicketIndex
from ticketadmin.presenters.index import ABILITY_LABELS
from ticketadmin.services.crm.connection import may_try_reading
from ticketadmin.services.index.forget import forget_tickets, rebuild_index
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.state import index_state
from ticketadmin.services.index.sweeping import Sweeper, start_sweep
from ticketadmin.services.operations.heartbeats import living


class Command(BaseCommand):
    """Shows, sweeps, rebuilds or forgets. Nothing is written to the CRM; only a sweep reads from it."""

    help = "Show the state of the ticket index, read the whole list, rebuild the index, or delete rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--sweep", action="store_true", help="read the whole list now, without a worker")
        what.add_argument("--rebuild", action="store_true", help="read the list from the start, recount")
        what.add_argument("--forget", nargs="+", metavar="CODE", help="delete the rows of these tickets")
        what.add_argument("--forget-address", metavar="ADDRESS", help="delete the index of a CRM address")

    def handle(self, **options: Any) -> None:
        if options["forget"]:
            self.stdout.write(f"{forget_tickets(options['forget'])} rows were deleted.")
        elif options["forget_address"]:
            self._forget_address(options["forget_address"])
        elif options["sweep"]:
            self._sweep()
        elif options["rebuild"]:
            rebuild_index(current_index())
            self.stdout.write("A worker will read the list from the start.")
        else:
            self._show()

    def _sweep(self) -> None:
        if settings.TICKET_INDEX_PER_SECOND <= 0 or not may_try_reading():
            message = "The settings do not let the list be read: TICKET_INDEX_PER_SECOND, TICKET_API_READ."
            raise CommandError(message)
        index = current_index()
        start_sweep(index)
        sweeper = Sweeper(f"command-{uuid4().hex[:12]}")
        try:
            while (index := current_index()).is_sweeping:
                wait = sweeper.step()
                if problem := current_index().problem:
                    raise CommandError(f"The list could not be read: {problem}. It is kept where it was.")
                time.sleep(wait)
        finally:
            sweeper.release()
        self.stdout.write(f"{index.sweep_rows} tickets were listed.")

    def _forget_address(self, address: str) -> None:
        index = TicketIndex.objects.filter(address=address.rstrip("/")).first()
        if index is None:
            known = ", ".join(TicketIndex.objects.values_list("address", flat=True)) or "none"
            raise CommandError(f"There is no index of {address}. Known: {known}")
        index.delete()
        self.stdout.write(f"The index of {address} was deleted.")

    def _show(self) -> None:
        index = current_index()
        state = index_state(index)
        able = state.able
        proved = [name for name in ABILITY_LABELS if getattr(able, name)]
        sweeping = f"under way, {state.share or 0} %" if index.is_sweeping else "not running"
        for name, value in (
            ("address", index.address),
            ("tickets known", state.known),
            ("newest read", index.newest_at or "never"),
            ("list read to its end", index.sweep_finished_at or "never"),
            ("sweep", sweeping),
            ("not addressable", ", ".join(index.unaddressable) or "none"),
            ("last problem", f"{index.problem} at {index.problem_at}" if index.problem else "none"),
            ("worker", "living" if living() else f"none since {state.worked_at or 'the start'}"),
            ("rows carry", ", ".join(sorted(able.fields)) or "not known"),
            ("the list", ", ".join(proved) or "proved nothing yet"),
        ):
            self.stdout.write(f"{name:22}{value}")
