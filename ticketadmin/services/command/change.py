"""Carrying the command out: one ticket is an ordinary save, several are a bulk run with its dry run.

Rights and rules are those of the user in whose name it runs. Every change is recorded with the origin
"command line" and the account of the system that ran the command. If it is killed at any moment, it leaves
a record that is settled by reading, as any save does, and a run that a worker takes over.
"""

import os
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from django.db.models import QuerySet

from ticketadmin.models import (
    MAX_SYSTEM_ACCOUNT,
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    Origin,
    Plan,
    User,
)
from ticketadmin.services.bulk.dry_run import fields_named_as_lost
from ticketadmin.services.bulk.engine import drain
from ticketadmin.services.bulk.runs import (
    ChosenTickets,
    check_bulk,
    confirm_bulk,
    discard_bulk,
    draft_bulk,
    pause_bulk,
)
from ticketadmin.services.command.arguments import Wanted
from ticketadmin.services.command.exits import EXITS, Exit, exit_of_all, exit_of_item, exit_of_problem
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.people.access import Forbidden, require
from ticketadmin.services.saving.errors import SaveProblem
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import Blocked, SaveContext, TicketEdit, compare
from ticketadmin.services.saving.payload import Intent
from ticketadmin.services.saving.readback import shown_outcome
from ticketadmin.services.saving.save import save_ticket
from ticketadmin.services.values.schema import TicketSchema

RUN_LOOK_INTERVAL = 0.5  # seconds between two looks at a run that a worker works on


@dataclass(frozen=True)
class CommandContext:
    """Whose rights the command uses, why, and until when: `should_stop` is called between tickets.

    `accepts_losing` are the fields that may be lost on a CRM which empties what a request leaves out.
    """

    user: User
    change_reason: str = ""
    is_dry_run: bool = False
    should_stop: Callable[[], bool] = lambda: False
    accepts_losing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TicketResult:
    """The result for one ticket: a change, a problem, or after a dry run what would be sent."""

    code: str
    exit: Exit
    change: Change | None = None
    problem: SaveProblem | None = None
    intent: Intent | None = None


@dataclass(frozen=True)
class RunResult:
    """The result for several tickets; a run that was only a dry run is deleted."""

    bulk: BulkUpdate
    exit: Exit
    items: tuple[BulkItem, ...]
    is_kept: bool = True
    lost: tuple[str, ...] = ()  # fields that would be lost and were not accepted: nothing was sent


def user_named(username: str) -> User:
    """Return the active user with this name who may edit tickets. Raises Forbidden."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise Forbidden(username)
    require(user, "edit_tickets")
    return user


def system_account() -> str:
    """Return the account that this process runs as; environment variables do not count."""
    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, a user id without a name
        name = f"uid {number}"
    return name[:MAX_SYSTEM_ACCOUNT]


def change_one(wanted: Wanted, schema: TicketSchema, command: CommandContext) -> TicketResult:
    """Save one ticket, or with a dry run say what would be sent. Raises Forbidden."""
    code = wanted.tickets[0].code
    edited = TicketEdit(code, wanted.single_edit, wanted.base or Base(code), schema)
    context = SaveContext(
        command.user,
        uuid4(),
        Origin.COMMAND,
        change_reason=command.change_reason,
        system_account=system_account(),
        accepts_losing=command.accepts_losing,
    )
    if command.is_dry_run:
        return _compared(edited, context)
    try:
        change = save_ticket(edited, context).change
    except SaveProblem as problem:
        return TicketResult(code, exit_of_problem(problem), getattr(problem, "change", None), problem)
    return TicketResult(code, EXITS[shown_outcome(change)], change)


def _compared(edited: TicketEdit, context: SaveContext) -> TicketResult:
    require(context.user, "edit_tickets")
    found = compare(edited, context)
    if isinstance(found, Blocked):
        return TicketResult(edited.code, exit_of_problem(found.problem), problem=found.problem)
    return TicketResult(edited.code, Exit.DONE, intent=found)


def change_many(wanted: Wanted, command: CommandContext) -> RunResult:
    """Check the tickets, then send those that can be sent, as a bulk run of the user. Raises Forbidden."""
    bulk = draft_bulk(ChosenTickets(wanted.tickets), user=command.user, system_account=system_account())
    check_bulk(
        bulk, user=command.user, edit=wanted.edit, change_reason=command.change_reason, recipe=wanted.recipe
    )
    _work(bulk, command)
    if bulk.state != BulkState.READY or command.should_stop():
        return _stopped(bulk, command)
    to_send = bulk.items.filter(plan__in=[Plan.SEND, Plan.BLIND])
    lost = _not_accepted(to_send, command)
    if command.is_dry_run or lost or not to_send.exists():
        exit_code, items = _results(bulk)
        found = RunResult(bulk, Exit.WOULD_LOSE if lost else exit_code, items, is_kept=False, lost=lost)
        discard_bulk(bulk, user=command.user)
        return found
    confirm_bulk(bulk, user=command.user, seal=bulk.seal)
    _work(bulk, command)
    return RunResult(bulk, *_results(bulk)) if bulk.has_ended else _stopped(bulk, command)


def _not_accepted(items: QuerySet[BulkItem], command: CommandContext) -> tuple[str, ...]:
    """Return the fields that sending these tickets would lose, except those that the command accepts to lose.

    The command confirms its dry run itself: no user reads what the check found before it is sent.
    """
    return tuple(sorted(fields_named_as_lost(items) - command.accepts_losing))


def _stopped(bulk: BulkUpdate, command: CommandContext) -> RunResult:
    """Pause or discard a run that is to stop, so that no worker continues it. A paused run stays paused."""
    exit_code = Exit.INTERRUPTED if command.should_stop() else Exit.PAUSED
    found = RunResult(bulk, exit_code, _results(bulk)[1], is_kept=bulk.was_confirmed)
    if bulk.state == BulkState.RUNNING:
        pause_bulk(bulk, user=command.user)
    elif not bulk.was_confirmed:
        discard_bulk(bulk, user=command.user)
    return found


def _work(bulk: BulkUpdate, command: CommandContext) -> None:
    """Work on a run here until it needs no worker any more, or wait for the worker that was faster."""
    while bulk.is_active and not command.should_stop():
        drain(bulk.pk, worker=f"command-{bulk.uuid.hex[:12]}", should_stop=command.should_stop)
        bulk.refresh_from_db()
        if bulk.is_active and not command.should_stop():
            time.sleep(RUN_LOOK_INTERVAL)
            bulk.refresh_from_db()


def _results(bulk: BulkUpdate) -> tuple[Exit, tuple[BulkItem, ...]]:
    rows = bulk.items.select_related("change").order_by("position")
    items = tuple(rows.iterator(chunk_size=ROWS_AT_ONCE))
    return exit_of_all(exit_of_item(item) for item in items), items
