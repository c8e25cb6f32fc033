"""The index of the whole test CRM for tests of pages: swept once, then its rows are written again.

A sweep of 120 tickets takes 0.25 s of processor time, its rows a tenth of that. Tests of the sweep itself
(`tests/services/index/test_sweeping.py`) make it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.management import call_command
from django.db import models

from ticketadmin.models import CustomField, IndexedTicket, IndexedValue, StatusCount, TicketIndex
from ticketadmin.services.crm.clock import database_now

TABLES: tuple[type[models.Model], ...] = (
    TicketIndex,
    IndexedTicket,
    IndexedValue,
    StatusCount,
)  # as they refer
BY_THE_CRM = {"created_at", "updated_at"}  # every other time of these tables is one of the sweep


def sweep() -> None:
    """Read the CRM's whole list into the index, as the list is now."""
    call_command("index", "--sweep")


def index_rows() -> tuple[models.Model, ...]:
    """Return every row of the index's tables, in an order in which they can be written."""
    return tuple(row for table in TABLES for row in table._default_manager.order_by("pk"))


@dataclass(frozen=True)
class Swept:
    """The rows that a sweep left, and the database's time right after it."""

    rows: tuple[models.Model, ...]
    at: datetime

    def write(self) -> None:
        """Write the rows into empty tables; they are as old as they were right after the sweep."""
        later = database_now() - self.at
        for table in TABLES:
            copies = [_copy(row, later) for row in self.rows if isinstance(row, table)]
            table._default_manager.bulk_create(copies)


def _copy(row: models.Model, later: timedelta) -> models.Model:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    moments = {name: value for name, value in values.items() if isinstance(value, datetime)}
    moved = {name: value + later for name, value in moments.items() if name not in BY_THE_CRM}
    return type(row)(**values | moved)


class SweptIndex:
    """The index of the test CRM in its first state, which the first test of a process sweeps."""

    def __init__(self) -> None:
        self._swept: Swept | None = None

    def fill(self) -> None:
        """Put the whole list into an empty index, before any custom field is described."""
        assert not CustomField.objects.exists()
        if self._swept:
            self._swept.write()
            return
        sweep()
        self._swept = Swept(index_rows(), database_now())
