"""How forms are laid out: the shared crispy helper, and what the field template has to know about a box."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from django import forms

from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.values.fields import TITLE, Field, Kind

WIDE = {Kind.LINE, Kind.HTML, Kind.LONG_TEXT}


@dataclass(frozen=True)
class BoxInfo:
    """What templates/ticketadmin/field.html shows of a box besides its label, help and errors."""

    is_known: bool = True
    is_free_text: bool = False
    can_be_cleared: bool = False
    is_cleared: bool = False
    is_foreign: bool = False  # the stored value does not fit the field
    takes_snippets: bool = False

    @property
    def is_unknown(self) -> bool:
        """Return whether the CRM did not show its value."""
        return not self.is_known


def describe_box(box: forms.Field, info: BoxInfo) -> None:
    """Attach the description to a form field; the template reads it as `field.field.box`."""
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


class FieldsInOrder:
    """A form that is laid out as its fields are listed."""

    fields: dict[str, forms.Field]

    @property
    def helper(self) -> FormHelper:
        """The layout of the form's current fields."""
        return helper(*self.fields)


@dataclass(frozen=True)
class BoxFrame:
    """What templates/ticketadmin/field.html shows around a widget, by the names that a BoundField has.

    Equal for every ticket that has the field, so that its rendering is cached (`{% same_for %}`).
    """

    html_name: str
    auto_id: str
    label: str
    help_text: str
    use_fieldset: bool
    aria_describedby: str | None
    box: BoxInfo | None
    is_hidden: bool = False
    errors: tuple[str, ...] = ()

    @property
    def id_for_label(self) -> str:
        """The id of the widget, which has one part."""
        return self.auto_id

    @property
    def field(self) -> "BoxFrame":
        """Where a BoundField has the form's field, with its `box`."""
        return self


@dataclass(frozen=True)
class Box:
    """One box of a ticket's form. `frame` is None if there is more to show than is kept: errors."""

    field: forms.BoundField
    frame: BoxFrame | None


def _box(field: forms.BoundField) -> Box:
    if field.errors:
        return Box(field, None)
    frame = BoxFrame(
        field.html_name,
        str(field.auto_id),
        str(field.label),
        str(field.help_text),
        field.use_fieldset,
        field.aria_describedby,
        getattr(field.field, "box", None),
    )
    return Box(field, frame)


@dataclass(frozen=True)
class TicketLayout:
    """The boxes of a ticket's form in the order of the page, as tickets/_form.html shows them.

    It is not a crispy layout: those cost a template and a copy of the context for each box, and this is the
    page that is opened most.
    """

    reason: Box
    title: list[Box] = field(default_factory=list)
    compact: list[Box] = field(default_factory=list)
    content: list[Box] = field(default_factory=list)
    compact_custom: list[Box] = field(default_factory=list)
    wide_custom: list[Box] = field(default_factory=list)

    def place_of(self, one: Field) -> list[Box]:
        """Return the group of boxes that a field belongs to."""
        is_wide = one.kind in WIDE
        if one.key is not None:
            return self.wide_custom if is_wide else self.compact_custom
        if one.name == TITLE:
            return self.title
        return self.content if is_wide else self.compact


def ticket_layout(form: forms.Form, fields: Mapping[str, Field], left_out: Collection[str]) -> TicketLayout:
    """Return the form's boxes by their place, without fields in `left_out`, which are shown elsewhere."""
    layout = TicketLayout(_box(form[CHANGE_REASON]))
    for one in fields.values():
        if one.name not in left_out:
            layout.place_of(one).append(_box(form[one.name]))
    return layout
