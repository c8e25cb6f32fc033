"""Whether the emptied cells of an uploaded export empty their fields: a question for each column."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.fields import Field
from ticketadmin.services.values.schema import TicketSchema

EMPTIED = "emptied."
_KEEP, _CLEAR = "keep", "clear"


def emptied_in(notes: Mapping[str, Any]) -> Mapping[str, int]:
    """Return how many cells of which fields were emptied; `notes` are the bulk update's."""
    found = notes.get("reading", {}).get("differences") or {}
    return dict(found.get("emptied", {}))


def emptied_boxes(counts: Mapping[str, int], schema: TicketSchema) -> dict[str, forms.ChoiceField]:
    """Return a choice for each field that may be empty; to keep the values is the default."""
    fields = {name: schema.field(name) for name in counts}
    return {
        EMPTIED + name: forms.ChoiceField(
            label=_("%(label)s: %(cells)s") % {"label": field.label, "cells": _cells(counts[name])},
            choices=[(_KEEP, _("Keep the values")), (_CLEAR, _("Empty the fields"))],
            initial=_KEEP,
            required=False,
            widget=forms.RadioSelect,
        )
        for name, field in fields.items()
        if _may_be_empty(field)
    }


def kept_sentences(counts: Mapping[str, int], schema: TicketSchema) -> Iterator[str]:
    """Yield what is said of fields that cannot be empty."""
    for name, number in counts.items():
        if not _may_be_empty(field := schema.field(name)):
            message = _("%(label)s: %(cells)s. This field cannot be empty, so the values are kept.")
            yield message % {"label": field.label, "cells": _cells(number)}


def emptied_fields(cleaned: Mapping[str, Any]) -> list[str]:
    """Return the fields that the user wants to empty."""
    return [
        name.removeprefix(EMPTIED)
        for name, answer in cleaned.items()
        if name.startswith(EMPTIED) and answer == _CLEAR
    ]


def _cells(number: int) -> str:
    message = ngettext("%(n)s emptied cell", "%(n)s emptied cells", number)
    return message % {"n": number_format(number, force_grouping=True)}


def _may_be_empty(field: Field) -> bool:
    return field.clearable and field.name != sign_field()
