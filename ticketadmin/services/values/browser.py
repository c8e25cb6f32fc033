"""What a browser posts for a rendered form, by the rules of the HTML standard. Pure functions.

"Untouched" is defined by this model, so it is compared with Chromium (tests/e2e/test_widgets.py). The rules
that matter, by section of https://html.spec.whatwg.org/:

- 13.2.3.5, preprocessing: CRLF and CR become LF while the page is parsed; NUL becomes U+FFFD.
- 4.10.5.1, value sanitisation: one-line inputs drop LF and CR; a date input drops what is not a date.
- 4.10.22.4, constructing the entry list: every line end is posted as CRLF.
"""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

_LINE_END = re.compile("\r\n|\r|\n")
_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")


class Widget(StrEnum):
    """How a field is edited in a form."""

    LINE = "line"
    EMAIL = "email"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"
    AREA = "area"
    CONTENT = "content"
    SELECT = "select"
    CHECKS = "checks"

    @property
    def is_one_line(self) -> bool:
        """Return whether the browser drops line ends from the value."""
        return self in {Widget.LINE, Widget.EMAIL, Widget.PHONE, Widget.NUMBER}


def has_line_end(text: str) -> bool:
    """Return whether the text contains characters that a one-line input drops."""
    return "\n" in text or "\r" in text


def with_plain_line_ends(text: str) -> str:
    """Return the text with LF for every kind of line end."""
    return _LINE_END.sub("\n", text) if "\r" in text else text


def renderable(text: str) -> str:
    """Return the text as UTF-8 and HTML can carry it: NUL and half of a surrogate pair become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def is_date(text: str) -> bool:
    """Return whether the text is a calendar date written as YYYY-MM-DD."""
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) and date.fromisoformat(text))
    except ValueError:
        return False


def posted_text(widget: Widget, text: str) -> str:
    """Return what a browser posts for a text that was rendered as the value of a widget or an option."""
    text = with_plain_line_ends(renderable(text))
    if widget.is_one_line:
        return text.replace("\n", "")
    if widget is Widget.DATE and not is_date(text):
        return ""
    return text.replace("\n", "\r\n")


def posted_texts(widget: Widget, texts: Iterable[str]) -> list[str]:
    """Return every text that a browser posts for a rendered value; an empty box posts an empty text.

    A hidden input before checkboxes posts an empty text; the boxes follow in the order of the page.
    """
    posted = [posted_text(widget, text) for text in texts]
    return ["", *posted] if widget is Widget.CHECKS else posted[:1] or [""]
