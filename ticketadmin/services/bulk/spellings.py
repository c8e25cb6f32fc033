"""The spellings of a value in a cell, kind by kind: one table for error messages and the template.

An example represents its spelling, and a test reads every one of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.schema import TicketSchema

_DAYS = (
    "2026-12-31", "2026/12/31", "31/12/2026", "31-12-2026", "31.12.2026", "31/12/26", "31-Dec-2026",
)  # fmt: skip
SPELLINGS: Mapping[Kind, tuple[str, ...]] = {
    Kind.DATE: _DAYS,
    Kind.EPOCH_DATE: _DAYS,
    Kind.NUMBER: (
        "1250", "-1250", "2.5", "2,5", "1.250.000", "1,250,000", "1 250 000", "1.250.000 ₫", "1E+3",
    ),
    Kind.YES_NO: (
        "yes", "no", "có", "không", "true", "false", "đúng", "sai", "on", "off", "y", "n", "t", "f", "1", "0",
        "x",
    ),
    Kind.PHONE: ("0901234567", "+84 901 234 567", "(028) 3822-1234", "028.3822.1234"),
    Kind.EMAIL: ("name@example.com",),
}  # fmt: skip
_NAMES_SHOWN = 20
CODE_EXAMPLES = ("TK-240001", "tk_15", "240001")


def filled(message: str | Promise, **values: str) -> Any:
    """Return a message with values in it, lazily: in the language in which it is shown."""
    return _filled(message, values)


def first_message(error: ValidationError) -> Any:
    """Return what an error says, lazily."""
    return _first_message(error)


_filled: Callable[..., Any] = lazy(lambda message, values: str(message) % values, str)
_first_message: Callable[..., Any] = lazy(lambda error: str(error.messages[0]), str)


def with_spellings(message: str | Promise, kind: Kind) -> Any:
    """Return an error message followed by every spelling that is accepted for the kind."""
    examples = SPELLINGS.get(kind, ())
    if all(one in str(message) for one in examples):
        return message
    return format_lazy("{} {}", message, write_it_as(examples))


def with_names(message: str | Promise, field: Field, schema: TicketSchema) -> Any:
    """Return an error message followed by the names that a column of names accepts."""
    names = [label for _value, label in field.choices] or list(schema.choices.of_field(field.name).names)
    if not names:
        return message
    shown = "; ".join(names[:_NAMES_SHOWN]) + ("; …" if len(names) > _NAMES_SHOWN else "")
    return format_lazy("{} {}", message, filled(_("Accepted values: %(names)s."), names=shown))


def write_it_as(examples: tuple[str, ...]) -> Any:
    """Return the sentence that names the spellings."""
    if len(examples) == 1:
        return filled(_("Write it as in this example: %(example)s."), example=examples[0])
    first, last = "; ".join(examples[:-1]), examples[-1]
    return filled(_("Write it like one of these: %(first)s or %(last)s."), first=first, last=last)
