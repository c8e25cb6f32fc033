"""A secret in every spelling that an answer may give it, for blanking out.

The attacker is a CRM, or a proxy before it, that repeats the request in its error: as JSON (`\\/`, `\\u0041`,
PHP's hex flags), as HTML (`&#47;`, `&sol;`), in an address (`%2F`), or one of them inside another. Each
character of the secret is matched in all of these. What is encoded as a whole (base64), cut in halves or
reversed cannot be matched: SECURITY.md says so.
"""

import re
from functools import cache
from html.entities import html5

# Each matched in its own spellings, too: an escape can be escaped again. All repetitions are bounded, so that
# matching takes linear time.
_AMPERSAND = r"(?:&(?:amp;){0,3}|%26(?:amp;)?|\\{1,4}u0026)"
_PERCENT = rf"(?:%(?:25){{0,3}}|{_AMPERSAND}(?:#0{{0,5}}37|#[xX]0{{0,5}}25|percnt);|\\{{1,4}}u0025)"
_BACKSLASH = rf"(?:\\{{1,8}}|{_AMPERSAND}(?:#0{{0,5}}92|#[xX]0{{0,5}}5[cC]|bsol);|%5[cC])"


def spellings(secret: str) -> re.Pattern[str]:
    """Return a pattern that finds a secret of ASCII characters in all its spellings."""
    first = re.escape(secret[0])
    return re.compile(rf"(?=[{first}&%=\\])" + "".join(map(_of_letter, secret)))


def _of_letter(letter: str) -> str:
    code = ord(letter)
    number, pair = str(code), _hex(f"{code:02x}")
    references = [rf"#0{{0,5}}{number};?", rf"#[xX]0{{0,5}}{pair};?"]
    references += [re.escape(name) for name in _names().get(letter, ())]
    found = [
        rf"{_BACKSLASH}(?:u00{pair}|u\{{0{{0,4}}{pair}\}}|x{pair}|{code:03o})",
        rf"{_AMPERSAND}(?:{'|'.join(references)})",
        rf"{_PERCENT}(?:u00)?{pair}",
        rf"={pair}",  # quoted-printable
    ]
    if not letter.isalnum():
        found.append(_BACKSLASH + re.escape(letter))
    if letter == " ":
        found.append(r"\+")
    found.append(re.escape(letter))  # last: where another alternative matches, it is longer
    return f"(?:{'|'.join(found)})"


def _hex(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


@cache
def _names() -> dict[str, list[str]]:
    """Return the names that HTML has for ASCII characters, such as `sol;` and `amp`."""
    named: dict[str, list[str]] = {}
    for name, letter in html5.items():
        if len(letter) == 1 and letter.isascii():
            named.setdefault(letter, []).append(name)
    return {letter: sorted(names, key=len, reverse=True) for letter, names in named.items()}
