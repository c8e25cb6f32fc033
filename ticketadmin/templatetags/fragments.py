"""Parts that are the same on many pages: rendered once per process, and cached by the values they use.

The tag names everything that the part may depend on, and its content sees no other variable of the page: a
value that is not named renders as nothing, so it cannot come from another user's page.
"""

import re
import secrets
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import count
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
MAX_KEPT = 200  # renderings of one part in one language, about 10 KB each for the frame of a page
_MARK = secrets.token_hex(12)  # no text of a user can hold it
_PLACE = re.compile(f"{_MARK}-([a-z_]+)(?:[.]([0-9]+))?-")


class _Place(str):
    """A mark in place of a later value; iterating over it yields a mark for each item of the value."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return (f"{self[:-1]}.{number}-" for number in count())


@dataclass(frozen=True)
class _Kept:
    """A rendering: its texts and, one for every second of them, the later value (or item) that goes there."""

    texts: tuple[str, ...]
    places: tuple[tuple[str, int | None], ...]


class SameFor(template.Node):
    """Renders its content once per language and values, and puts the later values into it every time."""

    def __init__(
        self, nodelist: NodeList, keys: Mapping[str, FilterExpression], later: Mapping[str, FilterExpression]
    ) -> None:
        self.nodelist, self.keys, self.later = nodelist, keys, later
        # By language, and a lazily translated value has another hash in each, so keys cannot be mixed up.
        self._rendered: dict[str | None, dict[Hashable, _Kept]] = {}
        self._lock = Lock()

    def render(self, context: template.Context) -> SafeString:
        """Return the content. Raises TypeError for a value that cannot be a key."""
        values = {name: value.resolve(context) for name, value in self.keys.items()}
        rendered = self._rendered.setdefault(get_language(), {})
        key = tuple(values.values())
        kept = rendered.get(key) or self._keep(rendered, key, self._render_once(context, values))
        later: dict[str, Any] = {}
        found = list(kept.texts)
        for at, (name, item) in enumerate(kept.places):
            if name not in later:
                later[name] = self.later[name].resolve(context)
            value = later[name] if item is None else later[name][item]
            found[2 * at + 1] = _written(value, context)
        return mark_safe("".join(found))  # noqa: S308 - rendered by templates; what is put in is escaped

    def _render_once(self, context: template.Context, values: Mapping[str, Any]) -> _Kept:
        places = {name: _Place(f"{_MARK}-{name}-") for name in self.later}
        texts = _PLACE.split(self.nodelist.render(context.new({**values, **places})))
        named = zip(texts[1::3], texts[2::3], strict=True)
        kept = [text for before in texts[::3] for text in (before, "")][:-1]
        return _Kept(tuple(kept), tuple((name, None if item is None else int(item)) for name, item in named))

    def _keep(self, rendered: dict[Hashable, _Kept], key: Hashable, kept: _Kept) -> _Kept:
        with self._lock:
            while len(rendered) >= MAX_KEPT:
                del rendered[next(iter(rendered))]
            rendered[key] = kept
        return kept


def _written(value: Any, context: template.Context) -> str:
    """Return a value as `{{ value }}` writes it, faster for plain texts, of which a list has hundreds."""
    if type(value) is str and context.autoescape:
        return escape(value)
    return render_value_in_context(value, context)


@register.filter
def beside(values: Iterable[Any], others: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """Pair the values with others, one by one: `{% for cell, text in row.cells|beside:texts %}`."""
    return zip(values, others, strict=False)


@register.tag
def same_for_all(parser: Parser, token: Token) -> SameFor:
    """Mark a part that uses no variable of the page: `{% same_for_all %}…{% endsame_for_all %}`."""
    nodelist = parser.parse(["endsame_for_all"])
    parser.delete_first_token()
    return SameFor(nodelist, {}, {})


@register.tag
def same_for(parser: Parser, token: Token) -> SameFor:
    """Mark a part that depends on the named values only: `{% same_for reader=reader %}…{% endsame_for %}`.

    The values are compared by equality, so they must be immutable. Those after the word `later` differ from
    page to page. They may only be written, by `{{ name }}`, `{% csrf_token %}` or `{% url %}` of a ticket's
    code, never tested or filtered: `{% same_for reader=reader later csrf_token=csrf_token %}`. A value that
    holds several texts, whose number the other values determine, is written in a loop over
    `cells|beside:texts`.
    """
    name, *bits = token.split_contents()
    keys = token_kwargs(bits, parser)  # also removes them from `bits`
    later = {}
    if bits[:1] == ["later"]:
        del bits[0]
        later = token_kwargs(bits, parser)
    if not keys or bits or any(not re.fullmatch("[a-z_]+", one) for one in later):
        raise template.TemplateSyntaxError(f"{name} takes name=value pairs, then `later` and further ones")
    nodelist = parser.parse([f"end{name}"])
    parser.delete_first_token()
    return SameFor(nodelist, keys, later)
