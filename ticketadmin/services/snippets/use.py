"""A snippet used by a user on a ticket: the values of its placeholders, as far as they are known here."""

from datetime import date

from ticketadmin.models import IndexedTicket, Snippet, User
from ticketadmin.services.index.rows import CUSTOMER, index_to_write
from ticketadmin.services.recipes.fill import Moment
from ticketadmin.services.snippets.snippet import Insertion, insertion_of


def insertion_for(snippet: Snippet, *, user: User, code: str, today: date) -> Insertion:
    """Return what the snippet inserts; `code` is "" where there is no single ticket. No remote call.

    The customer's name is the one that the ticket index has: opening a ticket has just written it.
    """
    moment = Moment.of(user, today)
    customer = _customer(code) if code and "{customer}" in snippet.content else ""
    values = {"customer": customer, "code": code, "today": moment.written_today, "me": moment.me}
    return insertion_of(snippet.content, values)


def _customer(code: str) -> str:
    rows = IndexedTicket.objects.filter(index=index_to_write(), code=code)
    values = rows.values_list("values", flat=True).first()
    return str((values or {}).get(CUSTOMER, ""))
