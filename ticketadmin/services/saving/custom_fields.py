"""Whether only the changed keys of `custom_fields` are sent, and the trial that has to prove it safe.

Whether the CRM merges the object or replaces it is not documented, so it is sent whole: a CRM that replaces
it would lose the rest. The price is a small window: another custom field that a colleague stores between the
fresh read and the PUT is put back. TICKET_API_CUSTOM_FIELDS=changed closes it, but only if a trial on a
ticket that an administrator named has proved that this CRM merges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ticketadmin.models import Change, CrmSnapshot, Origin, Snapshot
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.crm.omitted import remember_emptied
from ticketadmin.services.crm.reading import CannotRead, ReadBack, ReadTicket, read_back, read_ticket
from ticketadmin.services.saving.edit import payload_of
from ticketadmin.services.saving.record import Received, finish_change
from ticketadmin.services.saving.verdict import Sent, WriteState, judge, state_after
from ticketadmin.services.values.fields import CUSTOM_PREFIX, Value
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import TicketApiError

CHANGED = "changed"
MIN_FILLED_CUSTOM_FIELDS = 2  # filled custom fields of the ticket: one that is sent, and one that has to stay
TRIED_BY = "check_api"


class Trial(StrEnum):
    """What a trial showed."""

    MERGES = "merges"
    REPLACES = "replaces"
    EMPTIES = "empties"  # even fields outside `custom_fields`, which the request left out
    KNOWN_TO_EMPTY = "known_to_empty"  # which was known before, so nothing was sent
    TOO_FEW = "too_few"  # the ticket has not enough filled custom fields
    BUSY = "busy"  # a save of the ticket is under way
    UNREADABLE = "unreadable"
    FAILED = "failed"  # the CRM refused the write, or its effect is unknown


@dataclass(frozen=True)
class TrialResult:
    """What a trial showed, and whether what it damaged was put back."""

    trial: Trial
    is_restored: bool = True


def sends_changed_keys() -> bool:
    """Return whether only changed custom fields are sent: it is set, and proved for this CRM."""
    return settings.TICKET_API_CUSTOM_FIELDS == CHANGED and is_proved()


def is_proved() -> bool:
    """Return whether a trial has shown that this CRM merges `custom_fields`."""
    row = CrmSnapshot.objects.kept(Snapshot.MERGING)
    return row is not None and row.value.get("url") == settings.TICKET_API_URL


def try_custom_fields(code: str) -> TrialResult:
    """Send one custom field of a ticket with its current value, and check whether the others stay.

    The write is on record like a save. Values that it lost are sent again: the whole object, or everything
    that was read if the CRM empties every field that is left out.
    """
    schema = load_schema(get_choices())
    if schema.choices.omitted_are_emptied:
        return TrialResult(Trial.KNOWN_TO_EMPTY)
    try:
        read = read_ticket(code, schema.choices)
    except (CannotRead, TicketApiError):
        return TrialResult(Trial.UNREADABLE)
    filled = {name: value for name, value in read.values.items() if not schema.is_empty(name, value)}
    custom = {name: value for name, value in filled.items() if name.startswith(CUSTOM_PREFIX)}
    if len(custom) < MIN_FILLED_CUSTOM_FIELDS:
        return TrialResult(Trial.TOO_FEW)
    first = next(iter(custom))
    found = _sent(code, {first: custom[first]}, read, schema)
    if not isinstance(found, ReadTicket):
        return TrialResult(found)
    lost = _lost(found, filled, schema)
    if not lost:
        CrmSnapshot.objects.keep(Snapshot.MERGING, {"url": settings.TICKET_API_URL, "ticket": code})
        return TrialResult(Trial.MERGES)
    CrmSnapshot.objects.filter(name=Snapshot.MERGING).delete()
    trial = Trial.REPLACES if custom.keys() >= set(lost) else Trial.EMPTIES
    if trial is Trial.EMPTIES:
        remember_emptied(code, lost)
    again = _sent(code, custom if trial is Trial.REPLACES else filled, found, schema)
    return TrialResult(trial, isinstance(again, ReadTicket) and not _lost(again, filled, schema))


def _lost(ticket: ReadTicket, filled: Mapping[str, Value], schema: TicketSchema) -> list[str]:
    """Return the fields that no longer hold what they did."""
    now = ticket.values_for(filled)
    return [name for name, was in filled.items() if name not in now or not schema.same(name, now[name], was)]


def _sent(code: str, wanted: dict[str, Value], read: ReadTicket, schema: TicketSchema) -> ReadTicket | Trial:
    """Send exactly these custom fields, on record, and return the ticket as it is read back."""
    before = read.values_for(wanted)
    change = Change(
        ticket_code=code,
        actor_name=TRIED_BY,
        origin=Origin.COMMAND,
        created_at=timezone.now(),
        wanted=wanted,
        before=before,
        payload=payload_of(wanted, None),
    )
    try:
        with transaction.atomic():
            change.save(force_insert=True)
    except IntegrityError:
        return Trial.BUSY
    try:
        reply = get_api().update_ticket(code, change.payload)
    except TicketApiError as error:
        _prove(change, schema, state_after(error, change.created_at), Received.of(error))
        return Trial.FAILED
    return _prove(change, schema, WriteState.JUST_ACCEPTED, Received.of(reply)) or Trial.UNREADABLE


def _prove(change: Change, schema: TicketSchema, state: WriteState, received: Received) -> ReadTicket | None:
    """Read the ticket back, finish the record, and return the ticket."""
    is_accepted = state is WriteState.JUST_ACCEPTED  # then the caller looks at the other fields
    sent, found = Sent(change.wanted, {} if is_accepted else change.before or {}), ReadBack()
    if state is not WriteState.REFUSED:
        found = read_back(change.ticket_code, schema.choices, sent.names, was_read=True)
    finish_change(change, judge(sent, found, schema, state), received)
    return found.ticket
