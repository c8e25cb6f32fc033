"""The icons of the package lucide, drawn once for each use in the templates."""

from functools import lru_cache

from django import template
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide as draw

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16, tone: str = "") -> SafeString:
    """Return an icon as inline SVG, `size` pixels wide and hidden from screen readers: words are beside it.

    Raises lucide's `IconDoesNotExist` for a name that the package does not have.
    """
    return _drawn(str(name), size, f"icon {tone}".strip())


@lru_cache(maxsize=500)
def _drawn(name: str, size: int, classes: str) -> SafeString:
    return SafeString(draw(name, size=size, **{"class": classes, "aria_hidden": "true"}))
