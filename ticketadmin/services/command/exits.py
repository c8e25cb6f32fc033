"""Exit codes of the command, one for each kind of outcome; documented in docs/command.md."""

from collections.abc import Iterable
from enum import IntEnum

from ticketadmin.models import BulkItem, ItemOutcome, ItemReason, Outcome, Plan
from ticketadmin.services.saving import errors
from ticketadmin.ticketapi.errors import InvalidTicket, TicketApiError
from ticketadmin.ticketapi.reasons import FailureSource, Reason, Repeat


class Exit(IntEnum):
    """How the command ended."""

    DONE = 0  # every ticket is verified, or needed no change
    FAILED = 1  # an error of this tool itself
    USAGE = 2  # the arguments, a value or the file are wrong; argparse's own code
    NOT_ALLOWED = 3  # no such user, or one without the right
    NO_TICKET = 4
    RULE = 5
    CONFLICT = 6
    BUSY = 7  # another save of the ticket is under way
    UNREACHABLE = 8  # the CRM could not be called; nothing was sent
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


EXITS: dict[Outcome, Exit] = {
    Outcome.PENDING: Exit.UNKNOWN,
    Outcome.VERIFIED: Exit.DONE,
    Outcome.STORED_DIFFERENTLY: Exit.STORED_DIFFERENTLY,
    Outcome.NOT_APPLIED: Exit.NOT_APPLIED,
    Outcome.NOT_READABLE: Exit.NOT_READABLE,
    Outcome.ACCEPTED: Exit.ACCEPTED,
    Outcome.REJECTED: Exit.REFUSED,
    Outcome.UNKNOWN: Exit.UNKNOWN,
}
_ITEM_OUTCOMES: dict[str, Exit] = {
    **{outcome.value: code for outcome, code in EXITS.items()},
    ItemOutcome.ALREADY: Exit.DONE,
    ItemOutcome.CONFLICT: Exit.CONFLICT,
    ItemOutcome.NOT_SENT: Exit.INTERRUPTED,
}
_ITEM_REASONS: dict[ItemReason, Exit] = {
    ItemReason.CHANGED_SINCE: Exit.CONFLICT,
    ItemReason.NOT_AS_LISTED: Exit.CONFLICT,
    ItemReason.CHANGED_SINCE_EXPORT: Exit.CONFLICT,
    ItemReason.UNCHANGED_IN_FILE: Exit.DONE,
    ItemReason.KEPT_THEIRS: Exit.DONE,
    ItemReason.READING_LOST: Exit.UNREACHABLE,
    ItemReason.IN_PROGRESS: Exit.BUSY,
    ItemReason.INTERNAL_ERROR: Exit.FAILED,
    ItemReason.NOT_UNDOABLE: Exit.USAGE,
    ItemReason.NOT_CERTAIN: Exit.USAGE,
    ItemReason.OTHER_TYPE: Exit.USAGE,
    ItemReason.NOT_OFFERED: Exit.USAGE,
    ItemReason.NOTHING_WANTED: Exit.USAGE,
    ItemReason.BROKEN_RULE: Exit.RULE,
    ItemReason.RECIPE_STOPPED: Exit.USAGE,
    ItemReason.WOULD_LOSE: Exit.WOULD_LOSE,
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
            return EXITS[Outcome(change.outcome)]
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
    is_of_ticket = reason.source is FailureSource.CRM and not reason.is_key_problem
    return Exit.REFUSED if is_of_ticket and reason.repeat is Repeat.NONE else Exit.UNREACHABLE


def exit_of_item(item: BulkItem) -> Exit:
    """Return the exit code for one ticket of a run; before it was confirmed, for what its dry run found."""
    is_left_out = not item.outcome and item.plan == Plan.CANNOT
    if is_left_out or item.outcome in {ItemOutcome.NOT_DONE, ItemOutcome.REJECTED}:
        known = item.reason in list(ItemReason)
        return _ITEM_REASONS[ItemReason(item.reason)] if known else _exit_of_reason(Reason.known(item.reason))
    return _ITEM_OUTCOMES[item.outcome] if item.outcome else Exit.DONE


def exit_of_all(exits: Iterable[Exit]) -> Exit:
    """Return the one exit code of several tickets; PARTLY where they differ."""
    found = set(exits)
    return found.pop() if len(found) == 1 else Exit.PARTLY if found else Exit.DONE
