"""A read of a ticket that shows what its row holds already: the commonest, so it is one prepared update."""

from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, CharField, DateTimeField, QuerySet

from ticketadmin.models import IndexedTicket, PreparedUpdate, ReadFrom, Slot, TicketIndex


def confirm_row(index: TicketIndex, code: str, digest: str, *, began_at: datetime) -> bool:
    """Note on a ticket's row that a read which began at that moment showed the same; return whether one did.

    False where the row holds something else, is missing, or was written by a read that began later.
    """
    return bool(_CONFIRMED.run(index=index.pk, code=code, digest=digest, began_at=began_at))


def _confirmed() -> tuple[QuerySet[IndexedTicket], dict[str, Any]]:
    began_at = Slot("began_at", DateTimeField())
    rows = IndexedTicket.objects.filter(
        index_id=Slot("index", BigIntegerField()),
        code=Slot("code", CharField()),
        digest=Slot("digest", CharField()),
        read_at__lt=began_at,
        missing_at=None,
    )
    return rows, {"read_at": began_at, "read_from": ReadFrom.TICKET, "doubted_at": None}


_CONFIRMED = PreparedUpdate(_confirmed)
