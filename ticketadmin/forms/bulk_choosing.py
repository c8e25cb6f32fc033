"""Choosing the tickets of a bulk update: pasted codes, a saved view, or a file with values of its own."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.listing import read_request
from ticketadmin.models import BulkFile, BulkNotes, BulkUpdate, SavedView, User
from ticketadmin.services.bulk.codes import PastedCodes, read_codes
from ticketadmin.services.bulk.files import (
    SHOWN_PIECES,
    EveryRowWrong,
    draft_from_file,
    keep_file,
    read_upload,
    tickets_in,
)
from ticketadmin.services.bulk.rows import RowError
from ticketadmin.services.bulk.runs import MAX_TICKETS, Chosen, ChosenTickets, as_known, draft_bulk
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.index.listing import Query, codes_of
from ticketadmin.services.index.rows import current_index, listed_fields
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.schema import load_schema

MAX_QUERY = 40_000  # characters of a list's address: as many as MAX_CODES of the longest codes take


class ChooseForm(forms.Form):
    """The ways to choose tickets, of which a post uses one. Once the form is valid, `chosen` has them."""

    codes = forms.CharField(
        label=_("Ticket codes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("Paste them as they are: lines, commas, a column of a spreadsheet."),
    )
    view = forms.ModelChoiceField(
        label=_("Saved view"),
        queryset=SavedView.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("The tickets that fit these filters, as far as they are known here."),
    )
    matching = forms.CharField(required=False, max_length=MAX_QUERY, widget=forms.HiddenInput)
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("CSV or Excel (.xlsx), one row per ticket, up to 10,000 rows and 10 MB."),
        error_messages={"empty": _("The file is empty.")},
    )

    def __init__(self, *args: Any, user: User, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.choices = user, choices
        self.chosen = ChosenTickets(())
        self.row_errors: tuple[RowError, ...] = ()
        self.wrong_file: BulkFile | None = None  # kept if every row of it has an error
        self.content = b""  # of the file, where the tickets came from one
        views = SavedView.objects.filter(Q(owner=user) | Q(is_shared=True))
        self.fields["view"].queryset = views  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Read the one source that was given; its problems are shown at its field."""
        given = [name for name in self._ways if self.cleaned_data.get(name)]
        if len(given) > 1:
            message = _("Choose tickets in one way at a time: empty the other boxes.")
            self.add_error(given[-1], forms.ValidationError(message, code="several_sources"))
        elif given:
            self._take(given[0])
        elif not self.errors:
            message = _("Name the tickets: paste codes, choose a view, or choose a file.")
            self.add_error("codes", forms.ValidationError(message, code="no_source"))
        return self.cleaned_data

    @property
    def _ways(self) -> dict[str, Callable[[Any], ChosenTickets]]:
        return {
            "codes": self._from_codes,
            "view": lambda view: self._from_query(view.query),
            "matching": self._from_query,
            "file": self._from_file,
        }

    def _take(self, source: str) -> None:
        try:
            self.chosen = self._ways[source](self.cleaned_data[source])
            self._require_number()
        except forms.ValidationError as error:
            self.add_error("codes" if source == "matching" else source, error)

    def _require_number(self) -> None:
        count = len(self.chosen.tickets)
        if count > MAX_TICKETS:
            message = _("These are %(count)s tickets; one bulk update takes at most %(most)s.")
            numbers = {"count": number_format(count), "most": number_format(MAX_TICKETS)}
            raise forms.ValidationError(message, code="too_many", params=numbers)
        if not count:
            raise forms.ValidationError(_("There is no ticket in it."), code="no_ticket")

    def _from_codes(self, text: str) -> ChosenTickets:
        pasted = read_codes(text)
        if not pasted.codes:
            raise forms.ValidationError(_("No ticket code was found in it."), code="no_code")
        return ChosenTickets(as_known(map(Chosen, pasted.codes)), _notes_of(pasted))

    def _from_query(self, query: str) -> ChosenTickets:
        """Return the known tickets that match the address of a list, in its order; the dry run reads each."""
        listed = listed_fields()
        asked = read_request(
            QueryDict(query),
            choices=self.choices,
            statuses=get_statuses(self.choices),
            listed=listed,
            user=self.user,
        )
        if asked.dropped:  # without the filter that is gone, more tickets than intended would match
            raise forms.ValidationError(list(asked.dropped), code="filter_dropped")
        found = codes_of(Query(current_index(), asked.filters, asked.order, listed))
        return ChosenTickets(tuple(Chosen(code) for code in found))

    def _from_file(self, file: UploadedFile[Any]) -> ChosenTickets:
        content, name = file.read(), file.name or ""
        try:
            table = read_upload(content, name, load_schema(self.choices))
        except EveryRowWrong as wrong:
            self.row_errors = wrong.table.errors
            self.wrong_file = keep_file(content, name, owner=self.user)
            raise
        self.row_errors, self.content = table.errors, content
        return tickets_in(table, name)

    def save(self) -> BulkUpdate:
        """Keep the tickets as a bulk update whose changes are still to be chosen. Raises Forbidden."""
        if self.content:
            return draft_from_file(self.chosen, self.content, user=self.user)
        return draft_bulk(self.chosen, user=self.user)


def _notes_of(pasted: PastedCodes) -> BulkNotes:
    return {
        "repeated": [code for code, _times in pasted.repeated][:SHOWN_PIECES],
        "repeated_count": len(pasted.repeated),
        "malformed": list(pasted.malformed)[:SHOWN_PIECES],
        "malformed_count": len(pasted.malformed),
    }
