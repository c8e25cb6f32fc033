"""The contents of a snippet: its name and text as they are stored, and what it inserts. No database.

The attacker is a colleague who shares a snippet: its HTML is cleaned when it is kept and once more each time
it is inserted or shown. Content without a single known element is plain text, as everywhere in the product.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ticketadmin.markup import is_blank_html, is_markup
from ticketadmin.sanitizing import ContentTooComplex, as_html, clean_html, visible_text
from ticketadmin.services.recipes.recipe import PLACEHOLDERS, placeholders_in, with_values
from ticketadmin.text import folded, normal_text

TRIGGER = "//"  # what a user types before a name
MAX_SNIPPET_NAME = 40  # characters, as the column has them
MAX_SNIPPET_CONTENT = 20_000  # characters, after cleaning
_NAME = re.compile(r"[\w-]+")
_CONTROLS = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_ROUNDS = 3  # of cleaning and composing
_UNKNOWN: Mapping[str, str | Promise] = {
    "customer": gettext_lazy("The customer's name is not known here."),
    "code": gettext_lazy("There is no single ticket here whose code could be inserted."),
}


@dataclass(frozen=True)
class Insertion:
    """What a snippet inserts: safe HTML for rich text, text for other boxes; with `problems`, nothing.

    `is_html`: the HTML has formatting that the text lacks, such as lists, links and bold.
    """

    html: str = ""
    text: str = ""
    is_html: bool = False
    problems: tuple[str, ...] = ()


def as_name(typed: str) -> str:
    """Return the name to store: composed (NFC), case-folded, without the slashes.

    Raises ValidationError.
    """
    if len(typed) > 4 * MAX_SNIPPET_NAME:
        raise _wrong_name()
    name = folded(folded(typed).removeprefix(TRIGGER))
    if len(name) > MAX_SNIPPET_NAME or not _NAME.fullmatch(name):
        raise _wrong_name()
    return name


def _wrong_name() -> ValidationError:
    message = _("A name has 1 to %(most)d letters, digits, - and _, without spaces.")
    return ValidationError(message, code="bad_name", params={"most": MAX_SNIPPET_NAME})


def as_content(typed: str) -> str:
    """Return the content to store: composed (NFC), LF line ends, HTML cleaned. Idempotent.

    Raises ValidationError for content that is empty, too long or too complex, and for a placeholder that
    does not exist.
    """
    if len(typed) > 2 * MAX_SNIPPET_CONTENT:  # line ends of browsers count twice
        raise _too_long()
    content = _settled(normal_text(typed.encode("utf-8", "replace").decode().translate(_CONTROLS)))
    if not content or is_blank_html(content):
        raise ValidationError(_("Write the text of the snippet."), code="no_content")
    if len(content) > MAX_SNIPPET_CONTENT:
        raise _too_long()
    if unknown := sorted(placeholders_in(content) - set(PLACEHOLDERS)):
        message = _(
            "There is no placeholder {%(name)s}. The placeholders are {customer}, {code}, {today} and {me}."
        )
        raise ValidationError(message, code="no_placeholder", params={"name": unknown[0]})
    return content


def _settled(content: str) -> str:
    """Clean and compose until neither changes anything: composing may join a mark to what is before it."""
    for _round in range(_ROUNDS):
        if not is_markup(content):
            return content
        cleaned = normal_text(clean_html(content))
        if not is_markup(cleaned):  # no element is left, but references are: it stays HTML
            cleaned = f"<p>{cleaned}</p>" if cleaned else ""
        if cleaned == content:
            return content
        content = cleaned
    return content


def _too_long() -> ValidationError:
    message = _("The text is too long: at most %(most)s characters are possible.")
    return ValidationError(message, code="too_long", params={"most": MAX_SNIPPET_CONTENT})


def insertion_of(content: str, values: Mapping[str, str]) -> Insertion:
    """Return what the content inserts with these values of placeholders; one that is "" is not known.

    Values are text: in HTML they are escaped. Where one is not known, nothing is inserted.
    """
    missing = [name for name in PLACEHOLDERS if name in placeholders_in(content) and not values.get(name)]
    if missing:
        return Insertion(problems=tuple(str(_UNKNOWN[name]) for name in missing))
    try:
        html = clean_html(with_values(as_html(content), values, is_html=True))
    except ContentTooComplex as error:
        return Insertion(problems=tuple(error.messages))
    if is_markup(content):
        return Insertion(html, visible_text(html), is_html=True)
    return Insertion(html, with_values(content, values, is_html=False))
