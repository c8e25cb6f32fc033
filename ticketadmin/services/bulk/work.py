"""What the items of one run share during work, and storing items."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import BigIntegerField, CharField, QuerySet

from ticketadmin.models import BulkItem, BulkKind, BulkUpdate, RowsUpdate, Slot, TicketRule, User
from ticketadmin.request_ids import set_request_id
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.rules.checking import Unmet, load_rules
from ticketadmin.services.values.schema import TicketSchema, load_schema


@dataclass(frozen=True)
class Work:
    """What the items of one bulk update share while they are worked on. `user` is its owner, who saves."""

    bulk: BulkUpdate
    user: User
    schema: TicketSchema
    rules: tuple[TicketRule, ...] = ()  # of the dry run; a save reads them again

    @property
    def brings_its_base(self) -> bool:
        """Return whether the items have a base from an earlier run."""
        return BulkKind(self.bulk.kind).brings_its_base

    def name_request(self, item: BulkItem) -> None:
        """Give this thread's calls a request ID that names the run and the item."""
        set_request_id(f"bulk-{self.bulk.uuid.hex[:12]}-{item.position}")


def work_on(bulk: BulkUpdate, user: User) -> Work:
    """Return what working on a bulk update needs, as it is now. No remote call is made."""
    choices = replace(get_choices(ask=False), rules=None)  # each save loads the rules: this is kept longer
    return Work(bulk, user, load_schema(choices, bulk.wishes), load_rules())


def _still_ours() -> QuerySet[BulkItem]:
    """Return the items of a run; none if another worker took the run over and settles them itself."""
    run = BulkUpdate.objects.filter(pk=Slot("run", BigIntegerField()), worker=Slot("worker", CharField()))
    return BulkItem.objects.filter(bulk__in=run)


_STORED = RowsUpdate(
    _still_ours,
    (
        "wishes", "base", "read_at", "is_unread", "is_from_list", "unreadable", "sent_along", "broken_rules",
        "recipe_stops", "plan", "state", "outcome", "reason", "message", "damage", "attempts", "not_before",
        "submission", "change", "finished_at",
    ),
)  # fmt: skip


def keep_items(items: Sequence[BulkItem]) -> None:
    """Store items of one run by one statement, unless another worker took the run over."""
    if items:
        _STORED.run(items, run=items[0].bulk_id, worker=items[0].bulk.worker)


def keep_broken_rules(item: BulkItem, unmet: Sequence[Unmet]) -> None:
    """Set the rules that an item's change does not meet. Nothing is stored."""
    item.broken_rules = [one.as_json() for one in unmet] or None
