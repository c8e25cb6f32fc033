"""The tickets page: the box, the CRM's list with its filters, drafts, views under a name."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ticketadmin.converters import whole_number
from ticketadmin.forms.listing import ListFilterForm, SavedViewForm
from ticketadmin.models import Change, Draft, SavedView, User
from ticketadmin.presenters.changes import present_changes
from ticketadmin.presenters.outcomes import explain_reason
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.statuses import Status, Statuses, get_statuses
from ticketadmin.services.index import omnibox
from ticketadmin.services.index.listing import (
    CHUNK,
    MOST,
    ListedTicket,
    ListFilters,
    fetch_listing,
    known_listing,
    matching,
    named,
)
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.ordering import in_order
from ticketadmin.text import contains
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.redirects import see_other

SHOWN_RECENT = 5
SUGGESTED_TITLES = 5


@dataclass(frozen=True)
class Row:
    """One ticket of the list, ready to be shown."""

    ticket: ListedTicket
    status: Status | None
    due: str
    has_draft: bool


@needs("edit_tickets")
@require_safe
def tickets(request: HttpRequest) -> HttpResponse:
    """Go where the box leads, or show what is known of the list at once; a script reads it anew."""
    choices = get_choices(ask=False)
    if typed := request.GET.get("q", "").strip():
        return _go(omnibox.understand(typed, choices.statuses.names), person_of(request))
    person = person_of(request)
    is_now = "now" in request.GET
    context = _list_context(request, get_choices() if is_now else choices, is_now=is_now)
    context |= {
        "drafts": Draft.objects.of(person.pk)[:20],
        "recent": present_changes(list(Change.objects.filter(actor=person)[:SHOWN_RECENT]), person),
        "views": _views_of(person),
    }
    return render(request, "tickets/tickets.html", context)


@needs("edit_tickets")
@require_safe
def ticket_list(request: HttpRequest) -> HttpResponse:
    """Read the list now and return it as a fragment; without a script, lead to the page."""
    if request.headers.get("X-Requested-With") != "XMLHttpRequest":
        return redirect(f"{reverse('tickets')}?{request.GET.urlencode()}")
    return render(request, "tickets/_list.html", _list_context(request, get_choices(), is_now=True))


@needs("edit_tickets")
@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    """Return what the box could mean, as options of its list box; no remote call."""
    typed = request.GET.get("q", "").strip()
    person = person_of(request)
    statuses = get_statuses(get_choices(ask=False).statuses)
    first, _space, rest = typed.partition(" ")
    is_code = bool(omnibox.CODE.fullmatch(first))
    names = [one.name for one in statuses.all]
    wanted = omnibox.matching_statuses(rest, names) if rest.strip() else names
    listed = [one for one in known_listing(ListFilters()).tickets if typed and _holds(one, typed)]
    context = {
        "typed": typed,
        "codes": omnibox.codes_in(typed) if len(omnibox.codes_in(typed)) > 1 else (),
        "code": first if is_code and (not rest.strip() or omnibox.matching_statuses(rest, names)) else "",
        "statuses": [statuses.named(name) for name in wanted][:6] if omnibox.looks_like_code(first) else [],
        "listed": listed[:SUGGESTED_TITLES],
        "drafts": [] if typed else Draft.objects.of(person.pk)[:SUGGESTED_TITLES],
        "recent": [] if typed else omnibox.recent_codes(person),
    }
    return render(request, "shared/_suggestions.html", context)


@needs("edit_tickets")
@require_POST
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the moment under a name."""
    form = SavedViewForm(request.POST)
    query = QueryDict(request.POST.get("query", "")).urlencode()
    if form.is_valid():
        view = form.save_for(person_of(request))
        messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    else:
        messages.error(request, _("The view was not kept: give it a name of at most 60 characters."))
    return see_other(f"{reverse('tickets')}?{query}")


@needs("edit_tickets")
@require_POST
def delete_view(request: HttpRequest, view: int) -> HttpResponse:
    """Forget a view of one's own."""
    one = get_object_or_404(SavedView, pk=view, owner=person_of(request))
    one.delete()
    messages.success(request, _("The view “%(name)s” is forgotten.") % {"name": one.name})
    return see_other(reverse("tickets"))


def _go(typed: omnibox.Typed, person: User) -> HttpResponse:
    match typed:
        case omnibox.OneTicket(code=code):
            return redirect("ticket", code)
        case omnibox.StatusChange(code=code, status=status):
            return redirect(f"{reverse('quick_status', args=[code])}?{urlencode({'to': status})}")
        case omnibox.ManyTickets(codes=codes) if person.may("run_bulk_updates"):
            return redirect(f"{reverse('bulk_new')}?{urlencode({'codes': ','.join(codes)})}")
        case omnibox.ManyTickets(codes=codes):
            return redirect(f"{reverse('tickets')}?{urlencode({'codes': ','.join(codes)})}")
        case omnibox.Words(text=text):
            return redirect(f"{reverse('tickets')}?{urlencode({'text': text})}")


def _list_context(request: HttpRequest, choices: Choices, *, is_now: bool) -> dict[str, object]:
    form = ListFilterForm(request.GET, choices=choices)
    form.is_valid()
    filters = form.filters
    person = person_of(request)
    wanted = _wanted(request)
    listing = fetch_listing(filters, wanted=wanted) if is_now else known_listing(filters)
    statuses = get_statuses(choices.statuses)
    own = omnibox.codes_of(person) if filters.mine else frozenset()
    drafted = set(Draft.objects.of(person.pk).values_list("ticket_code", flat=True)[:200])
    found = matching(named(listing, choices), filters, statuses, mine=own)
    query = request.GET.copy()
    for name in ("now", "n", "q"):
        query.pop(name, None)
    return {
        "form": form,
        "listing": listing,
        "problem": explain_reason(listing.problem) if listing.problem else None,
        "rows": _rows(found, statuses, drafted),
        "columns": _columns(found),
        "statuses": statuses.all,
        "query": query.urlencode(),
        "is_filtered": any(value for values in query.lists() for value in values[1]),
        "follows": not is_now and not (listing.is_fresh and listing.received >= min(wanted, CHUNK)),
        "next_n": min(wanted + CHUNK, MOST) if listing.has_more and wanted < MOST else None,
        "wanted": wanted,
        "maybe_code": filters.text if omnibox.CODE.fullmatch(filters.text) else "",
    }


def _rows(found: tuple[ListedTicket, ...], statuses: Statuses, drafted: set[str]) -> list[Row]:
    today = timezone.localdate()
    return [
        Row(
            ticket,
            statuses.named(ticket.values["status_name"]) if ticket.values.get("status_name") else None,
            ticket.due_state(statuses, today),
            ticket.code in drafted,
        )
        for ticket in found
    ]


def _columns(found: tuple[ListedTicket, ...]) -> set[str]:
    """Return the columns for which the CRM showed anything at all."""
    shown = {name for ticket in found for name, value in ticket.values.items() if value}
    return shown | ({"customer"} if any(ticket.customer for ticket in found) else set())


def _wanted(request: HttpRequest) -> int:
    asked = whole_number(request.GET.get("n", ""))
    return min(max(asked or 0, CHUNK), MOST)


def _holds(ticket: ListedTicket, typed: str) -> bool:
    return contains(f"{ticket.code} {ticket.values.get('ticket_title', '')} {ticket.customer}", typed)


def _views_of(person: User) -> list[SavedView]:
    views = SavedView.objects.filter(Q(owner=person) | Q(is_shared=True)).select_related("owner")[:50]
    return in_order(views, lambda view: view.name)
