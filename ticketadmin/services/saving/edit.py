"""What a user wants changed: keep, set or clear for each field, checked before anything is sent.

An `Edit` maps field names to `Set` or `CLEAR`; a field that is absent is kept. `read_edit` makes one
from what a form posted and the base it was posted against; nothing else decides what is sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ticketadmin.services.saving.signature import refuse_signature
from ticketadmin.services.values.fields import CUSTOM_PREFIX, Field, Kind, Value
from ticketadmin.services.values.inputs import (
    Inputs,
    can_be_retyped,
    empty_value,
    is_blank,
    is_untouched,
    not_offered,
    parse,
    retyped,
)
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class Set:
    """Store this value: exactly, or if a user typed it, with the JSON type of what the ticket holds."""

    value: Value
    is_typed: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the wish as it is kept."""
        return {"set": self.value, "typed": True} if self.is_typed else {"set": self.value}


@dataclass(frozen=True)
class Clear:
    """Empty the field."""


CLEAR = Clear()


@dataclass(frozen=True)
class Edit:
    """Checked wishes for one ticket. Made by `read_edit` and `edit_of_values` only."""

    wishes: Mapping[str, Set | Clear] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.wishes)

    def value_of(self, field: Field, like: Value = None) -> Value:
        """Return the value to send for a field of this edit, where the ticket holds `like`.

        What a user typed takes the JSON type of `like`, in form and bulk update alike; what is put back or
        sent again is sent as it was.
        """
        wish = self.wishes[field.name]
        if not isinstance(wish, Set):
            return empty_value(field, like)
        return retyped(field, wish.value, like) if wish.is_typed else wish.value

    def values(self, schema: TicketSchema, known: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values to send by field name, for a ticket that holds the `known` ones."""
        return {name: self.value_of(schema.field(name), known.get(name)) for name in self.wishes}

    def refused(self, schema: TicketSchema, known: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the fields whose typed value the form of a ticket that holds `known` would refuse."""
        typed = self._typed().items()
        return tuple(
            one for one, value in typed if not can_be_retyped(schema.field(one), value, known.get(one))
        )

    def not_offered(self, schema: TicketSchema, known: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the fields whose option is neither offered nor held by a ticket with `known` values."""
        typed = self._typed().items()
        return tuple(name for name, value in typed if not_offered(schema.field(name), value, known.get(name)))

    def _typed(self) -> dict[str, Value]:
        wishes = self.wishes.items()
        return {name: wish.value for name, wish in wishes if isinstance(wish, Set) and wish.is_typed}

    def as_json(self) -> dict[str, Any]:
        """Return the edit as JSON, from which `from_json` makes an equal one."""
        return {
            name: wish.as_json() if isinstance(wish, Set) else {"clear": True}
            for name, wish in self.wishes.items()
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Edit":
        """Return the edit that was kept with `as_json`."""
        return cls(
            {
                name: Set(wish["set"], wish.get("typed", False)) if "set" in wish else CLEAR
                for name, wish in kept.items()
            }
        )

    def without(self, names: Collection[str]) -> "Edit":
        """Return the edit without these fields."""
        return Edit({name: wish for name, wish in self.wishes.items() if name not in names})


class InvalidEdit(Exception):
    """Some values cannot be sent. `errors` maps field names to their ValidationErrors; nothing was sent."""

    def __init__(self, errors: Mapping[str, list[ValidationError]]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def read_edit(
    posted: Mapping[str, Inputs],
    *,
    cleared: Collection[str],
    base: Mapping[str, Value],
    schema: TicketSchema,
) -> Edit:
    """Compare what was posted with the base and return what the user changed.

    Only changed fields are checked, so that an invalid value of another user does not block a save.
    An emptied box clears a field whose value was known; where it was unknown, only `cleared` does.
    Raises InvalidEdit.
    """
    wishes: dict[str, Set | Clear] = {}
    errors: dict[str, list[ValidationError]] = {}
    for name in dict.fromkeys([*posted, *cleared]):
        if name not in schema:
            continue
        try:
            wish = _wish(name, posted.get(name, []), name in cleared, base, schema)
        except ValidationError as error:
            errors[name] = error.error_list
        else:
            if wish is not None:
                wishes[name] = wish
    if errors:
        raise InvalidEdit(errors)
    return Edit(wishes)


def edit_of_values(values: Mapping[str, Value]) -> Edit:
    """Return an edit that stores given values as they are: undo, restore, sending again."""
    return Edit({name: Set(value) for name, value in values.items()})


def _wish(
    name: str, posted: Inputs, is_cleared: bool, base: Mapping[str, Value], schema: TicketSchema
) -> Set | Clear | None:
    field = schema.field(name)
    is_known = field.name in base
    is_empty = is_blank(field, posted)
    if is_cleared and (is_empty or (is_known and is_untouched(field, posted, base[field.name]))):
        return _clear(field)
    if is_cleared:
        raise ValidationError(_("Either type a value or clear the field, not both."), code="set_and_clear")
    if is_known and is_untouched(field, posted, base[field.name]):
        return None
    if is_empty:
        return _clear(field) if is_known else None
    return _set(field, posted, base.get(name), schema, is_known=is_known)


def _clear(field: Field) -> Clear:
    refuse_signature(field)
    if not field.clearable:
        message = _("This field cannot be empty.")
        raise ValidationError(message, code="required")
    return CLEAR


def _set(field: Field, posted: Inputs, like: Value, schema: TicketSchema, *, is_known: bool) -> Set | None:
    refuse_signature(field)
    value = parse(field, posted, like)
    if value == "":
        message = _("Nothing of this content is left after cleaning. Empty the box to clear it.")
        raise ValidationError(message, code="nothing_left")
    if field.kind is Kind.CHOICE:
        value = schema.resolve(field.name, str(value))
    if is_known and schema.identical(field.name, value, like):
        return None
    return Set(value, is_typed=True)


def payload_of(wanted: Mapping[str, Value], before: Mapping[str, Value] | None) -> dict[str, Any]:
    """Return the PUT body for the wanted values, without the identifier.

    Whether the CRM merges or replaces `custom_fields` is unknown. So where the object could be read,
    it is sent whole, with the changed keys in it; unset keys are left out, as they were.
    """
    body = {name: value for name, value in wanted.items() if not name.startswith(CUSTOM_PREFIX)}
    custom = {name: value for name, value in wanted.items() if name.startswith(CUSTOM_PREFIX)}
    if custom:
        known = {
            name: value
            for name, value in (before or {}).items()
            if name.startswith(CUSTOM_PREFIX) and value is not None
        }
        body["custom_fields"] = {
            name.removeprefix(CUSTOM_PREFIX): value for name, value in (known | custom).items()
        }
    return body


def field_names_in(payload: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields in a PUT body."""
    custom = payload.get("custom_fields")
    names = [name for name in payload if name != "custom_fields"]
    return [*names, *(CUSTOM_PREFIX + key for key in custom)] if isinstance(custom, dict) else names
