"""Why a recipe cannot be used on a ticket, kept so that each user reads it in their own language.

A bulk run finds it in a worker, where no language is set; the run's page and the command put it into words.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from ticketadmin.services.values.schema import TicketSchema

RECIPE_GONE = "recipe_gone"
FIELD_GONE = "field_gone"
CUSTOMER_UNKNOWN = "customer_unknown"
TEXT_UNKNOWN = "text_unknown"
_MESSAGES = {
    RECIPE_GONE: gettext_noop("Choose a recipe from the list; this one no longer exists."),
    FIELD_GONE: gettext_noop("The field “%(name)s” no longer exists."),
    CUSTOMER_UNKNOWN: gettext_noop("The customer's name is not known here."),
    TEXT_UNKNOWN: gettext_noop("Its text is not known here, so nothing can be added to it."),
}
MAX_PARAM = 200  # characters of the typed text that a message repeats


@dataclass(frozen=True)
class Stop:
    """One reason, at a field; kept with `asdict`, so the names of its fields are stored.

    `code` is one of this module, or that of the error which the form would show at the field; `message` is
    the untranslated text of such an error, "" for the codes of this module.
    """

    field: str
    code: str
    message: str = ""
    params: Mapping[str, str | int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_error(cls, name: str, error: ValidationError) -> "Stop":
        """Return the reason for an error of a field."""
        given = (error.params or {}).items()
        params = {key: value if isinstance(value, int) else str(value)[:MAX_PARAM] for key, value in given}
        with translation.override(None):  # the text of the catalogue, which each reader's language translates
            return cls(name, error.code or "invalid", str(error.message), params)


def describe_stop(stop: Stop, schema: TicketSchema) -> str:
    """Return the reason as a sentence in the current language."""
    if stop.code == RECIPE_GONE:
        return gettext(_MESSAGES[RECIPE_GONE])
    if stop.code == FIELD_GONE:
        return gettext(_MESSAGES[FIELD_GONE]) % {"name": stop.field}
    sentence = gettext(_MESSAGES.get(stop.code) or stop.message)
    if stop.params:
        sentence %= stop.params
    return f"{schema.field(stop.field).label}: {sentence}"


def describe_stops(stops: Iterable[Stop], schema: TicketSchema) -> tuple[str, ...]:
    """Return a sentence for each reason."""
    return tuple(describe_stop(one, schema) for one in stops)


def describe_kept(kept: Iterable[Mapping[str, Any]] | None, schema: TicketSchema) -> tuple[str, ...]:
    """Return a sentence for each reason that is kept with a bulk item."""
    return describe_stops((Stop(**one) for one in kept or ()), schema)
