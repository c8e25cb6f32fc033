"""The one box: what a person typed or pasted into it, understood.

A code opens a ticket, a code and a status name offer that change, several codes lead to those tickets,
and other words search. Diacritics and case are optional in status names.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ticketadmin.models import Change, Draft, User
from ticketadmin.text import contains, plain_letters

CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_CODES = 500
SUGGESTED = 8
# Inside pasted text a code is told from a word by capitals with a digit or a hyphen, so that noise such
# as dates, phone numbers and names does not look like one.
_CODE_IN_NOISE = re.compile(
    r"(?<![\w@./-])(?=[A-Z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[0-9-])[A-Z0-9][A-Z0-9_-]{3,63}(?![\w@/]|\.\w)"
)


@dataclass(frozen=True)
class OneTicket:
    """Open this ticket."""

    code: str


@dataclass(frozen=True)
class StatusChange:
    """Offer to set this status; `status` is the CRM's spelling."""

    code: str
    status: str


@dataclass(frozen=True)
class ManyTickets:
    """Show these tickets, in the order in which they were typed, each once."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Search the list for these words; empty for an empty box."""

    text: str


Typed = OneTicket | StatusChange | ManyTickets | Words


def understand(text: str, statuses: Sequence[str]) -> Typed:
    """Return what the text asks for. `statuses` are the CRM's names."""
    text = text.strip()
    if looks_like_code(text):
        return OneTicket(text)
    first, _space, rest = text.partition(" ")
    if looks_like_code(first) and (names := matching_statuses(rest, statuses)):
        return StatusChange(first, names[0])
    codes = codes_in(text)
    if len(codes) > 1:
        return ManyTickets(codes)
    if len(codes) == 1 and len(text.split()) == 1:
        return OneTicket(codes[0])
    return Words(" ".join(text.split()))


def looks_like_code(word: str) -> bool:
    """Tell whether a word is meant as a ticket code: it has a digit, - or _, or is all capitals."""
    return bool(CODE.fullmatch(word)) and bool(re.search(r"[0-9_-]", word) or word.isupper())


def codes_in(text: str) -> tuple[str, ...]:
    """Return the ticket codes in pasted text, each once, noise left out."""
    return tuple(dict.fromkeys(_CODE_IN_NOISE.findall(text)))[:MOST_CODES]


def matching_statuses(typed: str, statuses: Iterable[str]) -> list[str]:
    """Return the status names that start with what was typed, then those that hold its words."""
    wanted = " ".join(plain_letters(typed).split())
    if not wanted:
        return []
    starting = [name for name in statuses if plain_letters(name).startswith(wanted)]
    holding = [name for name in statuses if name not in starting and contains(name, wanted)]
    return starting + holding


def recent_codes(actor: User, *, limit: int = SUGGESTED) -> list[str]:
    """Return the tickets that a person changed lately, newest first, each once."""
    changed = Change.objects.filter(actor=actor).order_by("-id").values_list("ticket_code", flat=True)
    return list(dict.fromkeys(changed[:60]))[:limit]


def codes_of(actor: User) -> frozenset[str]:
    """Return the tickets that are a person's own here: with a draft, or changed by them lately."""
    changed = Change.objects.filter(actor=actor).order_by("-id").values_list("ticket_code", flat=True)
    drafts = Draft.objects.of(actor.pk).values_list("ticket_code", flat=True)
    return frozenset([*changed[:500], *drafts[:200]])
