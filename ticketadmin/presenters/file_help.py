"""How to write the cells of a file, for the page that takes one; from the table that errors quote as well."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from ticketadmin.forms.bulk_choosing import ChooseForm
from ticketadmin.presenters.page import Page, page
from ticketadmin.services.bulk.spellings import CODE_EXAMPLES, SPELLINGS
from ticketadmin.services.values.fields import Kind


@dataclass(frozen=True)
class SpellingRow:
    """A kind of value, with examples of texts that are accepted for it, and what else to know."""

    label: str
    examples: tuple[str, ...] = ()
    note: str = ""


def spelling_rows() -> list[SpellingRow]:
    """Return a row for each kind of value that has a form of its own."""
    return [
        SpellingRow(_("Ticket code"), CODE_EXAMPLES),
        SpellingRow(_("Day"), SPELLINGS[Kind.DATE], _("In Excel files also a date cell.")),
        SpellingRow(_("Number"), SPELLINGS[Kind.NUMBER], _("In Excel files also a number cell.")),
        SpellingRow(_("Yes or no"), SPELLINGS[Kind.YES_NO]),
        SpellingRow(
            _("Status, category, option"),
            note=_("Its name, in any case; without diacritics where one name fits."),
        ),
        SpellingRow(
            _("Several options"), note=_("Their names, separated by semicolons, | , line ends or commas.")
        ),
        SpellingRow(_("Phone number"), SPELLINGS[Kind.PHONE]),
        SpellingRow(_("E-mail address"), SPELLINGS[Kind.EMAIL]),
    ]


@page("bulk/new.html")
class ChoosePage(Page):
    """The first step of a bulk update: which tickets."""

    form: ChooseForm
    spellings: list[SpellingRow]  # how cells of a file are written


@page("bulk/no_error_file.html")
class NoErrorFilePage(Page):
    """Why an uploaded file cannot be returned with its errors."""

    problem: str
