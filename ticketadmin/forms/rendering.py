"""Django's widgets without their templates: Django renders a template for each option of a select.

Pages with a ticket's form are rendered often, and their selects have many options. Widgets that are not
written here use Django's own templates.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

WidgetContext = Mapping[str, Any]


class PlainWidgets(DjangoTemplates):
    """Renders inputs, text areas and selects as Django's templates do."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """Return the widget's HTML."""
        write = _WRITERS.get(template_name)
        return write(context["widget"]) if write else super().render(template_name, context, request)


def _input(widget: WidgetContext) -> SafeString:
    value = widget["value"]
    shown = format_html(' value="{}"', value) if value is not None and value != "" else ""
    return format_html(
        '<input type="{}" name="{}"{}{}>', widget["type"], widget["name"], shown, flatatt(widget["attrs"])
    )


def _textarea(widget: WidgetContext) -> SafeString:
    value = widget["value"] or ""
    return format_html(
        '<textarea name="{}"{}>\n{}</textarea>', widget["name"], flatatt(widget["attrs"]), value
    )


def _select(widget: WidgetContext) -> SafeString:
    options = mark_safe("".join(_options(widget)))  # noqa: S308 - each is escaped below
    return format_html('<select name="{}"{}>{}</select>', widget["name"], flatatt(widget["attrs"]), options)


def _options(widget: WidgetContext) -> Iterator[str]:
    for _group, options, _index in widget["optgroups"]:
        for option in options:
            selected = " selected" if option["selected"] else ""
            yield f'<option value="{escape(option["value"])}"{selected}>{escape(option["label"])}</option>'


_WRITERS: dict[str, Callable[[WidgetContext], SafeString]] = {
    **{
        f"django/forms/widgets/{name}.html": _input
        for name in ("text", "email", "number", "date", "hidden", "password")
    },
    "django/forms/widgets/textarea.html": _textarea,
    "django/forms/widgets/select.html": _select,
}

# One for all forms: each renderer keeps its own compiled templates.
PLAIN_WIDGETS = PlainWidgets()
