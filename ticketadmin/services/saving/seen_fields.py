"""Custom fields that a ticket was seen with: no endpoint lists them, and a CRM may no longer show them."""

from collections.abc import Iterable

from ticketadmin.models import Change, Draft
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.schema import TicketSchema

MAX_NAMED = 100  # custom fields that are named one by one


def with_seen(schema: TicketSchema, code: str, names: Iterable[str] = ()) -> TicketSchema:
    """Return the schema with the custom fields in `names` and those that the ticket was seen with before.

    For a CRM that keeps what a PUT leaves out, that is the schema itself.
    """
    if not schema.choices.omitted_are_emptied:
        return schema
    seen = [*names, *_seen_before(code, schema)]
    return schema.including(seen)


def _seen_before(code: str, schema: TicketSchema) -> list[str]:
    """Return the custom fields that held something when a save last sent some, or when a draft was begun."""
    saved = Change.objects.for_ticket(code).saved().filter(payload__has_key="custom_fields")
    sent = saved.values_list("payload__custom_fields", flat=True)[:1]
    typed = Draft.objects.filter(ticket_code=code).values_list("originals", flat=True)[:MAX_NAMED]
    seen = {CUSTOM_PREFIX + key: value for one in sent if isinstance(one, dict) for key, value in one.items()}
    for originals in typed:
        seen |= {name: value for name, value in originals.items() if name.startswith(CUSTOM_PREFIX)}
    return [name for name, value in seen.items() if not schema.is_empty(name, value)]
