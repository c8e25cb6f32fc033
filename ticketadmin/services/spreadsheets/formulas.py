"""Texts that a spreadsheet would run as a formula: an export adds an apostrophe, an import takes it off.

A cell acts as a formula by its first character, which some programs look for behind white space or in full
width. An export puts one apostrophe before such a text, and before one that already begins with apostrophes
and such a text, so that taking one off gives back what was there.
"""

import re

_BLANK = "[\\s\ufeff\u200b-\u200f\u2060]*"
_ACTING = re.compile(rf"{_BLANK}[=+\-@＝＋－＠]|[\t\r\n]")
_DISARMED = re.compile(rf"'+(?:{_BLANK}[=+\-@＝＋－＠]|[\t\r\n])")


def disarmed(text: str) -> str:
    """Return a text as a cell that acts as no formula."""
    return f"'{text}" if _ACTING.match(text) or _DISARMED.match(text) else text


def armed(cell: str) -> str:
    """Return the text of a cell that `disarmed` wrote; any other apostrophe belongs to the text."""
    return cell[1:] if _DISARMED.match(cell) else cell
