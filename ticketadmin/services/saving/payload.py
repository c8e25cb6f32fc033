"""What one save would send: the changes, the signature, and what goes along with them as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.rules.checking import Unmet
from ticketadmin.services.saving.custom_fields import sends_changed_keys
from ticketadmin.services.saving.edit import field_names_in, payload_of
from ticketadmin.services.saving.held import Held
from ticketadmin.services.saving.merge import Merge
from ticketadmin.services.saving.sent_along import fields_lost, with_sent_along
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class Intent:
    """What is to be sent. `before` is what the CRM held just before, None if it could not be read.

    `along` names the fields in the payload that are sent as they were read, `lost` those that the CRM would
    lose. `read` is the read that showed them: the index learns of it with the read-back, in one statement.
    """

    wanted: Mapping[str, Value]
    before: Mapping[str, Value] | None
    payload: Mapping[str, Any]
    along: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    signature: Signature | None = None
    unsigned_payload: Mapping[str, Any] | None = None  # if there is a signature
    merged: Merge = field(default_factory=Merge)
    read: ReadTicket | None = None
    waived: tuple[Unmet, ...] = ()  # requirements that are not met and do not prevent the save

    def unsigned(self) -> "Intent":
        """Return the same without the signature, for a CRM that refuses it."""
        if self.unsigned_payload is None:
            return self
        return replace(self, payload=self.unsigned_payload, signature=None, unsigned_payload=None)


def outgoing(
    wanted: Mapping[str, Value], held: Held, signature: Signature | None, schema: TicketSchema
) -> Intent:
    """Return what is sent to store the wanted values, with the signature if there is one."""
    signed = {**wanted, signature.field: signature.name} if signature else wanted
    before = None
    if held.read is not None:
        before = {name: held.values[name] for name in held.values if name in held.shown or name in signed}
    lost = fields_lost(wanted, held.read, schema)
    with_along = [with_sent_along(one, before, schema) for one in (signed, wanted)]
    custom = None if before is None or sends_changed_keys() else before  # custom fields that go along
    payload, unsigned = [payload_of(one, custom) for one in with_along]
    return Intent(
        wanted,
        before,
        payload,
        along=tuple(name for name in field_names_in(payload) if name not in signed),
        lost=lost,
        signature=signature,
        unsigned_payload=unsigned if signature else None,
    )
