"""The forms of a snippet and of a file of them, and a ticket's form with one at the end of a box."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.recipes import filled_form
from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.forms.tickets import TicketForm, takes_snippets
from ticketadmin.models import Snippet, User
from ticketadmin.sanitizing import as_html
from ticketadmin.services.recipes.fill import Filled
from ticketadmin.services.recipes.sharing import NameTaken, TooMany
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.snippets.keep import MAX_SNIPPETS, SnippetText, keep_snippet
from ticketadmin.services.snippets.snippet import Insertion, as_content, as_name
from ticketadmin.services.snippets.table import MAX_BYTES, FileRow, read_file
from ticketadmin.services.spreadsheets.table import UnreadableFile
from ticketadmin.services.values.fields import Kind


class SnippetForm(forms.Form):
    """Name and text of one snippet. A `maxlength` would cut what is pasted without a word."""

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
    is_shared = forms.BooleanField(label=_("For everybody"), required=False)

    def __init__(
        self, data: QueryDict | None = None, *, may_share: bool, snippet: Snippet | None = None
    ) -> None:
        """Show the snippet, or an empty form."""
        self.snippet = snippet
        initial = None
        if snippet:
            initial = {"name": snippet.name, "content": snippet.content, "is_shared": snippet.is_shared}
        super().__init__(data, initial=initial)
        for name in ("name", "content"):
            self.fields[name].widget.is_required = False  # checked here, with words and nothing lost
        if not may_share:
            del self.fields["is_shared"]

    def clean_name(self) -> str:
        """Return the name as it is kept."""
        return as_name(self.cleaned_data["name"])

    def clean_content(self) -> str:
        """Return the text as it is kept: HTML cleaned."""
        return as_content(self.cleaned_data["content"])

    def save(self, user: User) -> Snippet | None:
        """Keep the snippet; None where it cannot be kept, which the form then says. Raises Forbidden."""
        values = self.cleaned_data
        text = SnippetText(values["name"], values["content"], values.get("is_shared", False))
        try:
            return keep_snippet(user, text, snippet=self.snippet)
        except TooMany:
            message = _("You have %(most)d snippets, which is the most. Delete one, then try again.")
            self.add_error(None, message % {"most": MAX_SNIPPETS})
        except NameTaken:
            self.add_error("name", _("You have another snippet of this name. Choose another name."))
        return None


@dataclass(frozen=True)
class SnippetBox:
    """A box of a ticket's form that takes snippets. `kind` is None for the reason of the change."""

    name: str
    label: str
    kind: Kind | None


def box_for_snippet(form: TicketForm, name: str) -> SnippetBox | None:
    """Return the box of this name, if it takes snippets."""
    if name == CHANGE_REASON:
        return SnippetBox(name, str(form.fields[name].label), None)
    field = form.schema.fields.get(name)
    if field is None or not takes_snippets(field):
        return None
    return SnippetBox(name, str(field.label), field.kind)


def with_snippet(form: TicketForm, box: SnippetBox, found: Insertion) -> TicketForm:
    """Return the posted form with the insertion at the end of a box; what was typed there stays."""
    typed = form.data.get(box.name, "")
    return filled_form(form, Filled({box.name: [_added(box, typed, found)]}))


def _added(box: SnippetBox, typed: str, found: Insertion) -> str:
    if box.kind is Kind.HTML:
        return as_html(typed) + found.html if typed.strip() else found.html
    if box.kind is Kind.LONG_TEXT:
        return f"{typed.rstrip()}\n{found.text}" if typed.strip() else found.text
    return " ".join([*filter(None, [typed.rstrip()]), *found.text.split("\n")])


class ImportForm(forms.Form):
    """A file of snippets; `rows` are what a valid one holds."""

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

    def clean(self) -> dict[str, Any]:
        """Read the file."""
        self.rows: tuple[FileRow, ...] = ()
        file = self.cleaned_data.get("file")
        if file is None:
            return self.cleaned_data
        try:
            # One byte more than is read tells a file that is too large from one that just fits.
            self.rows = read_file(file.read(MAX_BYTES + 1), file.name)
        except UnreadableFile as error:
            self.add_error("file", error)
        return self.cleaned_data
