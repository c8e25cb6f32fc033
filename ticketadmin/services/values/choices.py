"""The CRM's lists of categories and statuses as values, and how a typed name is resolved against one.

Fetching and caching them is `services/crm/choices.py`; nothing here has side effects.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import CustomField, Reading, StatusSetting, TicketRule
from ticketadmin.services.values.browser import with_plain_line_ends
from ticketadmin.text import folded, normalize
from ticketadmin.ticketapi.tickets import Choice

MAX_CHOICE_NAME = 255  # characters; looking for near names is quadratic, and no list has longer names


def matching_name(names: Iterable[str], typed: str) -> str | None:
    """Return the name in `names` that `typed` means; None if it matches none or several.

    The exact name wins, then the same with other line ends, as a browser posts them; then the same text after
    NFC and trimming; then any case. Each step decides only if a single name matches, so that `New` never
    becomes `new`.
    """
    known = list(dict.fromkeys(names))
    for spell in (str, with_plain_line_ends, _trimmed, folded):
        found = [name for name in known if spell(name) == spell(typed)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _trimmed(name: str) -> str:
    return normalize("NFC", name).strip()


@dataclass(frozen=True)
class ChoiceList:
    """One list of the CRM. `fetched_at` None: it was never fetched, so names are free text."""

    choices: tuple[Choice, ...] = ()
    fetched_at: datetime | None = None
    is_stale: bool = False

    @property
    def is_known(self) -> bool:
        """Return whether the CRM ever gave this list."""
        return self.fetched_at is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the CRM's order and spelling."""
        return tuple(choice.name for choice in self.choices)

    def name_of(self, identity: int | None) -> str | None:
        """Return the name behind an id, or None."""
        return next(
            (choice.name for choice in self.choices if identity is not None and choice.id == identity), None
        )

    def resolve(self, typed: str) -> str:
        """Return the CRM's spelling of a typed name; the trimmed name itself where the list is not known.

        Raises ValidationError: `unknown_name`, which suggests near names, or `ambiguous_name` where names
        differ in case or white space only and none is spelled as typed.
        """
        if not self.is_known:
            return typed.strip()
        if len(typed) > MAX_CHOICE_NAME:
            raise _unknown_name(typed[:80] + "…")
        if found := matching_name(self.names, typed):
            return found
        alike = [name for name in self.names if folded(name) == folded(typed)]
        if alike:
            message = _("The CRM has several names like this: %(names)s. Write it exactly as one of them.")
            names = ", ".join(f"“{name}”" for name in alike)
            raise ValidationError(message, code="ambiguous_name", params={"names": names})
        raise self._unknown(typed)

    def _unknown(self, typed: str) -> ValidationError:
        spelling = {folded(name): name for name in self.names if len(name) <= MAX_CHOICE_NAME}
        near = [spelling[key] for key in difflib.get_close_matches(folded(typed), spelling, n=3, cutoff=0.6)]
        if near:
            message = _("The CRM has no “%(name)s”. Did you mean %(near)s?")
            params = {"name": typed, "near": ", ".join(near)}
            return ValidationError(message, code="unknown_name", params=params)
        return _unknown_name(typed)


def _unknown_name(name: str) -> ValidationError:
    message = _("The CRM has no “%(name)s”. Choose a name from its list.")
    return ValidationError(message, code="unknown_name", params={"name": name})


@dataclass(frozen=True)
class Choices:
    """Both lists as last fetched, and what else a save needs to know, from the same query."""

    categories: ChoiceList = ChoiceList()
    statuses: ChoiceList = ChoiceList()
    reading: Reading | None = None  # whether tickets can be read, from the same query
    omitted_are_emptied: bool = False  # whether the CRM empties what a PUT leaves out, from the same query
    # What administrators described, from the same query; None: not known.
    custom_fields: tuple[CustomField, ...] | None = None
    rules: tuple[TicketRule, ...] | None = None
    settings: tuple[StatusSetting, ...] | None = None  # how statuses look here

    @property
    def listed(self) -> tuple[CustomField, ...] | None:
        """The described fields that the list of tickets shows; None: not known."""
        known = self.custom_fields
        return known if known is None else tuple(one for one in known if one.is_listed)

    def of_field(self, name: str) -> ChoiceList:
        """Return the list behind `cate_name` or `status_name`."""
        return self.categories if name == "cate_name" else self.statuses
