"""The forms of a snippet and of a file of them, and any form with a snippet at the end of a box."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.boxes import ACTION
from ticketadmin.forms.bulk import SETTING
from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.forms.tickets import with_new_custom_fields
from ticketadmin.models import Snippet, User
from ticketadmin.sanitizing import as_html
from ticketadmin.services.drafts.drafts import NEW_KEY, NEW_VALUE
from ticketadmin.services.recipes.sharing import CannotKeep, OwnNameTaken
from ticketadmin.services.snippets.keep import SnippetText, keep_snippet
from ticketadmin.services.snippets.snippet import Insertion, as_content, as_name
from ticketadmin.services.snippets.table import MAX_SNIPPET_FILE_BYTES, FileRow, read_file
from ticketadmin.services.values.fields import CUSTOM_PREFIX

_BLOCK = re.compile(r"<(?:p|div|ul|ol|dl|h[1-6]|table|blockquote|pre|hr|figure)\b", re.IGNORECASE)


class SnippetForm(forms.Form):
    """Name and text of one snippet. There is no `maxlength`, which would silently cut what is pasted."""

    default_renderer = PLAIN_WIDGETS

    name = forms.CharField(
        label=_("Name"),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "Letters, digits, - and _, without spaces. You type it in a text box as //name; "
            "capital letters make no difference."
        ),
        error_messages={"required": _("Give the snippet a name.")},
    )
    content = forms.CharField(
        label=_("Text"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "data-content": "", "spellcheck": "true"}),
        error_messages={"required": _("Write the text of the snippet.")},
    )
    is_shared = forms.BooleanField(label=_("For everyone"), required=False)

    def __init__(self, data: QueryDict | None, *, may_share: bool, snippet: Snippet | None) -> None:
        """Show the snippet, or an empty form."""
        self.snippet = snippet
        initial = None
        if snippet:
            initial = {"name": snippet.name, "content": snippet.content, "is_shared": snippet.is_shared}
        super().__init__(data, initial=initial)
        for name in ("name", "content"):
            self.fields[name].widget.is_required = False  # checked here, so that no text is lost
        if not may_share:
            del self.fields["is_shared"]

    def clean_name(self) -> str:
        """Return the name to store."""
        return as_name(self.cleaned_data["name"])

    def clean_content(self) -> str:
        """Return the text to store: HTML cleaned."""
        return as_content(self.cleaned_data["content"])

    def save(self, user: User) -> Snippet | None:
        """Store the snippet; None if it cannot be stored, which the form then says. Raises Forbidden."""
        values = self.cleaned_data
        text = SnippetText(values["name"], values["content"], values.get("is_shared", False))
        try:
            return keep_snippet(user, text, snippet=self.snippet)
        except CannotKeep as problem:
            self.add_error("name" if isinstance(problem, OwnNameTaken) else None, problem)
            return None


class BoxContent(Enum):
    """The kind of text in a box, by its widget; static/js/snippet_target.js works it out in the page."""

    LINE = auto()
    LINES = auto()
    HTML = auto()


@dataclass(frozen=True)
class SnippetBox:
    """A box of a form that takes snippets."""

    name: str
    label: str
    holds: BoxContent = BoxContent.LINE


def box_for_snippet(form: forms.Form, name: str) -> SnippetBox | None:
    """Return the form's box of this name, if it takes snippets."""
    field = form.fields.get(name)
    if field is None or not getattr(getattr(field, "box", None), "takes_snippets", False):
        return None
    return SnippetBox(name, str(field.label), _held_in(field.widget))


def _held_in(widget: forms.Widget) -> BoxContent:
    if not isinstance(widget, forms.Textarea):
        return BoxContent.LINE
    is_html = {"data-content", "data-snippet-target-html"} & widget.attrs.keys()
    return BoxContent.HTML if is_html else BoxContent.LINES


def further_box(posted: QueryDict) -> SnippetBox:
    """Return the box for the value of a further custom field: the field's own once its key is usable."""
    key = posted.get(NEW_KEY, "").strip()
    has_moved = bool(key) and not with_new_custom_fields(posted).get(NEW_KEY)
    name, label = (CUSTOM_PREFIX + key, key) if has_moved else (NEW_VALUE, str(_("Value")))
    return SnippetBox(name, label)


def with_snippet(data: QueryDict, box: SnippetBox, found: Insertion) -> QueryDict:
    """Return the posted data with the insertion at the end of a box, after what was typed there.

    In a bulk update the field is then set, as it is when a user types into its box.
    """
    data = data.copy()
    data[box.name] = _added(box, data.get(box.name, ""), found)
    if ACTION + box.name in data:
        data[ACTION + box.name] = SETTING
    return data


def _added(box: SnippetBox, typed: str, found: Insertion) -> str:
    if box.holds is BoxContent.HTML:
        return as_html(typed) + _as_blocks(found.html) if typed.strip() else found.html
    if box.holds is BoxContent.LINES:
        return f"{typed.rstrip()}\n{found.text}" if typed.strip() else found.text
    return " ".join([*filter(None, [typed.rstrip()]), *found.text.split("\n")])


def _as_blocks(html: str) -> str:
    """Return the HTML such that it begins on a new line after other HTML."""
    return html if _BLOCK.match(html) else f"<p>{html}</p>"


class ImportForm(forms.Form):
    """A file of snippets; once the form is valid, `file` in its cleaned data holds the file's rows."""

    default_renderer = PLAIN_WIDGETS

    file = forms.FileField(
        label=_("CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": _("Choose a CSV file."),
            "empty": _("The file is empty."),
            "invalid": _("Choose a CSV file."),
        },
    )

    def clean_file(self) -> tuple[FileRow, ...]:
        """Return the rows of the file. Raises UnreadableFile, which is a ValidationError."""
        file = self.cleaned_data["file"]
        # One byte over the limit tells a file that is too large from one that just fits.
        return read_file(file.read(MAX_SNIPPET_FILE_BYTES + 1), file.name)
