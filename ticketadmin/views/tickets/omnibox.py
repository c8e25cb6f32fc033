"""The one box of every page: where what was typed leads, and what it could mean while it is typed."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ticketadmin.models import Draft, IndexedTicket, Recipe, User
from ticketadmin.presenters.suggestions import Suggestions
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.index import omnibox
from ticketadmin.services.index.listing import ListFilters, Query, read_page
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.words import is_contact
from ticketadmin.services.recipes.keep import recipes_for, recipes_named
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.pages import show

SUGGESTED_STATUSES = 6
SUGGESTED_DRAFTS = 5
SUGGESTED_RECIPES = 8


@needs("edit_tickets", "GET")
def go(request: UserRequest) -> HttpResponse:
    """Redirect to what the text means: a ticket, a status, several tickets, or a search; never an error."""
    typed = request.GET.get("q", "").strip()
    codes = omnibox.known_codes(current_index(), typed)
    names = get_choices(ask=False).statuses.names
    return _leads_to(omnibox.understand(typed, names, codes), request.user)


def _leads_to(typed: omnibox.OmniboxMeaning, user: User) -> HttpResponse:
    match typed:
        case omnibox.OneTicket(code=code):
            return redirect("ticket", code)
        case omnibox.StatusChange(code=code, status=status):
            return redirect(reverse("quick_status", args=[code], query={"to": status}))
        case omnibox.NamedRecipe(codes=codes, name=name):
            return _recipe_leads_to(codes, name, user)
        case omnibox.ManyTickets(codes=codes) if user.may("run_bulk_updates"):
            return redirect(reverse("bulk_new", query={"codes": ",".join(codes)}))
        case omnibox.ManyTickets(codes=codes):
            return redirect(reverse("tickets", query={"codes": ",".join(codes)}))
        case omnibox.SearchWords(text=text) if only := _only_ticket_of(text):
            return redirect("ticket", only)
        case omnibox.SearchWords(text=text):
            return redirect(reverse("tickets", query={"text": text} if text else None))


def _recipe_leads_to(codes: Sequence[str], name: str, user: User) -> HttpResponse:
    """Go to the ticket with the recipe filled in, or to its list of recipes where the name is not clear."""
    found = recipes_named(user, name)
    if len(found) == 1 and len(codes) > 1 and user.may("run_bulk_updates"):
        query = {"codes": ",".join(codes), "recipe": found[0].pk}
        return redirect(reverse("bulk_new", query=query))
    if len(found) != 1 or len(codes) != 1:
        return redirect("recipes")
    return redirect(reverse("ticket_recipe", args=codes, query={"recipe": found[0].pk}))


def _only_ticket_of(text: str) -> str:
    """Return the code of the one ticket with this telephone number or e-mail, else ""."""
    if not is_contact(text):
        return ""
    rows = read_page(Query(current_index(), ListFilters(text=text)), size=2).rows
    return rows[0].code if len(rows) == 1 and rows[0].missing_at is None else ""


@needs("edit_tickets", "GET")
def suggest(request: UserRequest) -> HttpResponse:
    """Return what the box could mean, as options of its list box; no remote call."""
    typed, user, index = request.GET.get("q", "").strip(), request.user, current_index()
    known = omnibox.known_codes(index, typed)
    statuses = get_statuses(get_choices(ask=False))
    names = [one.name for one in statuses.all]
    first, _space, rest = typed.partition(" ")
    code = known.code_in(first.rstrip(":"))
    wanted = omnibox.matching_statuses(rest, names) if rest.strip() else names
    many = omnibox.codes_in(typed, known)
    page = Suggestions(
        typed=typed,
        codes=many if len(many) > 1 else (),
        code=code if code and (not rest.strip() or wanted) else omnibox.only_code_in(typed, known),
        statuses=[statuses.named(name) for name in wanted][:SUGGESTED_STATUSES] if code else [],
        recipes=_suggested_recipes(typed, known, user),
        listed=_best(Query(index, ListFilters(text=typed)), code) if typed else [],
        drafts=[] if typed else Draft.objects.of(user.pk)[:SUGGESTED_DRAFTS],
        recent=[] if typed else omnibox.recent_codes(user),
    )
    return show(request, page)


def _suggested_recipes(typed: str, known: omnibox.KnownCodes, user: User) -> list[tuple[str, Recipe]]:
    """Return the ticket's code with each recipe that "CODE /name" may mean; without a name all of them."""
    named = omnibox.named_recipe_in(f"{typed} ", known) if "/" in typed else None
    if named is None or len(named.codes) != 1:
        return []
    found = recipes_named(user, named.name) if named.name else recipes_for(user)
    return [(named.codes[0], one) for one in found[:SUGGESTED_RECIPES]]


def _best(query: Query, code: str) -> list[IndexedTicket]:
    """Return the best tickets for a text, the last changed first, without the one that is offered anyway."""
    rows = read_page(query, size=omnibox.SUGGESTED + 1).rows
    return [row for row in rows if row.code != code][: omnibox.SUGGESTED]
