"""The omnibox: what a text typed or pasted into it means.

A code opens a ticket, a code and a status name offer that change, several codes lead to those tickets, a
pasted link, "Ticket ABC123: …" or the subject "Re: [ABC123] …" opens that ticket, everything else searches.
A code is what the index knows, or what has the form of this CRM's codes: capitals, numbers and telephone
numbers are words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.cache import cache
from django.db.models import QuerySet, Subquery

from ticketadmin.models import (
    Change,
    Draft,
    IndexedTicket,
    Slot,
    TicketIndex,
    User,
    json_rows,
)
from ticketadmin.services.index.words import MAX_SEARCH_QUERY, bare, code_spellings
from ticketadmin.services.values.choices import MAX_CHOICE_NAME
from ticketadmin.services.values.ordering import sort_key
from ticketadmin.text import contains, plain_letters, visible
from ticketadmin.ticketapi.client import CODE

MAX_CODES = 500  # that one list shows
MAX_OMNIBOX_TEXT = 40_000  # characters that are looked at; a browser sends longer texts as a form
MAX_DRAFTED = 200  # drafts of a user that the list knows
SUGGESTED = 8
MAX_PIECES_SAMPLED = 200  # of a text, to see whether it is a list of codes
MAX_CODES_SAMPLED = 400  # codes of the index whose form counts as this CRM's
MIN_OF_FORM = 0.02  # share of the sampled codes that a form needs, so that an odd one makes no rule
FORMS_KEPT_FOR = 60  # seconds
# Inside pasted text, where the index knows nothing: capitals with a digit or a hyphen, so that noise such as
# dates, telephone numbers and names does not look like a code.
_CODE_IN_NOISE = re.compile(
    r"(?<![\w@./-])(?=[A-Z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[0-9-])[A-Z0-9][A-Z0-9_-]{3,63}(?![\w@/]|\.\w)"
)
_LIKE_A_CODE = r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}"
_PIECE = re.compile(rf"(?<![\w-]){_LIKE_A_CODE}(?![\w-])")
_PIECE_OF_TEXT = re.compile(rf"(?<![\w@./-]){_LIKE_A_CODE}(?![\w@/-]|\.\w)")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_NAMING = (":", "-", "–")
_LABEL = re.compile(r"^\W*(?:ticket|phieu(?: ho tro)?|ma(?: phieu)?|code)?\W*$")


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
class CodeAndWords:
    """A ticket's code and words behind it that name no status: a search, or a mistyped status."""

    code: str
    words: str
    text: str  # both, as typed


@dataclass(frozen=True)
class NamedRecipe:
    """Fill the recipe of this name into these tickets; written `ABC123 /name`."""

    codes: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class ManyTickets:
    """Show these tickets, in the order in which they were typed, each once."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class SearchWords:
    """Search the list for these words; empty for an empty box."""

    text: str


OmniboxMeaning = OneTicket | StatusChange | CodeAndWords | NamedRecipe | ManyTickets | SearchWords


@dataclass(frozen=True)
class KnownCodes:
    """The codes in a text that the index knows, by their sort key, and the forms of this CRM's codes.

    Without any form nothing is known about this CRM's codes: then a word in capitals with a digit or a hyphen
    counts as a code.
    """

    spelled: Mapping[bytes, str] = field(default_factory=dict)
    forms: frozenset[str] = frozenset()

    def code_in(self, word: str) -> str:
        """Return the code that a word is, in the index's spelling where it is known; "" for a plain word."""
        if not CODE.fullmatch(word):
            return ""
        if known := self.spelled.get(sort_key(word)):
            return known
        if self.forms:
            return word if form_of_code(word) in self.forms else ""
        return word if _CODE_IN_NOISE.fullmatch(word) else ""

    def code_meant(self, typed: str) -> str:
        """Return the code that a word is, whatever punctuation is around or inside it; "" for a plain word.

        A code that the index knows with other marks counts if there is one of these alone.
        """
        if len(typed.split()) > 1:
            return ""
        word = bare(typed)
        meant = {known for way in code_spellings(word.lower()) if (known := self.spelled.get(sort_key(way)))}
        return self.code_in(word) or (meant.pop() if len(meant) == 1 else "")


def known_codes(index: TicketIndex, text: str) -> KnownCodes:
    """Look up the words of a text in the index, by one or two queries."""
    text = visible(text[:MAX_OMNIBOX_TEXT])
    pieces = dict.fromkeys(_PIECE.findall(text))
    first = "".join(text.split(maxsplit=1)[:1])
    meant = code_spellings(bare(first).lower()) if len(first) <= MAX_SEARCH_QUERY else ()
    keys = [sort_key(piece) for piece in [*meant, *list(pieces)[: 2 * MAX_CODES]]]
    rows = IndexedTicket.objects.filter(index=index, code_key__in=keys).values_list("code_key", "code")
    return KnownCodes({bytes(key): code for key, code in rows}, _forms(index))


def is_list_of_codes(index: TicketIndex, text: str) -> bool:
    """Return whether a long text is a list of codes rather than a text in which some occur.

    The pieces at its beginning decide. Where nothing is known of this CRM's codes, any text may be a list.
    """
    pieces = re.split(r"[\s,;]+", visible(text[:MAX_OMNIBOX_TEXT]))[:MAX_PIECES_SAMPLED]
    known = known_codes(index, " ".join(pieces))
    codes = [piece for piece in pieces if known.code_in(piece.strip("#.:"))]
    return not known.forms or 2 * len(codes) >= len(pieces)


