"""A ticket's neighbours: the others of its customer, and those before and after it in the list one came from.

Both come from the index; no remote call is made.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from ticketadmin.models import IndexedTicket
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.index.listing import Query, neighbours, position_of, total_of
from ticketadmin.services.index.rows import current_index
from ticketadmin.views.access import in_background, is_scripted, needs
from ticketadmin.views.tickets.list import asked_of


@needs("edit_tickets")
@in_background
@require_safe
def ticket_neighbours(request: HttpRequest, code: str) -> HttpResponse:
    """Return the way to the tickets before and after this one in the list of the query, as a fragment.

    Without a script it leads to the ticket. A ticket that is not in that list has no neighbours.
    """
    if not is_scripted(request):
        return redirect("ticket", code)
    index, choices = current_index(), get_choices(ask=False)
    asked, listed = asked_of(request, choices)
    query = Query(index, asked.filters, asked.order, listed)
    row: IndexedTicket | None = query.ordered().filter(code=code).first()
    context: dict[str, object] = {"query": asked.address()}
    if row is not None:
        before, after = neighbours(query, row)
        context |= {
            "before": before,
            "after": after,
            "position": position_of(query, row),
            "total": total_of(query),
        }
    return render(request, "tickets/_neighbours.html", context)
