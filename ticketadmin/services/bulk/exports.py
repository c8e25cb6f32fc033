"""Texts in an exported list that an upload has to recognise, whatever language it was exported in."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum, auto
from functools import cache

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from ticketadmin.services.index.rows import CREATED, CUSTOMER, UPDATED
from ticketadmin.text import heading

READ_AT = "read_at"
OUTCOME, DETAIL, CHECKED = "outcome", "detail", "checked_at"


class Missing(StrEnum):
    """Why a cell of an export holds no value."""

    NOT_KNOWN = auto()  # no read has shown it
    NO_ANSWER = auto()
    REFUSED = auto()
    NO_TICKET = auto()
    TOO_LARGE = auto()
    NO_ROOM = auto()  # the file would become too large to be uploaded again
    NO_TIME = auto()  # the download would take longer than proxies wait


def information() -> Mapping[str, str]:
    """Return the headings of columns that only inform: they are exported and ignored in uploads."""
    return {
        CUSTOMER: _("Customer"),
        CREATED: _("Created"),
        UPDATED: _("Changed"),
        READ_AT: _("Read from the CRM"),
    }


def endings() -> Mapping[str, str]:
    """Return the headings of the outcome columns of a returned file."""
    return {
        OUTCOME: _("ticketadmin: outcome"),
        DETAIL: _("ticketadmin: detail"),
        CHECKED: _("ticketadmin: checked at"),
    }


def is_ending(name: str) -> bool:
    """Return whether a column says how tickets ended: no file takes it back."""
    return heading(name) in _headings(endings)


def not_known() -> str:
    """Return the text of a cell whose value is not known; an empty cell would mean an empty field."""
    return missing_text(Missing.NOT_KNOWN)


def missing_text(why: Missing) -> str:
    """Return what a cell shows in the place of a value; an upload keeps the field."""
    return {
        Missing.NOT_KNOWN: _("(not known)"),
        Missing.NO_ANSWER: _("(not read: no usable answer from the CRM)"),
        Missing.REFUSED: _("(not read: the CRM does not allow it)"),
        Missing.NO_TICKET: _("(not read: the CRM has no such ticket)"),
        Missing.TOO_LARGE: _("(not read: the ticket is too large)"),
        Missing.NO_ROOM: _("(not read: the file would be too large)"),
        Missing.NO_TIME: _("(not read: the export took too long)"),
    }[why]


def shortened(text: str) -> str:
    """Return the beginning of a value for a cell: visibly cut, and refused in uploads."""
    return f"{text} {_mark()}"


def is_shortened(text: str) -> bool:
    """Return whether a cell shows only the beginning of a value."""
    return text.rstrip().endswith(tuple(_spelled(_marks)))


def is_missing(text: str) -> bool:
    """Return whether a cell still says why an export wrote no value there."""
    return text.strip() in _spelled(_missing_texts)


def only_informs(name: str) -> bool:
    """Return whether a heading is that of a column that uploads ignore."""
    return heading(name) in _headings(information)


def shows_when_read(names: Collection[str]) -> bool:
    """Return whether these are the headings of an export, recognised by the column that only exports have."""
    return any(heading(name) in _headings(_last_column) for name in names)


def _mark() -> str:
    return _("[shortened: this cell is not taken back]")


def _marks() -> list[str]:
    return [_mark()]


def _missing_texts() -> list[str]:
    return [missing_text(why) for why in Missing]


def _last_column() -> Mapping[str, str]:
    return {READ_AT: information()[READ_AT]}


@cache
def _headings(columns: Callable[[], Mapping[str, str]]) -> frozenset[str]:
    return in_every_language(lambda: [heading(text) for text in columns().values()])


def in_every_language(words: Callable[[], Collection[str]]) -> frozenset[str]:
    """Return words in every language of the product."""
    found: set[str] = set()
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found.update(words())
    return frozenset(found)


_spelled = cache(in_every_language)  # of words that are the same at each call
