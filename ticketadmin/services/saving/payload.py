"""The body of a PUT: the changes, the signature, and what goes along with them as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ticketadmin.services.saving.custom_fields import sends_changed_keys
from ticketadmin.services.saving.edit import names_in, payload_of
from ticketadmin.services.saving.held import Held
from ticketadmin.services.saving.sent_along import fields_lost, with_sent_along
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class Outgoing:
    """What is sent, and what the CRM held right before, None where it could not be read.

    `along` names the fields that are sent as they were read, `lost` those that the CRM would lose.
    `unsigned_payload` is for a CRM that refuses the signature.
    """

    payload: Mapping[str, Any]
    before: Mapping[str, Value] | None
    along: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    signature: Signature | None = None
    unsigned_payload: Mapping[str, Any] | None = None


def outgoing(
    wanted: Mapping[str, Value], held: Held, signature: Signature | None, schema: TicketSchema
) -> Outgoing:
    """Return what is sent to store the wanted values, with the signature where there is one."""
    signed = {**wanted, signature.field: signature.name} if signature else wanted
    before = None
    if held.read is not None:
        before = {name: held.values[name] for name in held.values if name in held.shown or name in signed}
    lost = fields_lost(wanted, held.read, schema)
    with_along = [with_sent_along(one, before, schema) for one in (signed, wanted)]
    custom = None if before is None or sends_changed_keys() else before  # custom fields that go along
    payload, unsigned = [payload_of(one, custom) for one in with_along]
    along = tuple(name for name in names_in(payload) if name not in signed)
    return Outgoing(payload, before, along, lost, signature, unsigned if signature else None)
