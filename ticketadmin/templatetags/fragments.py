"""Parts of a page that come out the same again and again: rendered once a process, kept by what they use.

What such a part may depend on is named in its tag, and its content sees nothing else of the page: a value
that is missing there renders as nothing, it cannot come from another user's page.
"""

import re
import secrets
from collections.abc import Hashable, Mapping
from threading import Lock
from typing import Any

from django import template
from django.template.base import (
    FilterExpression,
    NodeList,
    Parser,
    Token,
    render_value_in_context,
    token_kwargs,
)
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()
MOST_KEPT = 200  # renderings of one part, about 10 KB each for the frame of a page
_MARK = secrets.token_hex(12)  # no text of a user can hold it
_PLACE = re.compile(f"{_MARK}-([a-z_]+)-")


class SameForAll(template.Node):
    """Renders its content once per language, with an empty context: nothing of a user can get into it."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self._rendered: dict[str | None, SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        """Return the content; two threads may both render it the first time, to the same text."""
        language = get_language()
        if language not in self._rendered:
            self._rendered[language] = self.nodelist.render(context.new())
        return self._rendered[language]


class SameFor(template.Node):
    """Renders its content once per language and values, and puts the later values into it every time."""

    def __init__(
        self, nodelist: NodeList, keys: Mapping[str, FilterExpression], later: Mapping[str, FilterExpression]
    ) -> None:
        self.nodelist, self.keys, self.later = nodelist, keys, later
        self._rendered: dict[Hashable, list[str]] = {}
        self._lock = Lock()

    def render(self, context: template.Context) -> SafeString:
        """Return the content. Raises TypeError for a value that cannot be a key."""
        values = {name: value.resolve(context) for name, value in self.keys.items()}
        key = (get_language(), *values.values())
        parts = self._rendered.get(key)
        if parts is None:
            parts = self._keep(key, self._parts(context, values))
        found = list(parts)
        found[1::2] = [self._later(name, context) for name in parts[1::2]]
        return mark_safe("".join(found))  # noqa: S308 - rendered by templates; what is put in is escaped

    def _later(self, name: str, context: template.Context) -> str:
        return render_value_in_context(self.later[name].resolve(context), context)

    def _parts(self, context: template.Context, values: Mapping[str, Any]) -> list[str]:
        """Return the content as texts, with the names of later values between them."""
        places = {name: f"{_MARK}-{name}-" for name in self.later}
        return _PLACE.split(self.nodelist.render(context.new({**values, **places})))

    def _keep(self, key: Hashable, parts: list[str]) -> list[str]:
        with self._lock:
            while len(self._rendered) >= MOST_KEPT:
                del self._rendered[next(iter(self._rendered))]
            self._rendered[key] = parts
        return parts


@register.tag
def same_for_all(parser: Parser, token: Token) -> SameForAll:
    """Mark a part that uses no variable of the page: `{% same_for_all %}…{% endsame_for_all %}`."""
    nodelist = parser.parse(["endsame_for_all"])
    parser.delete_first_token()
    return SameForAll(nodelist)


@register.tag
def same_for(parser: Parser, token: Token) -> SameFor:
    """Mark a part that depends on the named values only: `{% same_for reader=reader %}…{% endsame_for %}`.

    The values are compared by equality, so they are immutable. Those after the word `later` differ from page
    to page and are only written, by `{{ name }}` or `{% csrf_token %}`, never tested or filtered:
    `{% same_for reader=reader later csrf_token=csrf_token %}`.
    """
    name, *bits = token.split_contents()
    keys = token_kwargs(bits, parser)  # which takes them out of `bits`
    later = {}
    if bits[:1] == ["later"]:
        del bits[0]
        later = token_kwargs(bits, parser)
    if not keys or bits or any(not re.fullmatch("[a-z_]+", one) for one in later):
        raise template.TemplateSyntaxError(f"{name} takes name=value pairs, then `later` and further ones")
    nodelist = parser.parse([f"end{name}"])
    parser.delete_first_token()
    return SameFor(nodelist, keys, later)
