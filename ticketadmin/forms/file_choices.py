"""Which value counts where an uploaded export and the CRM both changed it: for a column, or for a ticket."""

from typing import Any

from django import forms
from django.http import QueryDict

from ticketadmin.converters import whole_number
from ticketadmin.models import BulkUpdate, User
from ticketadmin.services.bulk.file_base import MINE, THEIRS
from ticketadmin.services.bulk.runs import choose_values

COLUMN, TICKET = "column.", "ticket."
MAX_CHOICES = 500  # of one form: its page shows 50 tickets and 200 columns at most


class FileChoicesForm(forms.Form):
    """The seal of the dry run that the page showed, and what was chosen; no choice leaves a ticket out."""

    seal = forms.CharField(max_length=64)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.by_column: dict[str, str] = {}
        self.by_ticket: dict[int, str] = {}

    def clean(self) -> dict[str, Any]:
        """Read the choices; what is none of the two is no choice."""
        chosen = [(name, value) for name, value in self.data.items() if value in {MINE, THEIRS}]
        for name, value in chosen[:MAX_CHOICES]:
            if name.startswith(COLUMN):
                self.by_column[name.removeprefix(COLUMN)] = value
            elif name.startswith(TICKET) and (number := whole_number(name.removeprefix(TICKET))):
                self.by_ticket[number] = value
        return self.cleaned_data

    def save(self, bulk: BulkUpdate, *, actor: User) -> None:
        """Keep the choices and check their tickets again. Raises what `choose_values` raises."""
        choose_values(
            bulk,
            actor=actor,
            seal=self.cleaned_data["seal"],
            by_column=self.by_column,
            by_ticket=self.by_ticket,
        )
