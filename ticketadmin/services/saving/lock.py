"""Taking turns: at most one save of a ticket is under way, whoever makes it. A recorded intent is the turn.

What is compared was read when no other save of this tool could still change it: if the record of the ticket
is different by the time of the turn, another one was faster, and this one reads and compares afresh.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ticketadmin.logs import request_id
from ticketadmin.models import Change, ChangedField, Outcome, User
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.edit import Edit, payload_of
from ticketadmin.services.saving.errors import SaveInProgress
from ticketadmin.services.saving.readback import settle
from ticketadmin.services.values.schema import TicketSchema

REPEAT_WAIT = timedelta(seconds=8)
NEWEST = 3  # changes of a ticket that are looked at; two numbers given at once may be written in either order
MOST_TURNS = 5  # times that a save compares afresh because others were faster

Result = TypeVar("Result")


class Overtaken(Exception):
    """Another save of the ticket came between the fresh read and the turn of this one."""


def in_turn(code: str, save: Callable[[], Result]) -> Result:
    """Save; where another save of the ticket was faster, read and compare afresh. Not for ever."""
    for _turn in range(MOST_TURNS):
        with suppress(Overtaken):
            return save()
    raise SaveInProgress(Change.objects.for_ticket(code).first())


def record_intent(
    change: Change,
    actor: User,
    edit: Edit,
    theirs: ReadTicket | None,
    schema: TicketSchema,
    seen: list[tuple[int, str]],
) -> tuple[Change, bool]:
    """Write down what is about to be sent, or return the record of an earlier post of the same form.

    Raises Overtaken, and leaves no record, where `theirs` may be older than another save of the ticket.
    """
    before = theirs.values_for(edit.wishes) if theirs else None
    wanted = {name: edit.value_of(schema.field(name), (before or {}).get(name)) for name in edit.wishes}
    change.pk = None
    change.actor_name = actor.display_name
    change.created_at = timezone.now()
    change.wanted, change.before = wanted, before
    change.payload = payload_of(wanted, before)
    change.request_id = request_id.get()
    try:
        with transaction.atomic():
            change.save(force_insert=True)
            if theirs and on_record(change.ticket_code, but=change.pk) != seen:
                raise Overtaken
            ChangedField.objects.bulk_create(ChangedField(change=change, name=name[:80]) for name in wanted)
    except IntegrityError as error:
        if earlier := earlier_post(actor, change.submission):
            return earlier, False
        _wait_for_the_other(change.ticket_code)
        raise Overtaken from error
    return change, True


def on_record(code: str, *, but: int = 0) -> list[tuple[int, str]]:
    """Return how the newest changes of a ticket stand.

    Read before the ticket is read, and again while no other save of it can begin: if anything is
    different then, a save ended in between. No clock is asked: those of two machines differ.
    """
    changes = Change.objects.for_ticket(code).exclude(pk=but)
    return list(changes.values_list("pk", "outcome")[:NEWEST])


def _wait_for_the_other(code: str) -> None:
    """Wait until the save that is under way has ended; one that a crash cut off is settled by reading.

    Raises SaveInProgress where it takes too long.
    """
    other = Change.objects.filter(ticket_code=code, outcome=Outcome.PENDING).first()
    if other is not None:
        result_of(settle(other))


def earlier_post(actor: User, submission: UUID) -> Change | None:
    """Return the record of a form that was posted before."""
    return Change.objects.filter(actor=actor, submission=submission).first()


def result_of(change: Change) -> Change:
    """Return the record of a save under way once it is finished, or raise SaveInProgress."""
    give_up = time.monotonic() + min(REPEAT_WAIT.total_seconds(), 4 * settings.TICKET_API_TIMEOUT)
    while change.outcome == Outcome.PENDING:
        if time.monotonic() > give_up:
            raise SaveInProgress(change)
        time.sleep(0.1)
        change.refresh_from_db()
    return change
