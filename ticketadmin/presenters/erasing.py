"""What is held of a ticket or an address, as an administrator reads it before it is erased."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.presenters.page import FormPage, page
from ticketadmin.services.erasing.erase import HeldData
from ticketadmin.services.erasing.stores import STORES

_LABELS: dict[str, str | Promise] = {
    **{store.name: store.label for store in STORES},
    "bulkupdate": _("bulk updates whose common values or notes hold the address"),
    "savedview": _("saved views whose filters hold the address"),
    "recipe": _("recipes whose changes hold the address"),
    "snippet": _("snippets whose text holds the address"),
    "accessattempt": _("failed sign-ins under this name"),
}


def rows_held(found: HeldData) -> list[tuple[str | Promise, int]]:
    """Return each kind of row in words, with its number."""
    return [(_LABELS.get(name, name), count) for name, count in found.rows.items()]


@page("erasing/erasing.html")
class ErasingPage(FormPage):
    """The box for a ticket or an address; `found` is what is stored about it, after a search."""

    found: HeldData | None
    rows: list[tuple[str | Promise, int]]  # of it, in words
