"""The staged rollout of a run: one ticket alone, then a handful, then full speed; and what stops it.

A ticket counts as proved when the CRM accepted it and it was read back right after, the fields that
were not sent included (where they can be read). One that was too large to be read whole proves nothing.
What a user accepted when continuing a paused run is kept in `BulkUpdate.accepted`: "emptied:<field>",
"changed:<field>" or "kept_old_values".
"""

from collections.abc import Iterator

from django.db.models import Count, Q, QuerySet

from ticketadmin.models import BulkItem, BulkUpdate, Damage, ItemOutcome, PauseReason
from ticketadmin.services.saving.damage import damage_by_field
from ticketadmin.services.values.schema import TicketSchema

HANDFUL = 4  # tickets in flight once the first one is proved
PROVED_FOR_FULL_SPEED = 5  # proved tickets after which the run goes at full speed
KEPT_OLD_VALUES = PauseReason.KEPT_OLD_VALUES.value  # also the entry in `accepted`
_PROVED = tuple(one for one in ItemOutcome if one.is_proved)
PAUSING_DAMAGE = tuple(one for one in Damage if one.pauses)


class Rollout:
    """How many tickets of one run may be in flight, and whether what was seen pauses it."""

    def __init__(self, bulk: BulkUpdate) -> None:
        counts = _proved(bulk).aggregate(
            proved=Count("pk"), not_applied=Count("pk", filter=Q(outcome=ItemOutcome.NOT_APPLIED))
        )
        self._proved: int = counts["proved"]
        self._not_applied: int = counts["not_applied"]
        self._accepted = frozenset(bulk.accepted)

    @property
    def has_begun(self) -> bool:
        """Return whether any ticket is proved."""
        return self._proved > 0

    @property
    def is_full(self) -> bool:
        """Return whether enough tickets are proved for full speed."""
        return self._proved >= PROVED_FOR_FULL_SPEED

    def in_flight(self, most: int) -> int:
        """Return how many tickets may be in flight now, at most `most`."""
        if self.is_full:
            return most
        return min(most, HANDFUL if self._proved else 1)

    def note(self, item: BulkItem, schema: TicketSchema) -> str:
        """Take a ticket that has ended into account; return the reason that should pause the run, or ""."""
        was_full = self.is_full
        if item.outcome in _PROVED and not item.reason and not (item.change and item.change.has_unchecked):
            self._proved += 1
            self._not_applied += item.outcome == ItemOutcome.NOT_APPLIED
        unaccepted = {damage for damage, key in _keys(item, schema) if key not in self._accepted}
        if unaccepted:
            is_emptied = Damage.EMPTIED in unaccepted
            return PauseReason.FIELDS_EMPTIED if is_emptied else PauseReason.FIELDS_CHANGED
        is_in_vain = 2 * self._not_applied > self._proved and item.outcome == ItemOutcome.NOT_APPLIED
        is_news = not was_full and KEPT_OLD_VALUES not in self._accepted
        return KEPT_OLD_VALUES if is_in_vain and is_news else ""


def damage_seen(item: BulkItem, schema: TicketSchema) -> dict[str, Damage]:
    """Return what saving a ticket did to fields that were not sent: name → damage."""
    return damage_by_field(item.change.collateral, schema) if item.change and item.damage else {}


def damaged_items(bulk: BulkUpdate) -> QuerySet[BulkItem]:
    """Return the tickets in which a field that was not sent was emptied or changed."""
    return bulk.items.filter(damage__in=PAUSING_DAMAGE).select_related("change").order_by("position")


def unaccepted_damage(bulk: BulkUpdate, schema: TicketSchema) -> Iterator[tuple[BulkItem, list[str]]]:
    """Yield the tickets with damage that was not accepted yet, and the names of the fields concerned."""
    accepted = set(bulk.accepted)
    for item in damaged_items(bulk).iterator(chunk_size=500):
        names = [key.partition(":")[2] for _damage, key in _keys(item, schema) if key not in accepted]
        if names:
            yield item, names


def accepted_by_resuming(bulk: BulkUpdate, schema: TicketSchema) -> list[str]:
    """Return what continuing now accepts, including what was accepted before."""
    items = damaged_items(bulk).iterator(chunk_size=500)
    keys = {key for item in items for _damage, key in _keys(item, schema)}
    if _proved(bulk).filter(outcome=ItemOutcome.NOT_APPLIED).exists():
        keys.add(KEPT_OLD_VALUES)
    return sorted(keys | set(bulk.accepted))


def _keys(item: BulkItem, schema: TicketSchema) -> list[tuple[Damage, str]]:
    seen = damage_seen(item, schema)
    return [(damage, f"{damage.value}:{name}") for name, damage in seen.items() if damage.pauses]


def _proved(bulk: BulkUpdate) -> QuerySet[BulkItem]:
    return bulk.items.filter(outcome__in=_PROVED, reason="", change__unchecked__isnull=True)
