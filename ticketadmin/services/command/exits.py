"""Exit codes of the command, one for each kind of outcome; documented in docs/command.md."""

from collections.abc import Iterable
from enum import IntEnum

from ticketadmin.models import BulkItem, ItemOutcome, ItemReason, Outcome, Plan
from ticketadmin.services.saving import errors
from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError
from ticketadmin.ticketapi.reasons import Reason, Source


class Exit(IntEnum):
    """How the command ended. 1 is an error of this tool itself."""

    DONE = 0  # every ticket is verified, or needed no change
    USAGE = 2  # the arguments, a value or the file are wrong; as argparse has it
    NOT_ALLOWED = 3  # no such user, or one without the right
    NO_TICKET = 4
    RULE = 5
    CONFLICT = 6
    BUSY = 7  # another save of the ticket is under way
    UNREACHABLE = 8  # the CRM could not be asked; nothing was sent
    REFUSED = 9  # the CRM refused it; nothing was changed
    NOT_APPLIED = 10
    STORED_DIFFERENTLY = 11
    NOT_READABLE = 12
    ACCEPTED = 13
    UNKNOWN = 14
    PARTLY = 15  # several tickets, not all of them with the same outcome
    PAUSED = 16
    INTERRUPTED = 17
    WOULD_LOSE = 18  # the CRM would empty fields that cannot be read; nothing was sent


OUTCOMES: dict[Outcome, Exit] = {
    Outcome.PENDING: Exit.UNKNOWN,
    Outcome.VERIFIED: Exit.DONE,
    Outcome.STORED_DIFFERENTLY: Exit.STORED_DIFFERENTLY,
    Outcome.NOT_APPLIED: Exit.NOT_APPLIED,
    Outcome.NOT_READABLE: Exit.NOT_READABLE,
    Outcome.ACCEPTED: Exit.ACCEPTED,
    Outcome.REJECTED: Exit.REFUSED,
    Outcome.UNKNOWN: Exit.UNKNOWN,
}
_ITEM_REASONS = {
    ItemReason.BROKEN_RULE: Exit.RULE,
    ItemReason.WOULD_LOSE: Exit.WOULD_LOSE,
    ItemReason.RECIPE_STOPPED: Exit.USAGE,
    ItemReason.CHANGED_SINCE: Exit.CONFLICT,
    ItemReason.NOT_AS_LISTED: Exit.CONFLICT,
    ItemReason.CHANGED_SINCE_EXPORT: Exit.CONFLICT,
    ItemReason.IN_PROGRESS: Exit.BUSY,
    ItemReason.READING_LOST: Exit.UNREACHABLE,
    ItemReason.NOTHING_WANTED: Exit.USAGE,
    ItemReason.OTHER_TYPE: Exit.USAGE,
    ItemReason.NOT_OFFERED: Exit.USAGE,
}
_ITEM_OUTCOMES = {
    ItemOutcome.ALREADY: Exit.DONE,
    ItemOutcome.CONFLICT: Exit.CONFLICT,
    ItemOutcome.NOT_SENT: Exit.INTERRUPTED,
}


def exit_of_problem(problem: errors.SaveProblem) -> Exit:
    """Return the exit code for a save that did not succeed."""
    match problem:
        case errors.NothingToSave():
            return Exit.DONE
        case errors.EditConflict():
            return Exit.CONFLICT
        case errors.RuleBroken():
            return Exit.RULE
        case errors.WouldLoseFields():
            return Exit.WOULD_LOSE
        case errors.SaveInProgress():
            return Exit.BUSY
        case errors.CheckFailed(error=error):
            return exit_of_error(error)
        case errors.SaveFailed(change=change, error=error) if change.outcome == Outcome.REJECTED:
            return exit_of_error(error)
        case errors.SaveFailed(change=change):
            return OUTCOMES[Outcome(change.outcome)]
        case _:
            return Exit.UNREACHABLE


def exit_of_error(error: TicketApiError) -> Exit:
    """Return the exit code for a call that failed before anything was sent."""
    if isinstance(error, InvalidTicket):
        return Exit.REFUSED
    return _exit_of_reason(error.reason)


def _exit_of_reason(reason: Reason | None) -> Exit:
    """Return REFUSED for an answer of the CRM about this ticket, UNREACHABLE for one that may pass."""
    if reason is None:
        return Exit.UNREACHABLE
    if reason is Reason.NOT_FOUND:
        return Exit.NO_TICKET
    is_of_ticket = reason.source is Source.CRM and not reason.is_key_problem
    return Exit.REFUSED if is_of_ticket and reason.repeat.name == "NONE" else Exit.UNREACHABLE


def exit_of_item(item: BulkItem) -> Exit:
    """Return the exit code for one ticket of a run; before it was confirmed, for what its dry run found."""
    if item.outcome in _ITEM_OUTCOMES:
        return _ITEM_OUTCOMES[ItemOutcome(item.outcome)]
    if item.outcome == ItemOutcome.REJECTED:
        return _exit_of_reason(Reason.known(item.reason))
    if item.outcome in Outcome.values:
        return OUTCOMES[Outcome(item.outcome)]
    if item.outcome == ItemOutcome.NOT_DONE or item.plan == Plan.CANNOT:
        known = ItemReason(item.reason) if item.reason in list(ItemReason) else None
        return _ITEM_REASONS.get(known, Exit.REFUSED) if known else _exit_of_reason(Reason.known(item.reason))
    return Exit.DONE


def exit_of_all(exits: Iterable[Exit]) -> Exit:
    """Return the one exit code of several tickets; PARTLY where they differ."""
    found = set(exits)
    return found.pop() if len(found) == 1 else Exit.PARTLY if found else Exit.DONE
