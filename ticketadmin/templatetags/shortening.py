"""Shortening text for a line of a page, in place of Django's filter of the same name."""

from django import template
from django.template.defaultfilters import stringfilter
from django.utils.text import Truncator

register = template.Library()


@register.filter(is_safe=True)
@stringfilter
def truncatechars(value: str, limit: int) -> str:
    """Return at most `limit` characters, the last an ellipsis where something was cut.

    Django's own normalises the whole value first, which takes minutes for a title of combining marks; here it
    sees the beginning alone.
    """
    beginning = value[: 4 * limit]
    shown = str(Truncator(beginning).chars(limit))
    return shown if beginning == value or shown.endswith("…") else shown + "…"
