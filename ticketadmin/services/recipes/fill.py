"""How a recipe fills a form: a pure function of the recipe, the ticket as it is known and what was typed.

Nothing here sends or stores anything. A recipe is used as a whole or not: if one of its values cannot
be used on a ticket, it stops with a message. What a user typed stays, and is named; a text that is added
before or after the content is added to what was typed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import override

from ticketadmin.models import User
from ticketadmin.sanitizing import as_html
from ticketadmin.services.recipes.recipe import (
    RecipeAction,
    RecipeChange,
    day_after,
    expanded,
    placeholders_in,
)
from ticketadmin.services.recipes.stops import CUSTOMER_UNKNOWN, FIELD_GONE, TEXT_UNKNOWN, Stop
from ticketadmin.services.saving.edit import Edit, InvalidEdit, read_edit
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.inputs import Inputs, is_blank, is_untouched, to_inputs
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class Moment:
    """When and by whom a recipe is used: fixed at the moment of use, or of the dry run."""

    today: date
    me: str
    written_today: str

    @classmethod
    def of(cls, user: User, today: date) -> "Moment":
        """Return the moment of a user, the day written as their language writes it."""
        return cls(today, user.display_name, date_format(today, "SHORT_DATE_FORMAT"))

    def as_json(self) -> dict[str, str]:
        """Return the moment as a dry run keeps it."""
        return {"today": self.today.isoformat(), "me": self.me, "written_today": self.written_today}

    @classmethod
    def from_json(cls, kept: Mapping[str, str]) -> "Moment":
        """Return the moment that was kept with `as_json`."""
        return cls(date.fromisoformat(kept["today"]), kept["me"], kept["written_today"])


@dataclass(frozen=True)
class KnownTicket:
    """A ticket as far as a recipe needs it. A customer who is not known is ""."""

    code: str
    values: Mapping[str, Value]
    schema: TicketSchema
    customer: str = ""


@dataclass(frozen=True)
class TypedForm:
    """What a form holds: its texts by field, and the fields that were marked to be cleared."""

    texts: Mapping[str, Inputs] = field(default_factory=dict)
    cleared: Collection[str] = ()

    def touches(self, one: Field, values: Mapping[str, Value]) -> bool:
        """Return whether the user changed this field of a form that was loaded with these values."""
        if one.name in self.cleared:
            return True
        if one.name not in self.texts:
            return False
        texts = self.texts[one.name]
        if one.name in values:
            return not is_untouched(one, texts, values[one.name])
        return not is_blank(one, texts)


@dataclass(frozen=True)
class Filled:
    """What a recipe fills in. With `problems` it fills in nothing; `kept` are fields that stay as typed."""

    texts: Mapping[str, Inputs] = field(default_factory=dict)
    cleared: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    problems: tuple[Stop, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that it fills in."""
        return tuple(dict.fromkeys([*self.texts, *self.cleared]))


def fill(
    changes: Sequence[RecipeChange], ticket: KnownTicket, moment: Moment, typed: TypedForm | None = None
) -> Filled:
    """Return what the changes fill into the form of a ticket. Never raises."""
    typed = typed or TypedForm()
    texts: dict[str, Inputs] = {}
    cleared: list[str] = []
    kept: list[str] = []
    problems: list[Stop] = []
    for change in changes:
        one = ticket.schema.fields.get(change.field)
        if one is None:
            problems.append(Stop(change.field, FIELD_GONE))
        elif not change.do.adds and typed.touches(one, ticket.values):
            kept.append(one.name)
        elif code := _stopped_by(change, one, ticket, typed):
            problems.append(Stop(one.name, code))
        else:
            filled = _texts(change, one, ticket, moment, typed)
            is_cleared = not filled and one.name not in ticket.values
            problems += _invalid(one, filled, ticket, is_cleared=is_cleared)
            if is_cleared:
                cleared.append(one.name)
            else:
                texts[one.name] = filled
    if problems:
        return Filled(problems=tuple(problems))
    return Filled(texts, tuple(cleared), tuple(kept))


def edit_of_recipe(
    changes: Sequence[RecipeChange], ticket: KnownTicket, moment: Moment
) -> tuple[Edit, tuple[Stop, ...]]:
    """Return the edit that saving the filled form of an untouched ticket would make, or why there is none.

    For ways in without a form: a bulk update's tickets, and commands.
    """
    filled = fill(changes, ticket, moment)
    if filled.problems:
        return Edit(), filled.problems
    texts = {name: filled.texts[name] for name in ticket.schema.fields if name in filled.texts}  # as a form
    edit = read_edit(texts, cleared=filled.cleared, base=ticket.values, schema=ticket.schema)
    return edit, ()  # `fill` has checked each field, so nothing is invalid here


def problems_of(changes: Sequence[RecipeChange], schema: TicketSchema) -> tuple[Stop, ...]:
    """Return the problems of a recipe on every ticket: fields or names of the CRM that no longer exist."""
    problems: list[Stop] = []
    for change in changes:
        one = schema.fields.get(change.field)
        if one is None:
            problems.append(Stop(change.field, FIELD_GONE))
        elif one.kind in {Kind.CHOICE, Kind.SELECT, Kind.MULTI_SELECT} and change.do is RecipeAction.SET:
            problems += _invalid(one, list(change.texts), KnownTicket("", {}, schema), is_cleared=False)
        elif change.do is RecipeAction.CLEAR and not one.clearable:
            problems += _invalid(one, [], KnownTicket("", {}, schema), is_cleared=True)
    return tuple(problems)


def _stopped_by(change: RecipeChange, one: Field, ticket: KnownTicket, typed: TypedForm) -> str:
    """Return why a change cannot be used on this ticket before its value is read, else ""."""
    names = frozenset[str]().union(*(placeholders_in(text) for text in change.texts))
    if "customer" in names and not ticket.customer:
        return CUSTOMER_UNKNOWN
    is_unknown = one.name not in ticket.values and not typed.touches(one, ticket.values)
    if change.do.adds and (is_unknown or one.name in typed.cleared):
        return TEXT_UNKNOWN
    return ""


def _texts(change: RecipeChange, one: Field, ticket: KnownTicket, moment: Moment, typed: TypedForm) -> Inputs:
    if change.do is RecipeAction.CLEAR:
        return []
    if change.do.is_day:
        return [day_after(moment.today, change).isoformat()]
    always_known = {"today": moment.written_today, "me": moment.me}
    names = {**always_known, "customer": ticket.customer, "code": ticket.code}
    texts = [expanded(one, text, names) for text in change.texts]
    if not change.do.adds:
        return texts
    is_typed = typed.touches(one, ticket.values)  # otherwise as it was read, because an editor rewrites HTML
    there = "".join(typed.texts[one.name] if is_typed else to_inputs(one, ticket.values.get(one.name)))
    added = "".join(texts)
    if one.kind is Kind.HTML:
        there, added = as_html(there), as_html(added)
    return [added + there if change.do is RecipeAction.BEFORE else there + added]


def _invalid(one: Field, texts: Inputs, ticket: KnownTicket, *, is_cleared: bool) -> list[Stop]:
    """Return the form's errors for these texts, without a language."""
    try:
        with override(None):
            read_edit(
                {one.name: texts},
                cleared=[one.name] if is_cleared else [],
                base=ticket.values,
                schema=ticket.schema,
            )
    except InvalidEdit as invalid:
        return [Stop.of_error(one.name, error) for error in invalid.errors[one.name]]
    return []
