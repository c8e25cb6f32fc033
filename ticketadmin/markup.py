"""HTML as text: its tokens as a parser reads them, and text that is not HTML. No parser and no Django here.

The tokens are those of the HTML standard, 13.2.5: a quote means something only after an equal sign.

A CRM stores what its mail reader, its forms and its imports give it, so an HTML field also holds texts such
as `Lan <lan@example.com>` and lines without any element. To a parser that address is an element without text.
So text without a single known element counts as plain text, and is written as HTML that shows every character
and line of it. Everything here takes linear time.
"""

import re
from collections.abc import Iterator
from typing import Literal

SPACE = "\t\n\f\r "


def _attribute(name: str, value: str) -> str:
    """Return the pattern of an attribute, with the starts of two groups."""
    return (
        rf"[{SPACE}/]*+{name}[^{SPACE}/>][^{SPACE}/>=]*+)(?:[{SPACE}]*+=[{SPACE}]*+"
        rf"{value}\"[^\"]*+\"?+|'[^']*+'?+|[^{SPACE}>\"'][^{SPACE}>]*+)?+)?+"
    )


ATTRIBUTE = re.compile(_attribute("(", "("))
_TOKEN = re.compile(
    rf"<(?:(?P<slash>/?)(?P<name>[a-zA-Z][^{SPACE}/>]*+)(?P<attributes>(?:{_attribute('(?:', '(?:')})*+)"
    rf"[{SPACE}/]*+(?P<end>>?+)|(?P<comment>!--(?:-?>|(?s:.*?)(?:--!?>|\Z))|[!?][^>]*+>?+|/[^a-zA-Z>][^>]*+>?+|/>))"
)
# An end tag that is itself unfinished takes the rest of the document with it.
_CLOSING = {
    name: re.compile(rf"(?i)</{name}(?=[{SPACE}/>])[^>]*+>?+") for name in ("script", "style", "title")
}


# Kind, source, name in small letters and attributes of a piece of a document. "raw" is an element whose
# text holds no tags; "lost" is what a parser drops at the end because something is not finished there.
Token = tuple[Literal["text", "start", "end", "comment", "raw", "lost"], str, str, str]


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of HTML without NUL characters; linear in its length."""
    titles_end = True
    done = 0
    while match := _TOKEN.search(text, done):
        start, end = match.span()
        if start > done:
            yield "text", text[done:start], "", ""
        done = end
        slash, name, attributes, closed, comment = match.groups()
        if comment is not None:
            is_finished = comment.endswith(("-->", "--!>") if comment.startswith("!--") else ">")
            yield "comment" if is_finished else "lost", match[0], "", ""
            continue
        name = name.lower()
        if not closed:
            yield "lost", match[0], name, ""
        elif slash:
            yield "end", match[0], name, ""
        elif name not in _CLOSING or (name == "title" and not titles_end):
            yield "start", match[0], name, attributes
        elif closing := _CLOSING[name].search(text, done):
            done = closing.end()
            yield "raw", text[start:done], name, ""
        elif name == "title":
            titles_end = False
            yield "start", match[0], name, attributes
        else:
            yield "lost", text[start:], name, ""
            return
    if done < len(text):
        yield "text", text[done:], "", ""


# --- texts that are not HTML ---------------------------------------------------------------------

# Every element of the HTML standard, obsolete ones included (4.2 to 4.13, 16.2).
KNOWN_ELEMENTS = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink "
    "blockquote body br button canvas caption center cite code col colgroup data datalist dd del "
    "details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame "
    "frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd "
    "keygen label legend li link listing main map mark marquee math menu menuitem meta meter nav nobr "
    "noembed noframes noscript object ol optgroup option output p param picture plaintext pre progress "
    "q rb rp rt rtc ruby s samp script search section select slot small source spacer span strike "
    "strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr "
    "track tt u ul var video wbr xmp".split()
)
_WITH_RAW_TEXT = frozenset({"script", "style"})  # without an end they take the rest of the document
_COMMENT = re.compile(r"<!(?:--|doctype|\[CDATA\[)", re.IGNORECASE)
# A reference stays one: content without elements may well be HTML, such as `Tom &amp; Jerry`.
_LONE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)")
_PARAGRAPH_END = re.compile(r"\n[ \t]*+\n\s*+")
_BLANK = re.compile(r"(?:</?(?:p|br|div|span)\b[^<>]*+>|\s|&nbsp;)*+", re.IGNORECASE)


def is_markup(text: str) -> bool:
    """Return whether the text has a known element, a comment or a document type."""
    if "<" not in text:
        return False
    if _COMMENT.search(text):
        return True
    return any(_is_known(token) for token in tokens(text))


def _is_known(token: Token) -> bool:
    """Return whether a token begins or ends a known element; a tag that nothing closes does neither."""
    kind, _source, name, _attributes = token
    return name in (_WITH_RAW_TEXT if kind == "lost" else KNOWN_ELEMENTS)


def html_of_text(text: str) -> str:
    """Return HTML that shows a text without markup: escaped, several lines as paragraphs and line breaks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    escaped = _LONE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    if "\n" not in escaped:
        return escaped
    paragraphs = (part.strip("\n").replace("\n", "<br>") for part in _PARAGRAPH_END.split(escaped))
    return "".join(f"<p>{part}</p>" for part in paragraphs)


def is_blank_html(html_text: str) -> bool:
    """Return whether HTML shows nothing: white space and the paragraphs of an emptied editor."""
    return _BLANK.fullmatch(html_text) is not None
