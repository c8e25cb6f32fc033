"""Differences between two versions of a text in templates."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ticketadmin.services.values.diffs import Piece

register = template.Library()
_MARKS = {"same": "{}", "added": "<ins>{}</ins>", "removed": "<del>{}</del>"}


@register.filter
def marked(pieces: Iterable[Piece]) -> SafeString:
    """Write the pieces with what was added and removed marked; nothing between them, since spaces show."""
    text = format_html_join("", "{}", ((format_html(_MARKS[one.kind], one.text),) for one in pieces))
    return text or format_html("<em>{}</em>", _("empty"))
