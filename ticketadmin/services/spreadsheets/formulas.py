"""Texts that a spreadsheet would run as a formula: an export adds an apostrophe, an import removes it.

A cell acts as a formula by its first character, which some programs look for behind white space or in full
width. An export puts one apostrophe before such a text, and before one that already begins with apostrophes
and such a text, so that removing one restores the original text.

Where a program splits lines at semicolons or tabs instead of commas, a text can also act as a formula after
one of these. There, the "- " of a list is left as it is unless a command or a function call follows.
"""

import re

_BLANK = "[\\s\ufeff\u200b-\u200f\u2060]*"
_ACTING = re.compile(rf"{_BLANK}[=+\-@＝＋－＠]|[\t\r\n]")
_DISARMED = re.compile(rf"'+(?:{_BLANK}[=+\-@＝＋－＠]|[\t\r\n])")
# Each separator starts a new match, so that no run of them is scanned more than once.
_BETWEEN = '(?:[^\\S\t\r\n]|["\ufeff\u200b-\u200f\u2060])*'
_INSIDE = r"(?=[=@＝＠]|[+\-＋－][^;\t\r\n]*(?:[|!]|\w\())"
_ACTING_INSIDE = re.compile(rf"([;|\t\r\n]{_BETWEEN})('*){_INSIDE}")
_DISARMED_INSIDE = re.compile(rf"([;|\t\r\n]{_BETWEEN})'('*){_INSIDE}")


def disarmed(text: str) -> str:
    """Return the text as a cell that does not act as a formula."""
    return f"'{text}" if _ACTING.match(text) or _DISARMED.match(text) else text


def armed(cell: str) -> str:
    """Return the text of a cell that `disarmed` wrote; any other apostrophe belongs to the text."""
    return cell[1:] if _DISARMED.match(cell) else cell


def disarmed_inside(text: str) -> str:
    """Return the text so that no part after a separator acts as a formula; its beginning: `disarmed`."""
    return _ACTING_INSIDE.sub(r"\1'\2", text)


def armed_inside(text: str) -> str:
    """Return the text that `disarmed_inside` wrote."""
    return _DISARMED_INSIDE.sub(r"\1\2", text)
