"""The tokens of HTML, by the HTML standard, 13.2.5. A quote means something only after an equal sign."""

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
# What ends them takes the rest of the document with it when it is not finished itself.
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
