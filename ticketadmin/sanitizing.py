"""Cleaning of HTML. The only file that imports bleach and nh3.

The attacker writes tickets: by e-mail, through a web form, or with an account in the CRM. What they
write is shown to a signed-in colleague, so it must not run script, load anything by itself, send a
form, cover the tool's own controls, or cost the server minutes. Layers, each enough on its own:

1. The document is rewritten token by token (markup) with only the allowed elements and attributes, every
   value in double quotes: parsers meet nothing that they could disagree over (comments, svg, template,
   noscript, select …). Formatting elements lose their attributes, so that a parser repeats no more than three
   of a kind (HTML standard, 13.2.4.3); a link keeps its own, and what repeating it could cost is bounded.
2. nh3 (html5ever) cleans by the allowlist, in half a second and 84 MB at worst. Its well-formed result is
   refused where it is deep or large.
3. bleach (html5lib), another parser, cleans that by the same allowlist; nh3 has the last word. Repeated
   until nothing changes.
4. Pages show the result under a policy that allows neither inline script nor style, and clean it again
   on the way out (presenters/content.py).

Everything fails closed: whatever goes wrong, escaped text is shown, never the raw input. Not used,
because they are unsafe: bleach's LinkifyFilter (unescapes `&amp;lt;`) and its CSSSanitizer (checks
names, not values; crashes on nested brackets).
"""

import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterator

import bleach
import nh3
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from ticketadmin.markup import ATTRIBUTE, Token, html_of_text, is_markup, tokens

MAX_HTML_ATTRIBUTES = 1_000
MAX_GROWTH = 4
MAX_LEVELS = 100  # of elements, apart from paragraphs, the items of lists and the parts of tables
MAX_REOPENED = 5_000  # elements without a tag of their own
MAX_REPEATED = 20_000_000  # characters of a link's attributes, were they repeated by every tag behind it
ROUNDS = 4
DISPLAY_CACHED_FOR = 3_600

TAGS = frozenset(
    (
        "p br strong b em i u s del ins mark small sub sup a ul ol li dl dt dd blockquote h1 h2 h3 h4 h5 "
        "h6 pre code kbd hr img figure figcaption table caption colgroup col thead tbody tfoot tr th td "
        "span div"
    ).split()
)
# Parsers open these again in each block until they are closed.
FORMATTING = frozenset("b code em i s small strong u".split())
_CELL = frozenset("colspan rowspan scope".split())
ATTRIBUTES: dict[str, frozenset[str]] = {
    "*": frozenset({"dir"}),
    "a": frozenset({"href", "title"}),
    "img": frozenset({"src", "alt", "title"}),
    "td": _CELL,
    "th": _CELL,
    "ol": frozenset({"start", "type"}),
}
LINK_SCHEMES = frozenset("http https mailto tel".split())
IMAGE_SCHEMES = frozenset("http https".split())
LINK_REL = "noopener noreferrer nofollow"
CONTENT_DROPPED = {"script", "style", "title"}

