"""What a save sends besides the changes, where the CRM empties the fields that a PUT leaves out.

There every writable field that was just read and holds something goes along, exactly as it was read. The
price is a small window: what a colleague stores between that read and the PUT is put back. A field that
cannot be read cannot be sent along and would be lost. It is named before anything is sent, and the save
itself refuses to lose a field that the user was not told of: only the save reads every ticket.
"""

from collections.abc import Iterable, Mapping

from ticketadmin.models import Change
from ticketadmin.services.saving.edit import names_in
from ticketadmin.services.values.codecs import is_empty
from ticketadmin.services.values.fields import STANDARD, Value
from ticketadmin.services.values.schema import TicketSchema

ACCEPT_LOSING = "accept_losing"  # the name of the inputs by which a form says which losses its page named


def with_sent_along(
    wanted: Mapping[str, Value], before: Mapping[str, Value] | None, schema: TicketSchema
) -> dict[str, Value]:
    """Return the fields to send: the wanted ones, and where the CRM needs it everything else that was read.

    `before` holds every value read just before, None where nothing could be read.
    """
    if not schema.choices.omitted_are_emptied:
        return dict(wanted)
    read = (before or {}).items()
    along = {name: value for name, value in read if not is_empty(schema.field(name), value)}
    return {**along, **wanted}


def unreadable_fields(known: Iterable[str]) -> list[str]:
    """Return the standard fields that cannot be sent along, because reading does not show them."""
    names = set(known)
    return [field.name for field in STANDARD if field.name not in names]


def fields_lost(wanted: Iterable[str], known: Iterable[str], schema: TicketSchema) -> tuple[str, ...]:
    """Return the names of the other fields that a save of the wanted ones would lose.

    None for a CRM that keeps what a PUT leaves out. `known` are the fields that reading shows.
    """
    if not schema.choices.omitted_are_emptied:
        return ()
    names = set(wanted)
    return tuple(name for name in unreadable_fields(known) if name not in names)


def read_accepted(names: Iterable[str]) -> frozenset[str]:
    """Return the fields among posted names that can be lost; other names are ignored."""
    return frozenset(names) & {field.name for field in STANDARD}


def lost_and_along(
    wanted: Iterable[str], known: Mapping[str, Value], schema: TicketSchema
) -> tuple[list[str] | None, list[str] | None]:
    """Return the names of the other fields that a save would lose, and of those that it would send along.

    None for none of them, as for a CRM that keeps what a PUT leaves out. `known` is what reading shows.
    """
    if not schema.choices.omitted_are_emptied:
        return None, None
    names = set(wanted)
    along = [name for name in with_sent_along({}, known, schema) if name not in names]
    return list(fields_lost(names, known, schema)) or None, along or None


def names_sent_along(change: Change) -> list[str]:
    """Return the fields that a change sent along unchanged."""
    signed = (change.signature or {}).get("field")
    return [name for name in names_in(change.payload) if name not in change.wanted and name != signed]
