"""Ticket content on its way into a page: cleaned once more, images blocked, the target of each link shown.

The attacker writes tickets and wants to know who reads them (an image that loads by itself tells its
server), or to mislead them (a link whose text names another place). So an image is replaced by
its description and the name of its server until a user asks for it, and every link is followed by its target,
as a browser would read the address, with a warning if its text names another place.

What is added here has classes, which cleaned content never has, so it cannot be imitated.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import idna
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from ticketadmin.sanitizing import ContentTooComplex, known_clean
from ticketadmin.text import normalize, without_controls

# Cleaned HTML has one spelling: lower-case names, values in double quotes, `"` escaped.
_ATTRIBUTES = r'((?:\s+[a-z]+="[^"]*")*)\s*/?>'
_IMAGE = re.compile("<img" + _ATTRIBUTES)
_ANCHOR = re.compile(f"<a{_ATTRIBUTES}|</a>")
_NAMED_VALUE = re.compile(r'([a-z]+)="([^"]*)"')
_ANY_TAG = re.compile(r'<[^>"]*(?:"[^"]*"[^>"]*)*>')
# What users take for an address: with a scheme, with www, or with an ending that file names rarely have.
_WITH_SCHEME = re.compile(r"(?:https?:[/\\]{1,2}|www\.)[^\s/?#\\]+", re.IGNORECASE)
_DOTTED = re.compile(r"[\w.-]+")
_ENDINGS = frozenset("com net org info biz edu gov vn".split())
_PIECE = re.compile("<[^<>]*>|[^<]+|<")
_BLOCK = re.compile(r"</?(?:p|div|br|li|tr|h[1-6]|ul|ol|table|blockquote|pre)\b", re.IGNORECASE)
MAX_SHORTENED = 20_000
_JOINERS = "\u200c\u200d"
MAX_LINK_TEXT = 2_000
MAX_HOST_NAME = 253  # RFC 1035, 2.3.4: beyond, no browser finds a host


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

    Content that is longer than the editor takes is shown shortened, as text; beyond the other bounds of
    cleaning, escaped text is returned. Both have a notice.
    """
    if len(html_text) > settings.CONTENT_MAX_CHARACTERS:
        return _shortened(html_text)
    try:
        cleaned = known_clean(html_text)
    except ContentTooComplex as error:
        return DisplayedContent(SafeString(html.escape(html_text)), error.messages[0])
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

    shown = with_link_targets(_IMAGE.sub(show, cleaned))
    return DisplayedContent(mark_safe(shown), "", blocked, loaded)  # noqa: S308 - cleaned above


def _shortened(html_text: str) -> DisplayedContent:
    """Return the start of the text, with a placeholder of its size for each picture; no parser sees it."""
    parts: list[str] = []
    room = MAX_SHORTENED
    for match in _PIECE.finditer(html_text):
        piece = match[0]
        if piece[:4].lower() == "<img":
            text = f"[{_('Image')}, {filesizeformat(len(piece) * 3 // 4)}]"
        elif piece.startswith("<") and len(piece) > 1:
            text = "\n" if _BLOCK.match(piece) else ""
        else:
            text = html.unescape(piece[:room])
        parts.append(text[:room])
        room -= len(parts[-1])
        if room <= 0:
            break
    text = re.sub(r"\n\s*\n\s*", "\n\n", "".join(parts)).strip()
    notice = _(
        "This content is too long to be shown whole. The start of its text is shown, without its layout."
    )
    return DisplayedContent(SafeString(html.escape(text).replace("\n", "<br>")), notice)


def _values(attributes: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _NAMED_VALUE.findall(attributes)}


def _placeholder(label: str, image: dict[str, str]) -> str:
    parts = filter(None, [label, image.get("alt", ""), image.get("src") and link_target(image["src"])])
    return f'<span class="blocked-image">{html.escape(": ".join(parts))}</span>'


def with_link_targets(cleaned: str) -> str:
    """Write the target of each link behind it."""
    parts: list[str] = []
    is_open: list[tuple[str, int]] = []  # links can be nested, by way of a table's cell
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
    place = link_target(address)
    seen = " ".join(without_controls(html.unescape(words)).split())
    visible = normalize("NFKC", seen[:MAX_LINK_TEXT])
    if not address or visible.lower() in {place, f"https://{place}", f"http://{place}"}:
        return ""
    kind, text = "link-target", place
    if _names_another_place(visible, place):
        kind, text = "link-target link-target--other", _("really leads to %(place)s") % {"place": place}
    return f' <span class="{kind}" dir="auto">({html.escape(text)})</span>'


def _names_another_place(words: str, place: str) -> bool:
    hosts = [_host(one) for one in re.findall(r"@([^\s,@]+)", place)] or [place]
    claimed = {_host(name).removeprefix("www.") for name in _claims(words)}
    return any(host != one and not host.endswith("." + one) for one in claimed for host in hosts)


def _claims(words: str) -> Iterator[str]:
    """Yield the words that readers take for addresses, in linear time."""
    yield from _WITH_SCHEME.findall(words)
    for dotted in _DOTTED.findall(_WITH_SCHEME.sub(" ", words).replace("。", ".")):
        for name in dotted.split(".."):
            labels = [label for label in name.split(".") if label]
            endings = (
                at for at in range(len(labels) - 1, 0, -1) if labels[at].partition("-")[0].lower() in _ENDINGS
            )
            if at := next(endings, 0):
                yield ".".join([*labels[:at], labels[at].partition("-")[0]])


def link_target(address: str) -> str:
    """Return the target of an address in readable form: a host, mail addresses, a number."""
    scheme, colon, rest = without_controls(address, keep=_JOINERS).partition(":")
    match without_controls(scheme).lower() if colon else "":
        case "http" | "https":
            return _host(rest)
        case "mailto":
            return _receivers(rest)
        case "tel":
            return without_controls(unquote(rest.partition("?")[0])).lower()
        case _:
            return _("a page of this tool")


def _receivers(rest: str) -> str:
    """Return all recipients of a mailto address, including those in its header fields (RFC 6068)."""
    to, _question, fields = rest.partition("?")
    named = [("to", to)] if to else []
    for field in fields.split("&"):
        name, _equals, value = field.partition("=")
        if (kind := without_controls(unquote(name)).lower()) in {"to", "cc", "bcc"} and value:
            named.append((kind, value))
    plain = [(kind, without_controls(unquote(value)).lower()) for kind, value in named]
    return ", ".join(value if kind == "to" else f"{kind}: {value}" for kind, value in plain)


def _host(address: str) -> str:
    """Return the host as browsers find it: after the last `@`, `\\` as `/`, other scripts as xn--…

    By UTS 46 without its transitional mapping, as browsers do: `ß`, `ς` and the joiners are letters.
    """
    rest = re.sub(r"^https?:", "", address, flags=re.IGNORECASE).replace("\\", "/").lstrip("/")
    name = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    name, colon, port = unquote(name).rpartition(":")
    if not colon or not re.fullmatch("[0-9]*", port):
        name, colon, port = name + colon + port, "", ""
    return _in_ascii(name) + colon + port


def _in_ascii(name: str) -> str:
    try:
        if len(name) <= MAX_HOST_NAME:
            labels = idna.uts46_remap(name, std3_rules=False).rstrip(".").split(".")
            return ".".join(
                label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels
            )
    except UnicodeError:  # browsers do not resolve such a name
        pass
    return without_controls(normalize("NFKC", name)).lower().rstrip(".")
