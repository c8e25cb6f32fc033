"""Components of pages: banners, forms that post, the errors of a field, facts, tools of the editor.

A component is a tag of Django's own (`simple_block_tag`, `simple_tag`): docs/decisions/0030-templates.md.
"""

from collections.abc import Mapping

from django import template
from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.forms import BoundField
from django.forms.utils import flatatt
from django.template import Context
from django.template.base import render_value_in_context
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ticketadmin.models import Tone

from .icons import icon

register = template.Library()
TONES_OF_LEVELS = {"error": Tone.DANGER, "warning": Tone.WARN}  # of Django's messages
ICONS = {Tone.SUCCESS: "circle-check", Tone.WARN: "triangle-alert", Tone.DANGER: "octagon-x"}


@register.simple_block_tag
def banner(
    content: SafeString, tone: str, *, layout: str = "", focus: bool = False, **attributes: str | bool
) -> SafeString:
    """Frame the content in the colour and with the icon of a tone: `{% banner "warn" %}…{% endbanner %}`.

    `tone` is a `Tone` or the level of one of Django's messages. `layout` is "row" for a text with a button
    beside it, "stack" for parts with space between them. `focus` moves the focus to it when the page opens.
    Further names become attributes: `aria_label="…"`, `data_rich_losses=True`. Raises ValueError for another
    tone.
    """
    tone = TONES_OF_LEVELS.get(tone, tone)
    if focus:
        attributes |= {"tabindex": "-1", "data_summary_focus": True}
    return format_html(
        '<section class="banner banner--{}"{}>{}<div class="banner__body{}">{}</div></section>',
        tone,
        _attributes(attributes),
        icon(ICONS.get(Tone(tone), "info"), size=20),
        _LAYOUTS[layout],
        content,
    )


_LAYOUTS = {"": "", "row": " banner__body--row", "stack": " stack"}


@register.simple_block_tag(takes_context=True)
def post_form(
    context: Context,
    content: SafeString,
    route: str,
    *arguments: object,
    submission: object = "",
    **attributes: str | bool,
) -> SafeString:
    """Write a form that posts to a route: `{% post_form "undo" change.uuid %}…{% endpost_form %}`.

    It carries the CSRF token and, if given, the `submission` by which the server recognises a form that is
    sent twice. Further names become attributes. Raises NoReverseMatch for an unknown route.
    """
    attributes |= {"method": "post", "action": reverse(route, args=arguments)}
    hidden = {"csrfmiddlewaretoken": context["csrf_token"], "submission": submission}
    inputs = ((name, value) for name, value in hidden.items() if value)
    return format_html(
        "<form{}>{}{}</form>",
        _attributes(attributes),
        format_html_join("", '<input type="hidden" name="{}" value="{}">', inputs),
        content,
    )


def _attributes(attributes: Mapping[str, str | bool]) -> SafeString:
    return flatatt({name.replace("_", "-"): value for name, value in attributes.items()})


@register.simple_tag
def option(value: str, label: str, chosen: object, lang: str = "") -> SafeString:
    """Write an option of a select box, selected if `chosen` is or has its value; `lang` is its label's."""
    is_chosen = value in chosen if isinstance(chosen, tuple) else str(value) == str(chosen)
    attributes = {"value": value, "selected": is_chosen, "lang": lang or None}
    return format_html("<option{}>{}</option>", flatatt(attributes), label)


@register.simple_tag
def check_box(name: str, label: str, chosen: object = False, value: str = "on") -> SafeString:
    """Write a box to tick with its label: `{% check_box "mine" _("Only mine") filters.mine %}`."""
    attributes = flatatt({"name": name, "value": value, "checked": bool(chosen)})
    return format_html('<label class="check"><input type="checkbox"{}> {}</label>', attributes, label)


@register.simple_tag
def download(label: str, route: str, *arguments: object) -> SafeString:
    """Write the link to a file that a route serves: `{% download "CSV" "bulk_results" bulk.uuid %}`."""
    address, drawn = reverse(route, args=arguments), icon("download")
    return format_html('<a class="button" href="{}" download>{} {}</a>', address, drawn, label)


@register.simple_tag(takes_context=True)
def fact(context: Context, name: str, value: object, **attributes: str) -> SafeString:
    """Write a line of a list of facts: `{% fact _("Name") user.username %}`.

    Further names become attributes of the value's element.
    """
    shown = render_value_in_context(value, context)
    return format_html("<div><dt>{}</dt><dd{}>{}</dd></div>", name, _attributes(attributes), shown)


@register.simple_tag(takes_context=True)
def shortcut(context: Context, keys: str, meaning: str) -> SafeString:
    """Write a line of the list of keys; `keys` have spaces between them."""
    pressed = format_html_join(" ", '<kbd class="key">{}</kbd>', ((key,) for key in keys.split()))
    return fact(context, pressed, meaning)


@register.inclusion_tag("shared/_empty.html")
def empty_state(icon: str, title: str, text: str = "") -> dict[str, str]:
    """Write that a list or a table is empty, and how entries get into it."""
    return {"icon": icon, "title": title, "text": text}


@register.inclusion_tag("tickets/_tool.html")
def tool(name: str, words: str, **options: str | bool) -> dict[str, str | bool]:
    """Write a button of the editor's tools, which static/js/toolbar.js knows by its name.

    It shows an `icon` or a `text`; `toggles`: it can be pressed or not; `opens`: it opens a dialog;
    `removes`: its icon is crossed out.
    """
    return {"tool": name, "words": words, **options}


@register.simple_block_tag
def editor_dialog(content: SafeString, name: str, title: str, done: str) -> SafeString:
    """Frame the fields of a tool as a dialog, with a button for its action."""
    return format_html(
        '<dialog class="dialog" data-toolbar-dialog="{0}" aria-labelledby="editor-{0}-title">'
        '<form class="form" method="dialog"><h2 id="editor-{0}-title">{1}</h2>{2}<div class="row row--apart">'
        '<button class="button button--primary" value="done">{3}</button>'
        '<button class="button button--quiet" value="" formnovalidate>{4}</button></div></form></dialog>',
        *(name, title, content, done, _("Cancel")),
    )


@register.filter
def is_confirmation(message: Message) -> bool:
    """Return whether one of Django's messages only confirms an action, so that it is shown as a toast."""
    return message.level == SUCCESS


@register.simple_tag
def field_errors(field: BoundField) -> SafeString:
    """List the errors of a field, with the id that its widget names in `aria-describedby`; "" without any."""
    if not field.errors:
        return SafeString("")
    items = ((icon("circle-alert", size=14), error) for error in field.errors)
    rows = format_html_join("", "<li>{} {}</li>", items)
    return format_html('<ul class="field__errors" id="{}_error">{}</ul>', field.auto_id, rows)
