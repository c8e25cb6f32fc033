"""Comparing values: the three-way merge before a save, and the proof after it. Pure functions.

`base` is what the form was loaded with, `mine` what the person wants stored, `theirs` what the CRM
holds now. A field that is absent from a mapping is unknown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ticketadmin.models import Outcome
from ticketadmin.services.values.codecs import is_identical, same_value
from ticketadmin.services.values.fields import Field, Value
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
            conflicts.append(FieldConflict(name, base[name], their_value, mine[name]))
        else:
            kept[name] = (base[name], their_value)
    left = {name: value for name, value in mine.items() if name not in already}
    return Merge(tuple(conflicts), kept, tuple(already), left)


def field_outcomes(
    wanted: Mapping[str, Value],
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    schema: TicketSchema,
) -> dict[str, Outcome]:
    """Judge each wanted field by what was read before and right after a write that was accepted."""
    return {name: _field_outcome(schema.field(name), wanted[name], before, after) for name in wanted}


def later_outcomes(
    wanted: Mapping[str, Value],
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    schema: TicketSchema,
    *,
    was_accepted: bool,
) -> dict[str, Outcome]:
    """Judge each wanted field by a look that came later, or after a write whose answer was lost.

    A value that is neither the wanted one nor the one before may be somebody else's, so it proves
    nothing. A field that is not shown counts as sent only where it was accepted, or where another
    field proves that the write arrived.
    """
    found = field_outcomes(wanted, before, after, schema)
    unsure = Outcome.ACCEPTED if was_accepted else Outcome.UNKNOWN
    has_arrived = was_accepted or Outcome.VERIFIED in found.values()
    unproved = (
        {Outcome.STORED_DIFFERENTLY} if has_arrived else {Outcome.STORED_DIFFERENTLY, Outcome.NOT_READABLE}
    )
    return {name: unsure if outcome in unproved else outcome for name, outcome in found.items()}


def _field_outcome(
    field: Field, wanted: Value, before: Mapping[str, Value], after: Mapping[str, Value]
) -> Outcome:
    if field.name not in after:
        return Outcome.NOT_READABLE
    now = after[field.name]
    if is_identical(field, now, wanted):
        return Outcome.VERIFIED
    if field.name in before and same_value(field, now, before[field.name]):
        return Outcome.NOT_APPLIED  # also where nothing but outer white space was to change
    return Outcome.VERIFIED if same_value(field, now, wanted) else Outcome.STORED_DIFFERENTLY


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that a user must see first: the worst of the fields."""
    return max(outcomes, key=lambda one: one.severity, default=Outcome.NOT_READABLE)


def collateral(
    sent: Iterable[str], before: Mapping[str, Value], after: Mapping[str, Value], schema: TicketSchema
) -> dict[str, tuple[Value, Value]]:
    """Return the fields that were not sent and yet differ right after the write: name → (before, after)."""
    untouched = set(before).intersection(after).difference(sent)
    return {
        name: (before[name], after[name])
        for name in before
        if name in untouched and not same_value(schema.field(name), before[name], after[name])
    }
