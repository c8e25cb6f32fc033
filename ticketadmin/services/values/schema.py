"""The fields of a ticket and the names that the CRM's lists offer for them: one value for a whole save."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ticketadmin.models import CustomField
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.codecs import is_empty, is_identical, same_value
from ticketadmin.services.values.fields import (
    CUSTOM_PREFIX,
    STANDARD,
    Field,
    Value,
    described,
    undescribed,
)


@dataclass(frozen=True)
class TicketSchema:
    """The fields of a ticket by name, in the order of the form, and the CRM's lists.

    Immutable and without side effects; `load_schema` makes one from the database.
    """

    fields: Mapping[str, Field] = field(default_factory=lambda: {one.name: one for one in STANDARD})
    choices: Choices = field(default_factory=Choices)

    def __contains__(self, name: str) -> bool:
        """Return whether the name can be a field of a ticket: described, or a key of `custom_fields`."""
        return name in self.fields or name.startswith(CUSTOM_PREFIX)

    def field(self, name: str) -> Field:
        """Return the field of this name; an undescribed one if it is not known. Never raises."""
        return self.fields.get(name) or undescribed(name)

    def including(self, names: Iterable[str]) -> "TicketSchema":
        """Return this schema with an undescribed field for each further custom name in `names`."""
        further = {
            name: undescribed(name)
            for name in names
            if name.startswith(CUSTOM_PREFIX) and name not in self.fields
        }
        return replace(self, fields={**self.fields, **further}) if further else self

    def same(self, name: str, one: Value, other: Value) -> bool:
        """Return whether the CRM holding `one` or `other` in this field is the same to a user."""
        return same_value(self.field(name), one, other)

    def identical(self, name: str, one: Value, other: Value) -> bool:
        """Return whether wanting `other` where `one` is shown changes nothing; outer white space matters."""
        return is_identical(self.field(name), one, other)

    def is_empty(self, name: str, value: Value) -> bool:
        """Return whether the value is one of the spellings of "nothing"."""
        return is_empty(self.field(name), value)

    def resolve(self, name: str, typed: str) -> str:
        """Return the CRM's spelling of a category or status that was typed. Raises ValidationError."""
        return self.choices.of_field(name).resolve(typed)


def load_schema(choices: Choices | None = None, names: Iterable[str] = ()) -> TicketSchema:
    """Return the schema from the described fields and custom ones in `names`, without a remote call.

    One query, none if `choices` brings the described fields along. Without `choices`, for labels only,
    names resolve to themselves.
    """
    choices = choices or Choices()
    known = CustomField.objects.order_by() if choices.custom_fields is None else choices.custom_fields
    # In the order of the form; sorted here, because the collations of databases differ.
    in_order = sorted(known, key=lambda one: (one.order, one.label, one.pk))
    fields = {field.name: field for field in (*STANDARD, *map(described, in_order))}
    return TicketSchema(fields, choices).including(names)
