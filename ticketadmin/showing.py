"""Ticket content on its way into a page: cleaned once more, images held back, links made honest.

The attacker writes tickets and wants to know who reads them (an image that loads by itself tells its
server), or to lead people astray (a link whose words name another place). So an image is replaced by
its description and its server's name until a person asks for it, and behind every link stands where it
leads, as a browser would read the address, with a warning where its words name another place.

What is added here is spelled with classes, which cleaned content never has: it cannot be imitated.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from ticketadmin.sanitizing import ContentTooComplex, known_clean

# Cleaned HTML is spelled in one way: names in small letters, values in double quotes, `"` escaped.
_ATTRIBUTES = r'((?:\s+[a-z]+="[^"]*")*)\s*/?>'
_IMAGE = re.compile("<img" + _ATTRIBUTES)
_ANCHOR = re.compile(f"<a{_ATTRIBUTES}|</a>")
_NAMED_VALUE = re.compile(r'([a-z]+)="([^"]*)"')
_ANY_TAG = re.compile(r'<[^>"]*(?:"[^"]*"[^>"]*)*>')
# What people take for an address: with a scheme, with www, or ending in a name that files rarely end in.
_CLAIM = re.compile(
    r"(?:https?:[/\\]{1,2}|www\.)[^\s/?#\\]+|(?:[\w-]+\.)+(?:com|net|org|info|biz|edu|gov|vn)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DisplayedContent:
    """Content from the CRM as a page may show it.

    `notice` says why it is shown as plain text, if it is. `blocked_images` counts those held back
    until asked for, `loaded_images` those that this page loads from elsewhere.
    """

    html: SafeString
    notice: str = ""
    blocked_images: int = 0
    loaded_images: int = 0


def display_content(html_text: str, *, show_images: bool = False) -> DisplayedContent:
    """Return content for a page. With `show_images`, images at https addresses stay; others never load.

    Beyond the bounds of cleaning, escaped text is returned with a notice.
    """
    try:
        cleaned = known_clean(html_text)
    except ContentTooComplex as error:
        return DisplayedContent(SafeString(html.escape(html_text)), str(error))
    blocked = loaded = 0

    def show(match: re.Match[str]) -> str:
        nonlocal blocked, loaded
        image = _values(match[1])
        if not image.get("src", "").lower().startswith("https:"):
            return _placeholder(_("Image without an https address, never loaded"), image)
        if show_images:
            loaded += 1
            return match[0]
        blocked += 1
        return _placeholder(_("Image not loaded"), image)

    shown = _with_targets(_IMAGE.sub(show, cleaned))
    return DisplayedContent(mark_safe(shown), "", blocked, loaded)  # noqa: S308 - cleaned above


def _values(attributes: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _NAMED_VALUE.findall(attributes)}


def _placeholder(label: str, image: dict[str, str]) -> str:
    parts = filter(None, [label, image.get("alt", ""), image.get("src") and place_of(image["src"])])
    return f'<span class="blocked-image">{html.escape(": ".join(parts))}</span>'


def _with_targets(cleaned: str) -> str:
    """Write behind every link where it leads."""
    parts: list[str] = []
    is_open: list[tuple[str, int]] = []  # links can stand in each other, by way of a table's cell
    done = 0
    for match in _ANCHOR.finditer(cleaned):
        parts.append(cleaned[done : match.start()])
        done = match.end()
        if match[1] is not None:
            values = _values(match[1])
            is_open.append((values.get("href", ""), done))
            parts.append(_opening(values))
        elif is_open:
            address, start = is_open.pop()
            parts.append("</a>" + _target(address, _ANY_TAG.sub("", cleaned[start : match.start()])))
    return "".join([*parts, cleaned[done:]])


def _opening(values: dict[str, str]) -> str:
    """Return the start of a link, whose hover text is its address and nothing else."""
    if address := values.get("href"):
        values["title"] = address
    else:
        values.pop("title", None)
    return "<a" + "".join(f' {name}="{html.escape(value)}"' for name, value in values.items()) + ">"


def _target(address: str, words: str) -> str:
    place = place_of(address)
    visible = _plain(html.unescape(words))
    if not address or visible.lower() in {place, f"https://{place}", f"http://{place}"}:
        return ""
    kind, text = "link-target", place
    if _names_another_place(visible, place):
        kind, text = "link-target link-target--other", _("really leads to %(place)s") % {"place": place}
    return f' <span class="{kind}" dir="auto">({html.escape(text)})</span>'


def _names_another_place(words: str, place: str) -> bool:
    host = place.rpartition("@")[2]
    claimed = {_host(match[0]).removeprefix("www.") for match in _CLAIM.finditer(words)}
    return any(host != one and not host.endswith("." + one) for one in claimed)


def place_of(address: str) -> str:
    """Return where an address leads as people should read it: a host, a mail address, a number."""
    scheme, colon, rest = _plain(address).partition(":")
    match scheme.lower() if colon else "":
        case "http" | "https":
            return _host(rest)
        case "mailto" | "tel":
            return unquote(rest.partition("?")[0]).lower()
        case _:
            return _("a page of this tool")


def _host(address: str) -> str:
    """Return the host as browsers find it: after the last `@`, `\\` as `/`, other scripts as xn--…"""
    rest = re.sub(r"^https?:", "", address, flags=re.IGNORECASE).replace("\\", "/").lstrip("/")
    name = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    name = unicodedata.normalize("NFKC", unquote(name)).lower().rstrip(".")
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _plain(text: str) -> str:
    """Return text without what is not seen but changes how the rest is read: controls, joiners, direction."""
    return "".join(one for one in text if unicodedata.category(one) not in {"Cc", "Cf"}).strip()
