"""Normal forms of text, in which two spellings of one name, heading, value or search word are equal.

The attacker sends text: a user name on the sign-in page, a title or a link of a ticket, a cell of an
uploaded file. Unicode normalisation sorts each run of combining marks in quadratic time while it holds the
interpreter, so that 50,000 marks cost seconds. Everything here therefore goes through `normalize`, which is
linear; nothing else in the product calls `unicodedata.normalize` (tests/test_text.py). No Django here, and no
knowledge of fields, codes or files.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import filterfalse
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

MAX_MARKS = 30  # UAX 15, section 13: no word of any language has a longer run
_FIRST_MARK = "\u0300"
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2212\ufe63\uff0d", "-"))
_HIDDEN = frozenset({"Cc", "Cf"})


# --- the one normaliser --------------------------------------------------------------------------


def normalize(form: Form, text: str) -> str:
    """Return the text in a Unicode normal form, in linear time.

    A run of more than MAX_MARKS combining marks is left as it is (UAX 15, "stream-safe text"), and so is
    its base character; the text before and after it is normalised. Idempotent.
    """
    if text.isascii():
        return text
    parts: list[str] = []
    done = 0
    for start, end in _long_runs(text):
        parts += [unicodedata.normalize(form, text[done:start]), text[start:end]]
        done = end
    return "".join([*parts, unicodedata.normalize(form, text[done:])])


def _long_runs(text: str) -> list[tuple[int, int]]:
    marks = "".join(sorted(letter for letter in set(text) if letter >= _FIRST_MARK and _is_mark(letter)))
    if not marks:
        return []
    runs = re.finditer(f"[{re.escape(marks)}]{{{MAX_MARKS + 1},}}", text)
    return [run.span() for run in runs]


@lru_cache(maxsize=4_096)
def _is_mark(letter: str) -> bool:
    """Return whether a character is a combining mark or decomposes into some, such as U+0F73."""
    return unicodedata.combining(unicodedata.normalize("NFKD", letter)[0]) != 0


# --- forms for comparing -------------------------------------------------------------------------


def normal_text(text: str) -> str:
    """Return a value as it is compared and sent: LF line ends, NFC, without NUL and outer white space."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return normalize("NFC", text).strip()


def folded(name: str) -> str:
    """Return the form in which two spellings of one name are equal: NFC, trimmed, case-folded."""
    return normalize("NFC", normalize("NFC", name).strip().casefold())


def folded_login(name: str) -> str:
    """Return the form in which two spellings sign in the same user: NFKC, trimmed, case-folded."""
    return normalize("NFKC", name).strip().casefold()


def plain_letters(text: str) -> str:
    """Return the text in lower case without diacritics: "Đang xử lý" and "dang xu ly" are the same."""
    decomposed = normalize("NFD", text.casefold()).replace("đ", "d")
    return "".join(filterfalse(unicodedata.combining, decomposed))


def contains(text: str, words: str) -> bool:
    """Return whether the text contains every word; case and diacritics make no difference."""
    haystack = plain_letters(text)
    return all(word in haystack for word in plain_letters(words).split())


def heading(text: str) -> str:
    """Return the form in which two spellings of a column's name are equal, without diacritics and case."""
    return " ".join(plain_letters(visible(text)).replace("*", " ").split()).rstrip(" :")


# --- forms for reading ---------------------------------------------------------------------------


def visible(text: str) -> str:
    """Return the text composed (NFC), with plain hyphens and without invisible format characters."""
    return normalize("NFC", _INVISIBLE.sub("", text)).translate(_HYPHENS)


def printable(text: str, *, limit: int) -> str:
    """Return the text composed (NFC), without invisible and unstorable characters, cut to `limit` characters.

    The cut is made before any work, and again after it.
    """
    text = normalize("NFC", text[: 4 * limit])
    return "".join(filter(str.isprintable, text)).strip()[:limit]


def without_controls(text: str, *, keep: str = "") -> str:
    """Return the text without controls and format characters, such as direction marks, except `keep`."""
    return "".join(one for one in text if unicodedata.category(one) not in _HIDDEN or one in keep).strip()
