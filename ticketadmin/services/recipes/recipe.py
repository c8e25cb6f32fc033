"""The contents of a recipe: one change per field, and the placeholders in its texts. No database, no ticket.

The texts of a change are those of a form, so that a recipe can do what a user can type and nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from html import escape
from typing import Any

from ticketadmin.services.values.fields import Field, Kind

PLACEHOLDERS = ("customer", "code", "today", "me")
PER_TICKET = frozenset({"customer", "code"})  # placeholders that differ by ticket
MAX_DAYS = 1_000
MAX_RECIPE_TEXT = 20_000  # characters of one field's text
TEXTS = frozenset({Kind.LINE, Kind.HTML, Kind.TEXT, Kind.LONG_TEXT})
_PLACEHOLDER = re.compile(r"\{([a-z_]{1,30})\}")


class RecipeAction(StrEnum):
    """What a recipe does to a field."""

    SET = "set"
    CLEAR = "clear"
    DAYS = "days"  # calendar days from the day of use
    WORKING_DAYS = "working_days"  # Monday to Friday
    BEFORE = "before"  # a text in front of the content
    AFTER = "after"

    @property
    def is_day(self) -> bool:
        """Return whether it sets a day counted from the day of use."""
        return self in {RecipeAction.DAYS, RecipeAction.WORKING_DAYS}

    @property
    def adds(self) -> bool:
        """Return whether it keeps the current text and adds to it."""
        return self in {RecipeAction.BEFORE, RecipeAction.AFTER}


@dataclass(frozen=True)
class RecipeChange:
    """What a recipe does to one field. `texts` are the field's inputs, or the number of days."""

    field: str
    do: RecipeAction
    texts: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """The number of days, for a change that sets a day."""
        return int(self.texts[0])

    @property
    def is_per_ticket(self) -> bool:
        """Return whether it gives different values for different tickets."""
        return self.do.adds or any(PER_TICKET & placeholders_in(text) for text in self.texts)


def changes_of(kept: Iterable[Mapping[str, Any]]) -> tuple[RecipeChange, ...]:
    """Return the changes that were kept with `asdict`."""
    return tuple(RecipeChange(one["field"], RecipeAction(one["do"]), tuple(one["texts"])) for one in kept)


def placeholders_in(text: str) -> frozenset[str]:
    """Return the names in braces, known or not."""
    return frozenset(_PLACEHOLDER.findall(text))


def expanded(field: Field, text: str, values: Mapping[str, str]) -> str:
    """Return a text of this field with its placeholders replaced."""
    return with_values(text, values, is_html=field.kind is Kind.HTML)


def with_values(text: str, values: Mapping[str, str], *, is_html: bool) -> str:
    """Return the text with its placeholders replaced, each once; in HTML the values are escaped text."""

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if value is None:
            return found[0]
        return escape(value) if is_html else value

    return _PLACEHOLDER.sub(value_of, text)


def day_after(today: date, change: RecipeChange) -> date:
    """Return the day that a change sets. Zero working days is today, or Monday at a weekend."""
    if change.do is RecipeAction.DAYS:
        return today + timedelta(days=change.days)
    weekday = today.weekday()
    if weekday > 4:  # counted from Friday, so that the first working day is Monday
        today += timedelta(days=4 - weekday if change.days else 7 - weekday)
    weeks, rest = divmod(change.days, 5)
    over_weekend = 2 if today.weekday() + rest > 4 else 0
    return today + timedelta(weeks=weeks, days=rest + over_weekend)