def _forms(index: TicketIndex) -> frozenset[str]:
    name = f"index:forms:{index.pk}"
    kept: frozenset[str] | None = cache.get(name)
    if kept is None:
        newest = IndexedTicket.objects.filter(index=index).order_by("-number", "-id")
        counted = Counter(
            form_of_code(code) for code in newest.values_list("code", flat=True)[:MAX_CODES_SAMPLED]
        )
        least = MIN_OF_FORM * counted.total()
        kept = frozenset(form for form, times in counted.items() if times > least and "9" in form)
        cache.set(name, kept, FORMS_KEPT_FOR)
    return kept


def form_of_code(code: str) -> str:
    """Return the form of a code, in which runs of letters and of digits are represented by their lengths."""
    runs = re.findall(r"[A-Za-z]+|[0-9]+|[_-]", code)
    parts = (f"A{len(run)}" if run.isalpha() else f"9{len(run)}" if run.isdigit() else run for run in runs)
    return "".join(parts)


def understand(text: str, statuses: Sequence[str], codes: KnownCodes) -> OmniboxMeaning:
    """Return the meaning of the text. `statuses` are the CRM's names, `codes` the known codes in it."""
    text = " ".join(visible(text[:MAX_OMNIBOX_TEXT]).split())
    if named_recipe := named_recipe_in(text, codes):  # first: a slash alone behind a code names every recipe
        return named_recipe
    if code := codes.code_meant(text):
        return OneTicket(code)
    first, _space, rest = text.partition(" ")
    code = codes.code_meant(first)
    if code and (names := matching_statuses(rest, statuses)):
        return StatusChange(code, names[0])
    named = codes_in(text, codes)
    if len(named) > 1:
        return ManyTickets(named)
    if named and (_LINK.search(text) or _is_labelled(text, named[0])):
        return OneTicket(named[0])
    if code and named == (code,) and statuses and len(rest) <= MAX_CHOICE_NAME:
        return CodeAndWords(code, rest, text)
    return SearchWords(text)


def only_code_in(text: str, codes: KnownCodes) -> str:
    """Return the code of a text that names exactly one ticket, else ""."""
    named = codes_in(text, codes)
    return named[0] if len(named) == 1 else codes.code_meant(text)


def named_recipe_in(text: str, codes: KnownCodes) -> NamedRecipe | None:
    """Return the tickets and the recipe of a text such as "ABC123 ABC124 /close": nothing else is in it."""
    before, slash, name = text.partition(" /")
    words = before.replace(",", " ").split()
    if not slash or not 0 < len(words) <= MAX_CODES:
        return None
    found = dict.fromkeys(codes.code_in(word.strip("#.;:")) for word in words)
    return NamedRecipe(tuple(found), name.strip()) if all(found) else None


def codes_in(text: str, codes: KnownCodes) -> tuple[str, ...]:
    """Return the ticket codes in pasted text, each once, without noise. A link names at most one ticket."""
    text = visible(text[:MAX_OMNIBOX_TEXT])
    found: dict[str, None] = {}
    done = 0
    for link in _LINK.finditer(text):
        found |= _plain_codes(text[done : link.start()], codes)
        inside = [code for piece in _PIECE.findall(link[0]) if (code := codes.code_in(piece))]
        found |= dict.fromkeys(inside[-1:])
        done = link.end()
    found |= _plain_codes(text[done:], codes)
    return tuple(found)[:MAX_CODES]


def _plain_codes(text: str, codes: KnownCodes) -> dict[str, None]:
    """Return codes outside links. Where forms are known, e-mail addresses and paths are still no codes."""
    pieces = _PIECE_OF_TEXT.finditer(text)
    return dict.fromkeys(code for piece in pieces if (code := codes.code_in(piece[0])))


def _is_labelled(text: str, code: str) -> bool:
    """Return whether a text such as "Ticket ABC123: printer" begins by naming the ticket, or marks it as one.

    Subjects of mails mark it: "Re: [ABC123] printer" or "printer #ABC123".
    """
    at = text.casefold().find(code.casefold())
    before, after = text[:at], text[at + len(code) :]
    if before.endswith("#") or (before.endswith(("[", "[#")) and after.startswith("]")):
        return True
    has_label = bool(_LABEL.match(plain_letters(before)))
    is_named = bool(before.strip(" #")) or after.lstrip(" ])").startswith(_NAMING)
    return at >= 0 and has_label and is_named


def matching_statuses(typed: str, statuses: Iterable[str]) -> list[str]:
    """Return the status names that start with what was typed, then those that contain its words."""
    wanted = " ".join(plain_letters(typed[:200]).split())
    if not wanted:
        return []
    holding = [name for name in statuses if contains(name, wanted)]
    return sorted(holding, key=lambda name: not plain_letters(name).startswith(wanted))


def recent_codes(user: User) -> list[str]:
    """Return the tickets that a user changed recently, newest first, each once."""
    return list(dict.fromkeys(_changed_codes(user)[:60]))[:SUGGESTED]


def own_codes(user: User) -> frozenset[str]:
    """Return the codes of tickets that the user has a draft of or changed recently."""
    return frozenset([*_changed_codes(user)[:500], *drafted_codes(user)])


def _changed_codes(user: User) -> QuerySet[Change, str]:
    return Change.objects.filter(actor=user).order_by("-id").values_list("ticket_code", flat=True)


def drafted_codes(user: User) -> tuple[str, ...]:
    """Return the tickets of which a user has a draft, newest first; MAX_DRAFTED at most."""
    return tuple(Draft.objects.of(user.pk).values_list("ticket_code", flat=True)[:MAX_DRAFTED])


def drafts_column(user: Slot) -> Subquery:
    """Return the same drafts as a column of any query, for `rows_in`: with code, title and time."""
    newest = Draft.objects.of(user).values("pk")[:MAX_DRAFTED]
    return json_rows(Draft.objects.filter(pk__in=newest), ("id", "ticket_code", "title", "updated_at"))
