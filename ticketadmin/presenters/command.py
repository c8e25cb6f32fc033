"""What the command prints: a line for each ticket, or with --json one JSON object."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from ticketadmin.models import BulkItem, BulkUpdate, ItemOutcome, Plan, Tone
from ticketadmin.presenters.changes import ValueRow, present_edit, value_rows
from ticketadmin.presenters.outcomes import (
    NOTHING_CHANGED,
    PAUSES,
    Notice,
    Text,
    describe_outcome,
    why_left_out,
)
from ticketadmin.presenters.problems import describe_in_progress, describe_refused
from ticketadmin.presenters.rules import describe_all
from ticketadmin.presenters.sent_along import (
    describe_signature,
    losing_notice,
    signature_after,
    signature_before,
)
from ticketadmin.services.command.change import RunResult, TicketResult
from ticketadmin.services.command.exits import exit_of_item
from ticketadmin.services.recipes.stops import describe_kept
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveFailed,
    SaveInProgress,
    WouldLoseFields,
)
from ticketadmin.services.values.schema import TicketSchema

ALREADY = "already"
WOULD_SEND = "send"


def one_as_text(found: TicketResult, schema: TicketSchema) -> Iterator[str]:
    """Yield the lines to print for one ticket."""
    notice = _notice_of(found, schema)
    text = " ".join(str(part) for part in (notice.title, notice.text, notice.next_step) if part)
    yield f"{found.code}: {text}"
    if notice.quotation:
        yield f"  {_('The CRM says:')} {notice.quotation}"
    if found.intent:
        yield from map(_line, value_rows(schema, found.intent.before, found.intent.wanted))
    if signed := _signature_of(found, schema):
        yield f"  {signed}"


def _signature_of(found: TicketResult, schema: TicketSchema) -> Text:
    """Return the sentence on the user's name in the CRM, before or after the save."""
    if found.intent:
        signature = found.intent.signature
        return describe_signature(signature.field, signature.name, schema) if signature else ""
    return signature_after(found.change, schema) if found.change else ""


def _line(row: ValueRow) -> str:
    was = _("not known here") if row.before is None else row.before or _("empty")
    return f"  {row.label}: {was} → {row.after or _('empty')}"


def _notice_of(found: TicketResult, schema: TicketSchema) -> Notice:
    if found.intent is not None:
        return Notice(Tone.INFO, _("This would be sent."))
    match found.problem:
        case None if found.change is not None:
            return describe_outcome(found.change)
        case NothingToSave():
            return Notice(Tone.INFO, _("The CRM already holds these values."), _("Nothing was sent."))
        case WouldLoseFields(lost=lost):
            return _losing(lost, schema)
        case SaveInProgress(change=other) if other is not None:
            wait = _("Wait a moment, then try again.")
            return describe_in_progress(other, other.actor, wait) if other.actor else Notice(Tone.WARN, wait)
        case RuleBroken() | CheckFailed() | SaveFailed() | ReadingLost() as problem:
            return describe_refused(problem, schema)[0]
        case EditConflict():
            return Notice(Tone.WARN, _("Changed meanwhile"), NOTHING_CHANGED)
        case _:
            return Notice(Tone.WARN, _("Wait a moment, then try again."), NOTHING_CHANGED)


def _losing(lost: Iterable[str], schema: TicketSchema) -> Notice:
    options = " ".join(f"--accept-losing {name}" for name in lost)
    step = _("Set these fields, or send it anyway with %(options)s.") % {"options": options}
    return losing_notice(lost, schema, step)


def one_as_json(found: TicketResult, schema: TicketSchema) -> dict[str, Any]:
    """Return one ticket for `--json`."""
    notice = _notice_of(found, schema)
    outcome = found.change.outcome if found.change else ALREADY
    if found.intent:
        outcome = WOULD_SEND
    elif found.problem and not found.change and found.exit:
        outcome = ItemOutcome.NOT_DONE.value
    unmet = found.problem.unmet if isinstance(found.problem, RuleBroken) else ()
    return {
        "ticket": found.code,
        "exit": int(found.exit),
        "outcome": outcome,
        "message": str(notice.title),
        "crm_says": notice.quotation,
        "rules": [one.as_json() for one in unmet],
        "would_be_lost": list(found.problem.lost) if isinstance(found.problem, WouldLoseFields) else [],
        "wanted": dict(found.intent.wanted) if found.intent else found.change.wanted if found.change else {},
        "results": found.change.results if found.change else {},
        "change": str(found.change.uuid) if found.change else None,
    }


def run_as_text(found: RunResult, schema: TicketSchema) -> Iterator[str]:
    """Yield the lines to print for several tickets: one each, then the address of the run.

    After a dry run, the line of a ticket that would be sent is followed by what would be sent.
    """
    for item in found.items:
        label = ItemOutcome(item.outcome).label if item.outcome else Plan(item.plan).label
        yield f"{item.ticket_code}: {label}{_why(item, schema)}"
        if not found.is_kept and item.plan in {Plan.SEND, Plan.BLIND}:
            edit = Edit.from_json(item.all_wishes(found.bulk.wishes))
            rows = present_edit(edit, item.base or {}, schema)
            yield from (_line(one) for one in rows if one.before != one.after)
    is_to_send = any(item.plan in {Plan.SEND, Plan.BLIND} for item in found.items)
    if not found.is_kept and is_to_send and found.bulk.owner:
        was_read = not any(item.plan == Plan.BLIND for item in found.items)
        if signed := signature_before(found.bulk.owner, schema, was_read=was_read):
            yield str(signed)
    if found.lost:
        notice = _losing(found.lost, schema)
        yield " ".join(map(str, (notice.title, notice.text, notice.next_step)))
    if found.bulk.pause_reason in PAUSES:
        yield " ".join(map(str, PAUSES[found.bulk.pause_reason]))
    if found.is_kept:
        yield _("The run is saved as bulk update %(uuid)s.") % {"uuid": found.bulk.uuid}


def _why(item: BulkItem, schema: TicketSchema) -> str:
    text = " ".join((*describe_all(item.broken_rules, schema), *describe_kept(item.recipe_stops, schema)))
    if not text and item.reason:
        text = str(why_left_out(item.reason))
    return f". {text}" if text else ""


def run_as_json(found: RunResult) -> dict[str, Any]:
    """Return several tickets for `--json`."""
    return {
        "exit": int(found.exit),
        "bulk": str(found.bulk.uuid) if found.is_kept else None,
        "state": found.bulk.state,
        "pause_reason": found.bulk.pause_reason,
        "tickets": [_item_as_json(item, found.bulk) for item in found.items],
    }


def _item_as_json(item: BulkItem, bulk: BulkUpdate) -> dict[str, Any]:
    change = item.change
    return {
        "ticket": item.ticket_code,
        "exit": int(exit_of_item(item)),
        "outcome": item.outcome or item.plan,
        "reason": item.reason,
        "crm_says": item.message,
        "rules": item.broken_rules or [],
        "would_be_lost": item.unreadable or [] if item.plan in {Plan.SEND, Plan.BLIND} else [],
        "recipe": item.recipe_stops or [],
        "wanted": change.wanted if change else item.all_wishes(bulk.wishes),
        "results": change.results if change else {},
        "change": str(change.uuid) if change else None,
    }
