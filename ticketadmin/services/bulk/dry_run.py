"""The dry run of one ticket: what would be sent, or why nothing can be. `planning` does many at once."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.utils import timezone

from ticketadmin.models import BulkItem, ItemReason, ItemState, Plan
from ticketadmin.services.bulk.file_base import bases_in_file
from ticketadmin.services.bulk.recipes import is_stopped, recipe_of_run
from ticketadmin.services.bulk.results import Done, ItemResult, Retry
from ticketadmin.services.bulk.waits import may_try_again
from ticketadmin.services.bulk.work import Work, keep_broken_rules, keep_items
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.rules.checking import ProposedChange, check_rules, names_to_read
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.merge import merge
from ticketadmin.services.saving.seen_fields import with_seen
from ticketadmin.services.saving.sent_along import fields_lost, lost_and_along
from ticketadmin.services.values.fields import Value
from ticketadmin.ticketapi.errors import NotFound, TicketApiError


def plan_item(work: Work, item: BulkItem) -> ItemResult:
    """Read one ticket and write down what would be sent."""
    work.name_request(item)
    try:
        read = read_ticket(item.ticket_code, work.schema.choices)
    except CannotRead:
        _plan_unread(work, item)
    except TicketApiError as error:
        item.message = error.api_message[:500]
        item.reason = error.reason
        if not isinstance(error, NotFound) and may_try_again(item, error.reason, error.retry_after):
            keep_items([item])
            return Retry(error.reason)
        item.plan = Plan.CANNOT
    else:
        compare_item(work, item, read)
    item.state, item.finished_at = ItemState.DONE, timezone.now()
    keep_items([item])
    return Done(item.reason)


def _plan_unread(work: Work, item: BulkItem) -> None:
    if is_stopped(work.bulk, item, work.schema, None):
        return
    edit = Edit.from_json(item.all_wishes(work.bulk.wishes))
    seen = with_seen(work.schema, item.ticket_code)
    item.unreadable = list(fields_lost(edit.wishes, None, seen)) or None
    item.plan = Plan.BLIND
    if work.brings_its_base or item.file_base:  # changes since then cannot be found
        item.plan, item.reason = Plan.CANNOT, ItemReason.READING_LOST
    elif edit.not_offered(work.schema, {}):
        item.plan, item.reason = Plan.CANNOT, ItemReason.NOT_OFFERED
    else:
        _check_rules(work, item, edit.values(work.schema, {}), {})


def compare_item(work: Work, item: BulkItem, read: ReadTicket) -> None:
    """Set an item's plan from a read of its ticket. Nothing is stored."""
    if is_stopped(work.bulk, item, work.schema, read):
        return
    edit = Edit.from_json(item.all_wishes(work.bulk.wishes))
    schema, known = work.schema, read.values_for(edit.wishes)
    mine = edit.values(schema, known)
    base = {**(item.base or {}), **bases_in_file(item, known, schema)}
    merged = merge(base, mine, known, schema)  # an undo brings its base: the values then stored
    item.reason = ""
    seen = with_seen(schema, item.ticket_code)
    item.unreadable, item.sent_along = lost_and_along(mine, read, seen)
    item.plan = Plan.SEND
    if not edit and (recipe_of_run(work.bulk) or item.file_base is not None):
        item.plan, item.reason = Plan.ALREADY, ItemReason.KEPT_THEIRS if item.file_choices else ""
    elif not edit:
        item.plan, item.reason = Plan.CANNOT, ItemReason.NOTHING_WANTED
    elif set(mine) <= set(merged.already_there):
        item.plan = Plan.ALREADY
    elif merged.conflicts:
        item.plan, item.reason = Plan.CANNOT, ItemReason.CHANGED_SINCE
        if item.file_base:
            item.reason, item.base = ItemReason.CHANGED_SINCE_EXPORT, _known_of(edit, known)
    elif edit.not_offered(schema, known):
        item.plan, item.reason = Plan.CANNOT, ItemReason.NOT_OFFERED
    elif edit.refused(schema, known):
        item.plan, item.reason = Plan.CANNOT, ItemReason.OTHER_TYPE
    else:
        item.base = _known_of(edit, known)
        _check_rules(work, item, merged.left, read.values_for(names_to_read(work.rules)))
    item.read_at, item.is_unread = read.read_at, bool(read.unread)


def fields_named_as_lost(items: QuerySet[BulkItem]) -> set[str]:
    """Return the fields that sending these tickets would lose, as their dry runs found; one query."""
    named = items.filter(unreadable__isnull=False).order_by().values_list("unreadable", flat=True).distinct()
    return {name for names in named for name in names or ()}


def _known_of(edit: Edit, known: Mapping[str, Value]) -> dict[str, Value]:
    return {name: known[name] for name in edit.wishes if name in known}


def _check_rules(work: Work, item: BulkItem, wanted: Mapping[str, Value], known: Mapping[str, Value]) -> None:
    """Leave the ticket out if a rule forbids its change."""
    takes_back = work.brings_its_base and item.undo_of is not None
    proposed = ProposedChange(wanted, known, work.user, work.bulk.change_reason, takes_back)
    keep_broken_rules(item, check_rules(work.rules, proposed, work.schema).broken)
    if item.broken_rules:
        item.plan, item.reason = Plan.CANNOT, ItemReason.BROKEN_RULE
