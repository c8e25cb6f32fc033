"""The three-way merge before a save. Pure functions; what a write did is judged in `verdict`.

`base` is what the form was loaded with, `mine` what the user wants stored, `theirs` what the CRM
holds now. A field that is absent from a mapping is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ticketadmin.services.values.codecs import is_identical, same_value
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class FieldConflict:
    """A field that two people changed to different values since the form was loaded."""

    name: str
    original: Value
    theirs: Value
    mine: Value


@dataclass(frozen=True)
class Merge:
    """The result of comparing base, mine and theirs field by field."""

    conflicts: tuple[FieldConflict, ...] = ()
    kept_theirs: Mapping[str, tuple[Value, Value]] = field(
        default_factory=dict
    )  # only they changed it: (was, is)
    already_there: tuple[str, ...] = ()  # both changed it to the same value: nothing to send
    left: Mapping[str, Value] = field(default_factory=dict)  # of mine, what theirs does not hold


def merge(
    base: Mapping[str, Value],
    mine: Mapping[str, Value],
    theirs: Mapping[str, Value],
    schema: TicketSchema,
) -> Merge:
    """Compare three versions of a ticket. Fields that theirs does not show cannot conflict."""
    conflicts: list[FieldConflict] = []
    kept: dict[str, tuple[Value, Value]] = {}
    already: list[str] = []
    for name, their_value in theirs.items():
        field = schema.field(name)
        if name in mine and is_identical(field, mine[name], their_value):
            already.append(name)
        elif name not in base or same_value(field, base[name], their_value):
            continue
        elif name in mine:
            conflicts.append(FieldConflict(name, original=base[name], theirs=their_value, mine=mine[name]))
        else:
            kept[name] = (base[name], their_value)
    left = {name: value for name, value in mine.items() if name not in already}
    return Merge(tuple(conflicts), kept, tuple(already), left)
