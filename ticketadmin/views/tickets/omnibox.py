"""The omnibox of every page: where typed text leads, and what it could mean while it is being typed."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

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
MAX_RECIPE_NAME_SHOWN = 60
MAX_CODES_IN_ADDRESS = 5_000  # characters, a comma three bytes each
MAX_TEXT_IN_ADDRESS = 600  # characters, nine bytes each at worst: web servers take 8,000 or so


@needs("edit_tickets", "GET")
def go(request: UserRequest) -> HttpResponse:
    """Redirect to what the text means: a ticket, a status, several tickets, or a search; never an error."""
    typed = request.GET.get("q", "").strip()
    codes = omnibox.known_codes(current_index(), typed)
    names = get_choices(ask=False).statuses.names
    return _leads_to(request, omnibox.understand(typed, names, codes))


def long_text_leads_to(request: UserRequest, typed: str) -> HttpResponse | None:
    """Redirect to what a long text from the box means; None for a list of codes, which is used whole."""
    index = current_index()
    codes = omnibox.known_codes(index, typed)
    found = omnibox.codes_in(typed, codes)
    is_too_long = len(found) == omnibox.MAX_CODES or len(",".join(found)) > MAX_CODES_IN_ADDRESS
    if is_too_long or omnibox.is_list_of_codes(index, typed):
        return None
    return _leads_to(request, omnibox.understand(typed, get_choices(ask=False).statuses.names, codes))


def _leads_to(request: UserRequest, typed: omnibox.OmniboxMeaning) -> HttpResponse:
    match typed:
        case omnibox.OneTicket(code=code):
            return redirect("ticket", code)
        case omnibox.StatusChange(code=code, status=status):
            return redirect(reverse("quick_status", args=[code], query={"to": status}))
        case omnibox.NamedRecipe(codes=codes, name=name):
            return _recipe_leads_to(request, codes, name)
        case omnibox.ManyTickets(codes=codes):
            return _codes_lead_to(codes, request.user)
        case omnibox.CodeAndWords() if not _finds_any(typed.text):
            return redirect(reverse("quick_status", args=[typed.code], query={"to": typed.words}))
        case omnibox.SearchWords(text=text) if only := _only_ticket_of(text):
            return redirect("ticket", only)
        case omnibox.SearchWords(text=text) | omnibox.CodeAndWords(text=text):
            return redirect(reverse("tickets", query={"text": text[:MAX_TEXT_IN_ADDRESS]} if text else None))


def _codes_lead_to(codes: Sequence[str], user: User, **query: int) -> HttpResponse:
    """Go to the one ticket, to a bulk update of several, or to their list if the user may not run one."""
    if len(codes) == 1:
        return redirect("ticket", codes[0])
    route = "bulk_new" if user.may("run_bulk_updates") else "tickets"
    return redirect(reverse(route, query={"codes": ",".join(codes), **query}))


def _recipe_leads_to(request: UserRequest, codes: Sequence[str], name: str) -> HttpResponse:
    """Go to the tickets with the recipe filled in, or say why it is not; without a name to the recipes."""
    user = request.user
    if not name:
        return redirect("recipes")
    found = recipes_named(user, name)
    if problem := _why_no_recipe(found, name, is_bulk=len(codes) > 1, user=user):
        messages.warning(request, problem)
        return _codes_lead_to(codes, user)
    if len(codes) > 1:
        return _codes_lead_to(codes, user, recipe=found[0].pk)
    return redirect(reverse("ticket_recipe", args=codes, query={"recipe": found[0].pk}))


def _why_no_recipe(found: Sequence[Recipe], name: str, *, is_bulk: bool, user: User) -> str:
    """Return why no recipe can be filled in, "" if one can."""
    shown = Truncator(name).chars(MAX_RECIPE_NAME_SHOWN)
    if not found:
        return _("You have no recipe whose name begins with “%(name)s”.") % {"name": shown}
    if len(found) > 1:
        return _("Several recipes have a name that begins with “%(name)s”: choose one.") % {"name": shown}
    if is_bulk and not user.may("run_bulk_updates"):
        return _("A recipe for several tickets is a bulk update, which your role does not allow.")
    return ""


def _finds_any(text: str) -> bool:
    """Return whether any ticket holds the words of a text, as one has its own code and title."""
    return bool(read_page(Query(current_index(), ListFilters(text=text)), size=1).rows)


def _only_ticket_of(text: str) -> str:
    """Return the code of the one ticket with this telephone number or e-mail, else ""."""
    if not is_contact(text):
        return ""
    rows = read_page(Query(current_index(), ListFilters(text=text)), size=2).rows
    return rows[0].code if len(rows) == 1 and rows[0].missing_at is None else ""


@needs("edit_tickets", "GET")
def suggest(request: UserRequest) -> HttpResponse:
    """Return what the typed text could mean, as options of the box's list; no remote call."""
    typed, user, index = request.GET.get("q", "").strip(), request.user, current_index()
    known = omnibox.known_codes(index, typed)
    statuses = get_statuses(get_choices(ask=False))
    names = [one.name for one in statuses.all]
    first, _space, rest = typed.partition(" ")
    code = known.code_meant(first)
    wanted = omnibox.matching_statuses(rest, names) if rest.strip() else names
    many = omnibox.codes_in(typed, known)
    found = _best(Query(index, ListFilters(text=typed))) if typed else []
    is_no_status = bool(code and rest.strip() and names) and not (wanted or found or "/" in rest)
    page = Suggestions(
        typed=typed,
        codes=many if len(many) > 1 else (),
        code=code if code and (not rest.strip() or wanted) else omnibox.only_code_in(typed, known),
        statuses=[statuses.named(name) for name in wanted][:SUGGESTED_STATUSES] if code else [],
        recipes=_suggested_recipes(typed, known, user),
        no_status=rest.strip() if is_no_status and len(many) == 1 else "",
        listed=[row for row in found if row.code != code][: omnibox.SUGGESTED],
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


def _best(query: Query) -> Sequence[IndexedTicket]:
    """Return the best matches for a text, last changed first: one more than are suggested."""
    return read_page(query, size=omnibox.SUGGESTED + 1).rows
