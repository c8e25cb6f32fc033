"""Ticket codes in text that a user pasted for a bulk update.

Everything pasted here is meant as a code, even digits alone, and what is not a code is listed. The omnibox,
where codes occur among words, reads its text in `services/index/omnibox.py`.
"""

import re
from collections import Counter
from dataclasses import dataclass

from ticketadmin.text import heading, visible
from ticketadmin.ticketapi.client import CODE

# What a column of codes is called, without diacritics, so that a pasted heading is not taken for a code.
CODE_HEADINGS = frozenset(
    ["ticket_code", "current_ticket_code", "ticket code", "ticket", "code", "ma phieu", "ma ticket", "ma"]
)
_LIST_NUMBER = re.compile(r"^[ \t]*\d{1,5}[.)][ \t]+(?=\S)", re.MULTILINE)
_SEPARATORS = re.compile(r"[\s\x00-\x1f,;|\"'`“”‘’„«»•·●▪◦*()\[\]{}<>，；、]+")
_MAX_SHOWN = 80


@dataclass(frozen=True)
class PastedCodes:
    """Pasted text: the codes in order, each once; how often the repeated ones occur; and the rest."""

    codes: tuple[str, ...] = ()
    repeated: tuple[tuple[str, int], ...] = ()
    malformed: tuple[str, ...] = ()


def read_codes(text: str) -> PastedCodes:
    """Read pasted codes, however they are separated.

    Codes that differ only in case are one ticket, as they are where the CRM names a ticket in a reply;
    the first spelling counts. A heading such as "Mã phiếu" and the numbers of a numbered list are left out.
    """
    pieces = [_bare(piece) for piece in _SEPARATORS.split(_LIST_NUMBER.sub("", _without_heading(text)))]
    first: dict[str, str] = {}
    times: Counter[str] = Counter()
    malformed: dict[str, None] = {}
    for piece in pieces:
        if CODE.fullmatch(piece):
            first.setdefault(key := piece.casefold(), piece)
            times[key] += 1
        elif piece:
            malformed[_short(piece)] = None
    repeated = tuple((first[key], count) for key, count in times.items() if count > 1)
    return PastedCodes(tuple(first.values()), repeated, tuple(malformed))


def is_code_heading(text: str) -> bool:
    """Return whether a column with this name holds ticket codes."""
    return heading(text) in CODE_HEADINGS


def _without_heading(text: str) -> str:
    """Return the text below a heading; of several columns from a spreadsheet, the one with the codes."""
    text = visible(text).lstrip()
    first, line_end, rest = text.partition("\n")
    names = first.split("\t")
    place = next((place for place, name in enumerate(names) if is_code_heading(name.strip(" \"'"))), None)
    if place is None or not line_end:
        return text
    return "\n".join("".join(line.split("\t")[place : place + 1]) for line in rest.split("\n"))


def _bare(piece: str) -> str:
    """Return a piece without the punctuation around it; "" for punctuation alone, such as a bullet."""
    piece = piece.lstrip("#").rstrip(".:!?…")
    return piece if any(character.isalnum() for character in piece) else ""


def _short(piece: str) -> str:
    return piece if len(piece) <= _MAX_SHOWN else piece[:_MAX_SHOWN] + "…"
