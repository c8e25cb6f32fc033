"""How forms are laid out: the shared crispy helper, and what the field template needs to know of a box."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Field as CrispyField
from crispy_forms.layout import Fieldset, Layout, LayoutObject
from django import forms
from django.template import Context
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.values.fields import Field, Kind

GRID_TEMPLATE = "ticketadmin/grid.html"
CONTENT_TEMPLATE = "tickets/_content_field.html"
WIDE = {Kind.LINE, Kind.HTML, Kind.LONG_TEXT}


@dataclass(frozen=True)
class BoxInfo:
    """What templates/ticketadmin/field.html says of a box besides its label, help and errors."""

    is_known: bool = True
    is_free_text: bool = False
    can_be_cleared: bool = False
    is_cleared: bool = False
    is_foreign: bool = False  # the stored value does not fit the field

    @property
    def is_unknown(self) -> bool:
        """Return whether the CRM did not show what it holds."""
        return not self.is_known


def describe_box(box: forms.Field, info: BoxInfo) -> None:
    """Hang the description on a form field, where the template finds it as `field.field.box`."""
    setattr(box, "box", info)  # noqa: B010 - not an attribute that Django's Field declares


def helper(*items: Any) -> FormHelper:
    """Return the crispy helper of every form: no form tag, no token, native checks left to the server."""
    made = FormHelper()
    made.form_tag = False
    made.disable_csrf = True
    made.include_media = False
    if items:
        made.layout = Layout(*items)
    return made


class Grid(LayoutObject):
    """Several boxes side by side, written by one template."""

    def __init__(self, *names: str) -> None:
        self.fields = list(names)

    def render(self, form: forms.Form, context: Context, template_pack: Any = None, **_options: Any) -> str:
        """Return the boxes' HTML."""
        form.rendered_fields.update(self.fields)  # type: ignore[attr-defined] # crispy's own book-keeping
        with context.push(fields=[form[name] for name in self.fields]):
            return render_to_string(GRID_TEMPLATE, context.flatten())  # type: ignore[arg-type] # names are strings


def ticket_layout(fields: Mapping[str, Field], left_out: Collection[str]) -> FormHelper:
    """Return the ticket form's layout; fields in `left_out`, the conflicting ones, are shown elsewhere."""
    shown = [field for field in fields.values() if field.name not in left_out]
    wide = [field.name for field in shown if field.key is None and field.kind in WIDE]
    compact = [field.name for field in shown if field.key is None and field.kind not in WIDE]
    custom = [field for field in shown if field.key is not None]
    return helper(
        *(name for name in wide if name == "ticket_title"),
        *([Grid(*compact)] if compact else []),
        *(CrispyField(name, template=CONTENT_TEMPLATE) for name in wide if name != "ticket_title"),
        *([_custom_group(custom)] if custom else []),
        CHANGE_REASON,
    )


def _custom_group(custom: list[Field]) -> Fieldset:
    compact = [field.name for field in custom if field.kind not in WIDE]
    wide = [field.name for field in custom if field.kind in WIDE]
    return Fieldset(
        _("Custom fields"),
        *([Grid(*compact)] if compact else []),
        *wide,
        css_class="form__group",
    )
