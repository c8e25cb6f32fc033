"""The spellings of a value in a cell, kind by kind: one table for error messages and the template.

An example represents its spelling, and a test reads every one of them.
"""

from collections.abc import Mapping

from django.utils.translation import gettext as _

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


def with_spellings(message: str, kind: Kind) -> str:
    """Return an error message followed by every spelling that is accepted for the kind."""
    examples = SPELLINGS.get(kind, ())
    return message if all(one in message for one in examples) else f"{message} {write_it_as(examples)}"


def with_names(message: str, field: Field, schema: TicketSchema) -> str:
    """Return an error message followed by the names that a column of names accepts."""
    names = [label for _value, label in field.choices] or list(schema.choices.of_field(field.name).names)
    if not names:
        return message
    shown = "; ".join(names[:_NAMES_SHOWN]) + ("; …" if len(names) > _NAMES_SHOWN else "")
    return f"{message} " + _("Accepted values: %(names)s.") % {"names": shown}


def write_it_as(examples: tuple[str, ...]) -> str:
    """Return the sentence that names the spellings."""
    if len(examples) == 1:
        return _("Write it as in this example: %(example)s.") % {"example": examples[0]}
    first, last = "; ".join(examples[:-1]), examples[-1]
    return _("Write it like one of these: %(first)s or %(last)s.") % {"first": first, "last": last}
