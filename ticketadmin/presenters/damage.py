"""Fields that a run changed without sending them, in words: a row a field, and the pause that they cause."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from ticketadmin.models import BulkItem, BulkState, BulkUpdate, Damage, ItemOutcome, PauseReason
from ticketadmin.presenters.changes import readable
from ticketadmin.presenters.outcomes import PAUSES, Text
from ticketadmin.services.bulk.rollout import damage_seen, unaccepted_damage
from ticketadmin.services.values.schema import TicketSchema, load_schema

SHOWN_TICKETS = 20

_ASK_AN_ADMINISTRATOR = _("Tell an administrator what you see here, whatever you choose.")


@dataclass(frozen=True)
class DamagedField:
    """One field that was not sent and is another one since; "" is an empty value."""

    label: Text
    before: str
    after: str
    damage: Damage


@dataclass(frozen=True)
class ConcernedTicket:
    """One ticket that the pause is about, with its fields."""

    code: str
    fields: tuple[DamagedField, ...]


@dataclass(frozen=True)
class DamagePause:
    """Why a run paused, for which tickets, and what can be done. `more` tickets are not listed."""

    title: Text
    text: Text
    next_step: Text
    tickets: tuple[ConcernedTicket, ...]
    more: int
    can_restore: bool


def damaged_fields(item: BulkItem, schema: TicketSchema) -> tuple[DamagedField, ...]:
    """Return what saving a ticket did to fields that were not sent, the worst first."""
    seen = damage_seen(item, schema)
    worst_first = list(Damage)
    names = sorted(seen, key=lambda name: worst_first.index(seen[name]))
    return tuple(_row(item, name, seen[name], schema) for name in names)


def damage_pause(bulk: BulkUpdate) -> DamagePause | None:
    """Return what the page of a run that paused for damage says, None for another run."""
    reason = PauseReason.known(bulk.pause_reason)
    if bulk.state != BulkState.PAUSED or reason is None or not reason.is_damage:
        return None
    title, text = PAUSES[reason]
    tickets = _concerned(bulk, load_schema())
    return DamagePause(
        title,
        text,
        _ASK_AN_ADMINISTRATOR,
        tuple(tickets[:SHOWN_TICKETS]),
        max(0, len(tickets) - SHOWN_TICKETS),
        can_restore=reason is not PauseReason.KEPT_OLD_VALUES,
    )


def _concerned(bulk: BulkUpdate, schema: TicketSchema) -> list[ConcernedTicket]:
    if bulk.pause_reason == PauseReason.KEPT_OLD_VALUES:
        codes = bulk.items.filter(outcome=ItemOutcome.NOT_APPLIED, reason="").order_by("position")
        return [ConcernedTicket(code, ()) for code in codes.values_list("ticket_code", flat=True)]
    return [
        ConcernedTicket(
            item.ticket_code,
            tuple(_row(item, name, damage_seen(item, schema)[name], schema) for name in names),
        )
        for item, names in unaccepted_damage(bulk, schema)
    ]


def _row(item: BulkItem, name: str, damage: Damage, schema: TicketSchema) -> DamagedField:
    field = schema.field(name)
    was, now = item.change.collateral[name] if item.change else ("", "")
    return DamagedField(field.label, readable(field, was), readable(field, now), damage)