_ALLOWED = {tag: ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset()) for tag in TAGS - FORMATTING}
_BLOCKS = (
    "address article aside body center details dialog dir fieldset footer form frameset header hgroup html "
    "iframe legend main menu nav noembed noframes noscript object optgroup option search section select "
    "summary template textarea"
)
_RENAMED = dict.fromkeys(_BLOCKS.split(), "div") | {
    "svg": "span",
    "math": "span",
    "image": "img",
    "listing": "pre",
    "plaintext": "pre",
    "xmp": "pre",
}
_VOID = frozenset("br col hr img".split())
_FREE = frozenset("p li dt dd caption colgroup thead tbody tfoot tr th td".split())
_IMPLIED = frozenset("colgroup tbody tr".split())
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)(?:\s[^<>"]*(?:"[^"]*"[^<>"]*)*)?>')
_NOTHING = "<!---->"  # in place of removed elements, so that the texts around them are not joined
_LINE_ENDS = re.compile(r"[\r\n][ \t\r\n]*+")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202f\ufeff]+")
_PRE_LINE = re.compile(r"<pre[^>]*>(?=\n)")


class ContentTooComplex(ValidationError):
    """The HTML is beyond what is parsed. `code`: too_long, too_deep or too_many_attributes."""


def clean_html(html_text: str) -> str:
    """Return the HTML that may be stored and shown: allowlisted elements and attributes, safe addresses.

    A text without a single known element keeps every character and line. Idempotent. Text of removed elements
    stays, except in script, style and title. Raises ContentTooComplex for what would be expensive to parse;
    any other failure returns escaped text.
    """
    try:
        return _settled(_clean_until_stable(as_html(_whole(html_text))))
    except (RecursionError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError):
        return _escaped(html_text)


def _settled(cleaned: str) -> str:
    """Return cleaned HTML; without any element left, its white space is collapsed as HTML does.

    Otherwise its line ends would be lines when it is read as a text the next time.
    """
    return cleaned if is_markup(cleaned) else _LINE_ENDS.sub(" ", cleaned).strip()


def as_html(html_text: str) -> str:
    """Return HTML as it is, and a text without a single known element as the HTML that shows it."""
    return html_text if is_markup(html_text) else html_of_text(html_text)


def _whole(html_text: str) -> str:
    """Return the text without characters that JSON can hold but HTML cannot: lone surrogates, NUL."""
    limit = settings.CONTENT_MAX_CHARACTERS
    if len(html_text) > limit:
        message = _("The content is %(length)s characters long; at most %(limit)s are possible.")
        numbers = {"length": len(html_text), "limit": limit}
        shown = {name: number_format(number, force_grouping=True) for name, number in numbers.items()}
        raise ContentTooComplex(message % shown, code="too_long")
    return html_text.encode("utf-8", "replace").decode().replace("\0", "")


def spell_out(html_text: str) -> str:
    """Return HTML as every parser reads it. Raises ContentTooComplex."""
    parts: list[str] = []
    longest_link = repeated = 0
    for kind, source, written, attributes in tokens(html_text):
        name = _RENAMED.get(written, written)
        if kind == "text":
            parts.append(source)
        elif kind == "start" and name in TAGS:
            kept = _kept(name, attributes) if attributes else ""
            parts.append(f"<{name}{kept}>")
            longest_link = max(longest_link, len(kept)) if name == "a" else longest_link
            repeated += longest_link
        elif kind == "end" and name in TAGS:
            parts.append(f"</{name}>")
        elif kind != "lost":
            parts.append(_NOTHING)
    if repeated > MAX_REPEATED:
        raise _too_deep()
    return "".join(parts)


def _too_deep() -> ContentTooComplex:
    return ContentTooComplex(_("The content's elements are nested too deeply."), code="too_deep")


def _kept(name: str, attributes: str) -> str:
    allowed = _ALLOWED.get(name, frozenset())
    found = ATTRIBUTE.findall(attributes)
    if len(found) > MAX_HTML_ATTRIBUTES:
        message = _("An element of the content has too many attributes.")
        raise ContentTooComplex(message, code="too_many_attributes")
    kept: dict[str, str] = {}
    for attribute, value in found:
        if (key := attribute.lower()) in allowed and key not in kept:
            kept[key] = _unquoted(value)
    return "".join(f' {key}="{_quotable(value)}"' for key, value in kept.items())


def _unquoted(value: str) -> str:
    return value[1:-1] if value.startswith(('"', "'")) else value


def _quotable(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


# --- the cleaning itself -------------------------------------------------------------------------


def _clean_until_stable(html_text: str) -> str:
    first = _nh3(spell_out(html_text), rel=None)
    for _round in range(ROUNDS):
        _check_size(first, html_text)
        bleached = _bleach(first)
        cleaned = _nh3(bleached, rel=LINK_REL)
        if bleached == first == cleaned.replace(f' rel="{LINK_REL}"', ""):
            return cleaned  # neither parser changes anything
        again = _nh3(cleaned, rel=None)
        if again == first:
            return cleaned
        first = again
    return _escaped(html_text)


def _check_size(well_formed: str, html_text: str) -> None:
    """Refuse a parser's output that is much longer than its input, or too deep for the next parser."""
    level = depth = made = 0
    for slash, name in _TAG.findall(well_formed):
        step = 0 if name in _VOID else -1 if slash else 1
        depth += step
        level += 0 if name in _FREE else step
        made += not slash and name not in _IMPLIED
        if level > MAX_LEVELS or depth > 4 * MAX_LEVELS:
            raise _too_deep()
    is_longer = len(well_formed) > MAX_GROWTH * max(len(html_text), 1_000)
    if is_longer or made > html_text.count("<") + MAX_REOPENED:
        raise _too_deep()


def _nh3(html_text: str, *, rel: str | None) -> str:
    cleaned = nh3.clean(
        html_text,
        tags=set(TAGS),
        clean_content_tags=CONTENT_DROPPED,
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=_filter_attribute,
        url_schemes=set(LINK_SCHEMES),
        link_rel=rel,
        strip_comments=True,
    )
    return _with_first_lines(cleaned)


def _bleach(html_text: str) -> str:
    cleaned = bleach.clean(
        html_text,
        tags=TAGS,
        attributes=lambda tag, name, value: _filter_attribute(tag, name, value) is not None,
        protocols=LINK_SCHEMES,
        strip=True,
        strip_comments=True,
    )
    return _with_first_lines(str(cleaned))


def _with_first_lines(cleaned: str) -> str:
    """Double the line end that a `<pre>` begins with, as parsers drop one there and cleaners write none."""
    return _PRE_LINE.sub(r"\g<0>\n", cleaned) if "<pre" in cleaned else cleaned


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Return the attribute's value if it may stay, else None: the one rule for both cleaners."""
    if tag == "a" and name == "rel":
        return value if value == LINK_REL else None  # nh3's own, which it sets on every link
    if name not in ATTRIBUTES.get(tag, frozenset()) and name not in ATTRIBUTES["*"]:
        return None
    if name == "href":
        return value if is_safe_address(value, LINK_SCHEMES, relative=True) else None
    if name == "src":
        return value if is_safe_address(value, IMAGE_SCHEMES, relative=False) else None
    if name in {"colspan", "rowspan", "start"}:
        return value if re.fullmatch(r"\d{1,3}", value, re.ASCII) else None
    if name == "type":
        return value if value in {"1", "a", "A", "i", "I"} else None
    if name == "dir":
        return value if value.lower() in {"ltr", "rtl", "auto"} else None
    return value


def is_safe_address(value: str, schemes: frozenset[str], *, relative: bool) -> bool:
    """Return whether an address has one of the schemes, or none if a relative one may be.

    Entities are decoded and what browsers ignore in a scheme (controls, tabs, line ends) is dropped
    first. bleach's own check takes `javascript:123` for a host and a port.
    """
    text = _IGNORED.sub("", html.unescape(html.unescape(value)))
    scheme, colon, _rest = text.partition(":")
    if colon and not re.search(r"[/?#\\]", scheme):
        return scheme.lower() in schemes
    return relative and not text.startswith(("//", "\\", "/\\"))


def _escaped(html_text: str) -> str:
    return _nh3(html_of_text(html.escape(html_text, quote=False)), rel=LINK_REL)


# --- remembering ---------------------------------------------------------------------------------


def known_clean(html_text: str) -> str:
    """As `clean_html`, remembered for a while: pages and comparisons meet the same content again."""
    key = "clean-3:" + hashlib.sha256(html_text.encode("utf-8", "surrogatepass")).hexdigest()
    cleaned: str | None = cache.get(key)
    if cleaned is None:
        cleaned = clean_html(html_text)
        cache.set(key, cleaned, DISPLAY_CACHED_FOR)
    return cleaned


# --- texts about content -------------------------------------------------------------------------

_TEXT_BLOCKS = frozenset(
    "br p div li dt dd blockquote h1 h2 h3 h4 h5 h6 pre hr tr table ul ol dl figure figcaption".split()
)


def visible_text(html_text: str) -> str:
    """Return the visible text of content, one line per block; the raw text beyond the bounds."""
    try:
        cleaned = known_clean(html_text)
    except ContentTooComplex:
        return html_text
    text = html.unescape(_TAG.sub(_space_for, cleaned))
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


def _space_for(tag: re.Match[str]) -> str:
    """Return what replaces a tag in a text: a line end for a block, a tab between cells."""
    if tag[2] in _TEXT_BLOCKS:
        return "\n"
    return "\t" if tag[2] in {"td", "th"} and not tag[1] else ""


_TAG_KINDS = {
    **dict.fromkeys("form input button select textarea".split(), "form"),
    **dict.fromkeys("iframe object embed svg math video audio".split(), "embedded"),
    "font": "colour",
}


def _attribute_kind(tag: str, name: str) -> str:
    if name.startswith("on"):
        return "script"
    if name in {"style", "color", "bgcolor", "face"}:
        return "colour"
    if name == "src" and tag == "img":
        return "image"
    return "link" if name == "href" else "attribute"


_KIND_LABELS: dict[str, Promise] = {
    "script": ngettext_lazy("%(count)d script", "%(count)d scripts", "count"),
    "style": ngettext_lazy("%(count)d style sheet", "%(count)d style sheets", "count"),
    "form": ngettext_lazy("%(count)d form element", "%(count)d form elements", "count"),
    "embedded": ngettext_lazy("%(count)d embedded object", "%(count)d embedded objects", "count"),
    "colour": ngettext_lazy("%(count)d colour or font setting", "%(count)d colour or font settings", "count"),
    "image": ngettext_lazy(
        "%(count)d image that is not at a web address",
        "%(count)d images that are not at a web address",
        "count",
    ),
    "link": ngettext_lazy("%(count)d unsafe link address", "%(count)d unsafe link addresses", "count"),
    "comment": ngettext_lazy("%(count)d hidden comment", "%(count)d hidden comments", "count"),
    "title": ngettext_lazy("%(count)d page title", "%(count)d page titles", "count"),
    "rest": ngettext_lazy(
        "everything after %(count)d unfinished comment, script, style sheet or tag",
        "everything after %(count)d unfinished comments, scripts, style sheets or tags",
        "count",
    ),
    "element": ngettext_lazy(
        "%(count)d unknown element (its text stays)", "%(count)d unknown elements (their text stays)", "count"
    ),
    "attribute": ngettext_lazy("%(count)d technical attribute", "%(count)d technical attributes", "count"),
}


def removed_by_cleaning(html_text: str) -> list[str]:
    """Return what cleaning would drop, such as "2 scripts", for showing before a save.

    Nothing beyond the bounds of cleaning.
    """
    try:
        whole = as_html(_whole(html_text))
        _check_size(_nh3(spell_out(whole), rel=None), whole)
    except ContentTooComplex:
        return []
    found = Counter(removed for token in tokens(whole) for removed in _removed_with(token))
    return [str(label % {"count": found[kind]}) for kind, label in _KIND_LABELS.items() if found[kind]]


def _removed_with(token: Token) -> Iterator[str]:
    kind, source, name, attributes = token
    if kind == "raw":
        yield name
    elif kind == "lost":
        yield "rest"
    elif kind == "comment":
        if source.startswith(("<!--", "<![CDATA[")):
            yield "comment"
    elif kind == "start" and name not in TAGS:
        yield _TAG_KINDS.get(name, "element")
    elif kind == "start":
        for written, value in ATTRIBUTE.findall(attributes):
            attribute = written.lower()
            found = html.unescape(_unquoted(value))
            if attribute != "rel" and _filter_attribute(name, attribute, found) is None:
                yield _attribute_kind(name, attribute)
