"""What a save sends besides the changes, where the CRM empties the fields that a PUT leaves out.

There every writable field that was just read and holds something goes along, exactly as it was read. The
price is a small window: what a colleague stores between that read and the PUT is put back. A field that
cannot be read cannot be sent along and would be lost. It is named before anything is sent, and the save
itself refuses to lose a field of which the user was not warned: only the save reads every ticket.

No endpoint lists a ticket's custom fields. Those that administrators described are known, and so are those
that an earlier save or a draft found in the ticket (`seen_fields`). Where the answer lacks `custom_fields`
altogether, there may be others; `OTHER_CUSTOM` names them as a group.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from ticketadmin.models import Change
from ticketadmin.services.saving.edit import field_names_in
from ticketadmin.services.saving.seen_fields import MAX_NAMED
from ticketadmin.services.values.codecs import is_empty
from ticketadmin.services.values.fields import CUSTOM_PREFIX, STANDARD, Value
from ticketadmin.services.values.schema import TicketSchema

ACCEPT_LOSING = "accept_losing"  # the name of the inputs by which a form says which losses its page named
OTHER_CUSTOM = "custom_fields"  # among the names of lost fields: custom fields of which nothing is known
MAX_FIELD_NAME = 200  # characters of a field's name


class Shown(Protocol):
    """What a read of a ticket showed: its fields, and whether `custom_fields` was among them."""

    @property
    def values(self) -> Mapping[str, Value]:
        """The fields by name."""

    @property
    def shows_custom_fields(self) -> bool:
        """Whether the answer had `custom_fields`, even if empty."""


def with_sent_along(
    wanted: Mapping[str, Value], before: Mapping[str, Value] | None, schema: TicketSchema
) -> dict[str, Value]:
    """Return the fields to send: the wanted ones, and where the CRM needs it everything else that was read.

    `before` holds every value read just before, None if nothing could be read.
    """
    if not schema.choices.omitted_are_emptied:
        return dict(wanted)
    read = (before or {}).items()
    along = {name: value for name, value in read if not is_empty(schema.field(name), value)}
    return {**along, **wanted}


def fields_lost(wanted: Iterable[str], shown: Shown | None, schema: TicketSchema) -> tuple[str, ...]:
    """Return the names of the other fields that a save of the wanted ones would, or might, lose.

    `shown` is what reading shows, None if the ticket cannot be read. `OTHER_CUSTOM` is among the names if
    custom fields whose names are not known may be lost. Empty for a CRM that keeps what a PUT leaves out.
    """
    if not schema.choices.omitted_are_emptied:
        return ()
    kept = {*wanted, *(shown.values if shown else ())}
    custom = [name for name in schema.fields if name.startswith(CUSTOM_PREFIX) and name not in kept]
    named = [name for name in custom if len(name) <= MAX_FIELD_NAME][:MAX_NAMED]
    is_whole = shown is not None and shown.shows_custom_fields and len(named) == len(custom)
    standard = [field.name for field in STANDARD if field.name not in kept]
    return (*standard, *named, *(() if is_whole else (OTHER_CUSTOM,)))


def can_be_lost(name: str) -> bool:
    """Return whether `fields_lost` can name this."""
    is_custom = name == OTHER_CUSTOM or (name.startswith(CUSTOM_PREFIX) and len(name) <= MAX_FIELD_NAME)
    return is_custom or any(field.name == name for field in STANDARD)


def read_accepted(names: Iterable[str]) -> frozenset[str]:
    """Return the fields among posted names that can be lost; other names are ignored."""
    return frozenset(name for name in names if can_be_lost(name))


def lost_and_along(
    wanted: Iterable[str], shown: Shown, schema: TicketSchema
) -> tuple[list[str] | None, list[str] | None]:
    """Return the names of the other fields that a save would lose, and of those that it would send along.

    Both are empty for a CRM that keeps what a PUT leaves out. `shown` is what reading shows.
    """
    if not schema.choices.omitted_are_emptied:
        return None, None
    names = set(wanted)
    along = [name for name in with_sent_along({}, shown.values, schema) if name not in names]
    return list(fields_lost(names, shown, schema)) or None, along or None


def names_sent_along(change: Change) -> list[str]:
    """Return the fields that a change sent along unchanged."""
    signed = (change.signature or {}).get("field")
    return [name for name in field_names_in(change.payload) if name not in change.wanted and name != signed]
