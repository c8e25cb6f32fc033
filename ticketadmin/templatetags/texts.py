"""Texts in templates: shortened, dates, differences, the page's own address. No `{% load %}` is needed."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.conf import settings
from django.template.defaultfilters import stringfilter
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from ticketadmin.presenters import dates
from ticketadmin.services.bulk.files import message_in
from ticketadmin.services.bulk.rows import RowError
from ticketadmin.services.values.diffs import Piece
from ticketadmin.text import normalize
from ticketadmin.views import redirects

register = template.Library()
register.filter("ago", dates.ago)
register.filter("readable_date", dates.readable_date)
_MARKS = {"same": "{}", "added": "<ins>{}</ins>", "removed": "<del>{}</del>"}


@register.filter(is_safe=True)
@stringfilter
def truncatechars(value: str, limit: int) -> str:
    """Return at most `limit` characters, the last an ellipsis where something was cut.

    Django's own filter normalises the whole value first, which takes minutes for a title of combining marks;
    this one gives it only the beginning.
    """
    if len(value) <= limit:
        return normalize("NFC", value)
    beginning = value[: 4 * limit]
    shown = str(Truncator(beginning).chars(limit))
    return shown if beginning == value or shown.endswith("…") else shown + "…"


@register.simple_tag
def content_limit(*, is_read: bool = False) -> str:
    """Return how many characters of content can be stored: for a script, or as users read numbers."""
    return number_format(settings.CONTENT_MAX_CHARACTERS, force_grouping=is_read, use_l10n=is_read)


@register.filter
def row_message(error: RowError | Mapping[str, Any]) -> str:
    """Return what an error in a row of a file says: found just now, or kept with the bulk update."""
    return str(error.message) if isinstance(error, RowError) else message_in(error)


@register.filter
def or_empty(text: str, limit: int = 0) -> str:
    """Return a field's text, cut to `limit` characters unless that is 0, or a note that it is empty."""
    if text == "":
        return format_html("<em>{}</em>", _("empty"))
    return str(truncatechars(text, limit)) if limit else text


@register.filter
def marked(pieces: Iterable[Piece]) -> SafeString:
    """Write the pieces with what was added and removed marked; white space between them would show."""
    text = format_html_join("", "{}", ((format_html(_MARKS[one.kind], one.text),) for one in pieces))
    return text or format_html("<em>{}</em>", _("empty"))


@register.simple_tag(takes_context=True)
def own_address(context: template.Context) -> str:
    """Write the address at which this page can be opened again, also when it answers a form."""
    return redirects.address_of_page(context["request"], code=getattr(context.get("page"), "code", ""))
