"""The tickets page: the list as the index knows it, its filters, columns and views. No remote call."""

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import BigIntegerField, Q, QuerySet
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ticketadmin.converters import moment_of_page
from ticketadmin.forms.listing import MAX_VIEWS, ListRequest, SavedViewForm, read_request
from ticketadmin.models import Change, CustomField, Prepared, SavedView, Slot, User
from ticketadmin.presenters.changes import present_changes
from ticketadmin.presenters.list_page import ListSource, TicketsPage, names_to_choose, present_list
from ticketadmin.presenters.sent_along import status_notice
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.statuses import Statuses, get_statuses
from ticketadmin.services.index.listing import Query, changed_count
from ticketadmin.services.index.overview import overview_for
from ticketadmin.services.index.rows import ListedFields, current_index
from ticketadmin.services.index.state import note_use
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.services.values.ordering import in_order
from ticketadmin.views.access import UserRequest, in_background, is_scripted, needs
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed, see_other
from ticketadmin.views.tickets.omnibox import go

SHOWN_RECENT = 5
SHOWN_DRAFTS = 20


@needs("edit_tickets", "GET")
def tickets(request: UserRequest) -> HttpResponse:
    """Show the tickets page, or redirect to what was typed into the box."""
    if request.GET.get("q", "").strip():
        return go(request)
    source = _source(request)
    listed, asked = source.known.choices, source.asked.filters
    page = TicketsPage(
        list=present_list(source, request.user),
        statuses=source.statuses.all,
        filter_statuses=names_to_choose(
            listed.statuses, [one.name for one in source.statuses.all], asked.statuses
        ),
        filter_categories=names_to_choose(listed.categories, listed.categories.names, asked.categories),
        described=tuple(source.described),
        views=tuple(in_order(_VIEWS.rows(user=request.user.pk), lambda view: view.name)),
        drafts=source.known.drafts[:SHOWN_DRAFTS],
        recent=tuple(present_changes(_RECENT.rows(user=request.user.pk), request.user)),
        omitted=status_notice(source.known.choices),
    )
    response = show(request, page)
    response["Speculation-Rules"] = f'"{reverse("speculation_rules")}"'
    return response


@needs("edit_tickets", "GET")
def ticket_list(request: UserRequest) -> HttpResponse:
    """Return the list as a fragment; without a script, redirect to the page."""
    if not is_scripted(request):
        return redirect(f"{reverse('tickets')}?{request.GET.urlencode()}")
    return show(request, present_list(_source(request), request.user))


@needs("edit_tickets", "GET")
@in_background
def list_news(request: UserRequest) -> JsonResponse:
    """Say how many tickets of this list have changed since it was shown, as JSON."""
    index = current_index()
    note_use(index)
    since = moment_of_page(request.GET.get("since", ""))
    if since is None:
        return JsonResponse({"changed": 0})
    found, listed = asked_of(request, get_choices(ask=False))
    return JsonResponse({"changed": changed_count(Query(index, found.filters, listed=listed), since)})


@needs("edit_tickets", "POST")
def choose_columns(request: UserRequest) -> HttpResponse:
    """Store the columns that the user chose, and show the same list with them."""
    wanted = [name for name in request.POST.getlist("columns")[:60] if len(name) <= 80]
    request.user.list_columns = ",".join(wanted)[:1_000]
    request.user.save(update_fields=["list_columns"])
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    query.pop("columns", None)
    return see_other(f"{reverse('tickets')}?{query.urlencode()}")


@needs("edit_tickets", "POST")
def keep_view(request: UserRequest) -> HttpResponse:
    """Save the current filters, order and columns under a name."""
    form = SavedViewForm(request.POST)
    query = QueryDict(request.POST.get("query", "")).urlencode()
    if form.is_valid():
        saved = form.save_for(request.user)
        if saved is None:
            text = _(
                "You have %(most)d views, which is the most. Nothing was kept: delete one, then try again."
            )
            messages.error(request, text % {"most": MAX_VIEWS})
        else:
            view, is_new = saved
            text = _("The view “%(name)s” was saved.") if is_new else _("Your view “%(name)s” was replaced.")
            messages.success(request, text % {"name": view.name})
    elif "query" in form.errors:
        text = _("The view was not saved: its filters are too long to keep. Leave out codes or words.")
        messages.error(request, text)
    else:
        messages.error(request, _("The view was not saved: give it a name of at most 60 characters."))
    return see_other(f"{reverse('tickets')}?{query}")


@needs("edit_tickets", "POST")
def delete_view(request: UserRequest, view: int) -> HttpResponse:
    """Delete a saved view of the user."""
    one = get_object_or_404(SavedView, pk=view, owner=request.user)
    one.delete()
    return confirmed(request, _("The view “%(name)s” was deleted.") % {"name": one.name}, "tickets")


def asked_of(
    request: UserRequest, choices: Choices, query: QueryDict | None = None
) -> tuple[ListRequest, ListedFields]:
    """Return the meaning of a query, by default the request's, and the custom fields of the list."""
    listed = _listed(described_of(choices))
    asked = request.GET if query is None else query
    return _read(asked, request.user, choices, get_statuses(choices), listed), listed


_DESCRIBED = Prepared(lambda: CustomField.objects.filter(is_listed=True))


def described_of(choices: Choices) -> Sequence[CustomField]:
    """Return the custom fields that the list may show."""
    return _DESCRIBED.rows() if choices.listed is None else choices.listed


def _listed(described: Sequence[CustomField]) -> ListedFields:
    return ListedFields({CUSTOM_PREFIX + one.key: one.kind for one in described})


def _source(request: UserRequest) -> ListSource:
    """Read the query of the address, and record that a user is looking at the list."""
    known = overview_for(request.user)
    note_use(known.index, known.now)
    described, statuses = described_of(known.choices), get_statuses(known.choices)
    listed = _listed(described)
    asked = _read(request.GET, request.user, known.choices, statuses, listed)
    return ListSource(asked, known, statuses, described, listed)


def _read(
    query: QueryDict, user: User, choices: Choices, statuses: Statuses, listed: ListedFields
) -> ListRequest:
    return read_request(
        query, choices=choices, statuses=statuses, listed=listed, user=user, columns=user.list_columns
    )


def _views() -> QuerySet[SavedView]:
    shown = Q(owner=Slot("user", BigIntegerField())) | Q(is_shared=True)
    return SavedView.objects.filter(shown).select_related("owner")[:50]


_VIEWS = Prepared(_views)
_RECENT = Prepared(lambda: Change.objects.filter(actor=Slot("user", BigIntegerField()))[:SHOWN_RECENT])
