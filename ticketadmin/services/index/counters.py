"""Counts by status, updated with every write of a row, so that pages show them without counting rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Subquery

from ticketadmin.models import IndexedTicket, JsonRows, StatusCount, TicketIndex, json_rows, rows_in

UNKNOWN_STATUS_KEY = b""  # counts the tickets of unknown status; a known empty status has _EMPTY
_EMPTY = b"\x01"


@dataclass(frozen=True)
class Counted:
    """The tickets of one status. `name` is the CRM's spelling as it was last seen."""

    key: bytes
    name: str
    tickets: int

    @property
    def is_unknown(self) -> bool:
        """Whether these are the tickets of which no read showed a status."""
        return self.key == UNKNOWN_STATUS_KEY


def counter_key(status_key: bytes | memoryview | None) -> bytes:
    """Return the key under which a row is counted."""
    if status_key is None:
        return UNKNOWN_STATUS_KEY
    return bytes(status_key) or _EMPTY


def count_statuses(
    index: TicketIndex,
    steps: Iterable[tuple[bytes, int]],
    names: Mapping[bytes, str] | None = None,
) -> None:
    """Add to the counters, in the transaction that writes the rows. `steps` are (counter key, +1 or -1)."""
    totals: Counter[bytes] = Counter()
    for key, step in steps:
        totals[key] += step
    spelled = names or {}
    for key in sorted(key for key, step in totals.items() if step):
        kept = StatusCount.objects.filter(index=index, key=key)
        if not kept.update(tickets=F("tickets") + totals[key]):
            StatusCount.objects.get_or_create(
                index=index, key=key, defaults={"name": spelled.get(key, "")[:250]}
            )
            kept.update(tickets=F("tickets") + totals[key])


def status_counts(index: TicketIndex) -> tuple[Counted, ...]:
    """Return the counts of an index, by one query, without those that fell to 0."""
    kept = StatusCount.objects.filter(index=index, tickets__gt=0).values_list("key", "name", "tickets")
    return tuple(Counted(bytes(key), name, tickets) for key, name, tickets in kept)


def counts_column() -> Subquery:
    """Return the counts of each index as a column of a query of indexes, for `counts_in`."""
    kept = StatusCount.objects.filter(index=OuterRef("pk"), tickets__gt=0)
    return json_rows(kept, ("id", "key", "name", "tickets"))


def counts_in(column: JsonRows) -> tuple[Counted, ...]:
    """Return the counts in `counts_column`."""
    return tuple(Counted(bytes(one.key), one.name, one.tickets) for one in rows_in(StatusCount, column))


def recount(index: TicketIndex) -> None:
    """Recount the rows; called when an index is rebuilt, never to show a page."""
    StatusCount.objects.filter(index=index).delete()
    rows = IndexedTicket.objects.filter(index=index, missing_at=None)
    found = rows.values_list("status_key").annotate(tickets=Count("pk")).order_by()
    for key, tickets in found:
        example = rows.filter(status_key=key).first()
        name = example.values.get("status_name", "") if example and key is not None else ""
        StatusCount.objects.create(index=index, key=counter_key(key), name=name[:250], tickets=tickets)
