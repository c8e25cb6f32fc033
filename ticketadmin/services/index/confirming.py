"""Two prepared updates of a ticket's row: after a read that showed the same, and after a save changed it.

They are what opening and saving a ticket write, so their SQL is worked out only once. Every other read goes
through `rows.write_rows`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, CharField, DateTimeField, QuerySet
from django.utils import timezone

from ticketadmin.models import IndexedTicket, PreparedUpdate, ReadFrom, Slot, TicketIndex
from ticketadmin.services.crm.clock import clock_column

# The columns that follow from one read of the ticket. `digest` identifies that read.
CHANGED_COLUMNS = (
    "number", "values", "words", "customer_words", "digest",
    "title_key", "customer_key", "email_key", "phone_key", "category_key",
    "status_key", "expected_on", "created_at", "updated_at",
)  # fmt: skip


def confirm_row(index: TicketIndex, code: str, digest: str, *, began_at: datetime) -> bool:
    """Confirm a ticket's row by a read that began at this moment and showed the same; return whether it did.

    False if the row holds something else, is missing, or was written by a read that began later.
    """
    return bool(_CONFIRMED.run(index=index.pk, code=code, known=digest, began_at=began_at))


def change_row(
    index: TicketIndex, code: str, known: str, *, began_at: datetime, columns: Mapping[str, Any]
) -> bool:
    """Write CHANGED_COLUMNS to a ticket's row that still holds the read with the `known` digest.

    Return whether it did, as `confirm_row` does.
    """
    values = {"index": index.pk, "code": code, "known": known, "began_at": began_at, **columns}
    if not _has_clock():
        values["changed_at"] = timezone.now()
    return bool(_CHANGED.run(**values))


def _has_clock() -> bool:
    """Return whether the database's clock can be asked in the update itself (see `crm.clock`)."""
    return connection.vendor == "postgresql"


def _known() -> QuerySet[IndexedTicket]:
    return IndexedTicket.objects.filter(
        index_id=Slot("index", BigIntegerField()),
        code=Slot("code", CharField()),
        digest=Slot("known", CharField()),
        read_at__lt=Slot("began_at", DateTimeField()),
        missing_at=None,
    )


def _told() -> dict[str, Any]:
    began_at = Slot("began_at", DateTimeField())
    return {"read_at": began_at, "read_from": ReadFrom.TICKET, "doubted_at": None}


def _changed() -> tuple[QuerySet[IndexedTicket], dict[str, Any]]:
    fields = (field for field in IndexedTicket._meta.concrete_fields if field.name in CHANGED_COLUMNS)
    columns = {field.name: Slot(field.name, field) for field in fields}
    changed_at = clock_column() if _has_clock() else Slot("changed_at", DateTimeField())
    return _known(), {**columns, **_told(), "changed_at": changed_at}


_CONFIRMED = PreparedUpdate(lambda: (_known(), _told()))
_CHANGED = PreparedUpdate(_changed)
