"""Words as search compares them: what a ticket's texts become in the index, and what a query becomes.

Both sides are folded: lower case, without diacritics (đ = d), composed or not, without invisible characters.
Telephone numbers are found in every spelling, because each is also kept as its national digits.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ticketadmin.text import plain_letters, visible

MAX_SEARCH_QUERY = 200  # characters of a query that are looked at
MAX_SEARCH_WORDS = 12
MAX_SEARCHED_TEXT = 500  # characters of one field that search looks at
WHOLE_NUMBER_DIGITS = 10  # digits of a whole telephone number, with its first 0
COUNTRY = "84"  # Vietnam's calling code: +84 912… and 0912… are one number
# Digits with what users put between them; never across a line, since each field is a line.
_PHONE = re.compile(r"(?<![\w-])[+(]{0,2}[0-9](?:[ .()/-]{0,3}[0-9]){5,19}(?![\w-])")
_EDGES = " \t\"'`“”‘’„«»()[]{}<>,;:!?….*|/\\=~_–—-"  # of words; behind a word, # and + belong to it: “C#”
_IN_FRONT = _EDGES + "#№"
_PARTS = re.compile(r"[a-z]+|[0-9]+")
_CODE_MARKS = ("", "-", "_")  # what CRMs put between the letters and the digits of a code
_LIKE_A_CODE = re.compile(r"(?=.*[0-9])[a-z0-9]+(?:[-_./–—]+[a-z0-9]+)*")
_MIN_CODE = 4  # letters and digits: a shorter word with marks in it is in too many texts
_MAX_PARTS = 6


@dataclass(frozen=True)
class Term:
    """One part of a query: any of `options` must fit, each a set of words that must all occur.

    `number` is a complete telephone number as it is dialled, "" if the user typed something else.
    """

    options: tuple[tuple[str, ...], ...]
    number: str = ""


def folded_text(text: str) -> str:
    """Return a text as search compares it, on one line."""
    words = " ".join(plain_letters(visible(text[:MAX_SEARCHED_TEXT])).split())
    return "".join(filter(str.isprintable, words))  # databases do not compare a NUL, for example


def words_of(texts: Iterable[str]) -> str:
    """Return the search text of a ticket: a line for each of its texts, then its telephone numbers."""
    lines = [line for text in texts if (line := folded_text(text))]
    phones = (national(found[0]) for line in lines for found in _PHONE.finditer(line))
    return "\n".join([*lines, *(phone for phone in dict.fromkeys(phones) if phone not in lines)])


def national(phone: str) -> str:
    """Return a telephone number's digits as they are dialled in Vietnam: +84 912… becomes 0912…."""
    digits = re.sub(r"\D", "", phone)
    is_international = phone.lstrip("( ").startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("00") if digits.startswith("00") else digits
    if digits.startswith(COUNTRY) and (is_international or len(digits) >= 11):
        rest = digits.removeprefix(COUNTRY)
        return rest if rest.startswith("0") else "0" + rest
    return digits


def bare(word: str) -> str:
    """Return a word without the punctuation around it: “#5286”, “...5286” and “(5286)” are 5286."""
    return word.lstrip(_IN_FRONT).rstrip(_EDGES)


def code_spellings(word: str) -> tuple[str, ...]:
    """Return the ways to write a folded word that looks like a code or a number, itself first.

    Whoever reads TK240080 aloud or types it from paper may write TK-240080, and the other way round.
    """
    parts = _PARTS.findall(word)
    is_code = (
        _LIKE_A_CODE.fullmatch(word) and 1 < len(parts) <= _MAX_PARTS and len("".join(parts)) >= _MIN_CODE
    )
    ways = [mark.join(parts) for mark in _CODE_MARKS] if is_code else []
    return tuple(dict.fromkeys([word, *ways]))


def is_contact(query: str) -> bool:
    """Return whether a query is nothing but a telephone number or an e-mail address."""
    text = folded_text(query[:MAX_SEARCH_QUERY])
    return bool(_PHONE.fullmatch(text)) or ("@" in text.strip("@") and " " not in text)


def terms_in(query: str) -> tuple[Term, ...]:
    """Return the terms of a query. A number with gaps is found joined, or as its separate words."""
    return _all_terms(query[:MAX_SEARCH_QUERY])[:MAX_SEARCH_WORDS]


def searched_part(query: str) -> str:
    """Return the beginning of a query that is searched for: whole words up to both limits."""
    part = query
    if len(query) > MAX_SEARCH_QUERY:
        whole_words = query[: MAX_SEARCH_QUERY + 1].rpartition(" ")[0]
        part = whole_words or query[:MAX_SEARCH_QUERY]
    words = part.split(" ")
    while len(_all_terms(part)) > MAX_SEARCH_WORDS:
        words.pop()
        part = " ".join(words)
    return part


def _all_terms(query: str) -> tuple[Term, ...]:
    text = folded_text(query)
    terms: list[Term] = []
    done = 0
    for found in _PHONE.finditer(text):
        terms += _plain_terms(text[done : found.start()])
        apart = tuple(word for word in found[0].split() if word)
        number = national(found[0])
        is_whole = number.startswith("0") and len(number) >= WHOLE_NUMBER_DIGITS
        terms.append(Term(tuple(dict.fromkeys([(number,), apart])), number if is_whole else ""))
        done = found.end()
    terms += _plain_terms(text[done:])
    return tuple(dict.fromkeys(terms))


def _plain_terms(text: str) -> list[Term]:
    words = (bare(word) for word in text.split())
    return [Term(tuple((way,) for way in code_spellings(word))) for word in words if word]
