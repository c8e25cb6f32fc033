"""The pages of recipes and snippets, two tabs of one screen: listing, editing, deleting."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from ticketadmin.forms.recipes import RecipeForm, described_schema
from ticketadmin.forms.snippets import SnippetForm
from ticketadmin.models import Recipe, Snippet, User
from ticketadmin.presenters.recipes import RecipePage, RecipesPage, present_recipes
from ticketadmin.presenters.snippets import (
    DeleteSnippetPage,
    SharedSnippetPage,
    SnippetPage,
    SnippetsPage,
    present_snippets,
    recipe_tabs,
)
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.recipes.keep import recipes_for
from ticketadmin.services.recipes.sharing import SHARING, delete_own
from ticketadmin.services.snippets.keep import MAX_SNIPPET_QUERY, find_snippet, search_snippets, snippets_for
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed


@needs("edit_tickets", "GET")
def recipes(request: UserRequest) -> HttpResponse:
    """Show the recipes of the user and the shared ones, with what no longer works in them."""
    found = present_recipes(recipes_for(request.user), request.user, load_schema(get_choices()))
    own, shared = [one for one in found if one.is_own], [one for one in found if not one.is_own]
    return show(request, RecipesPage(own, shared, recipe_tabs("recipes")))


@needs("edit_tickets", "GET", "POST")
def recipe(request: UserRequest, recipe: int | None = None) -> HttpResponse:
    """Create or change a recipe of the user."""
    one = None if recipe is None else get_object_or_404(Recipe, pk=recipe, owner=request.user)
    form = RecipeForm(
        request.POST if request.method == "POST" else None,
        schema=described_schema(load_schema(get_choices())),
        may_share=_may_share(request.user, one),
        recipe=one,
    )
    if form.is_valid() and (kept := form.save(request.user)):
        return confirmed(request, _("The recipe “%(name)s” was saved.") % {"name": kept.name}, "recipes")
    return show(request, RecipePage(form, one), status=422 if form.errors else 200)


@needs("edit_tickets", "POST")
def recipe_delete(request: UserRequest, recipe: int) -> HttpResponse:
    """Delete a recipe of the user."""
    one = get_object_or_404(Recipe, pk=recipe, owner=request.user)
    delete_own(request.user, one)
    return confirmed(request, _("The recipe “%(name)s” was deleted.") % {"name": one.name}, "recipes")


@needs("edit_tickets", "GET")
def snippets(request: UserRequest) -> HttpResponse:
    """Show the snippets of the user and the shared ones, or those that contain the `words` of the address."""
    user, words = request.user, request.GET.get("words", "").strip()[:MAX_SNIPPET_QUERY]
    found = search_snippets(user, words) if words else snippets_for(user)
    rows = present_snippets(found.rows)
    own, shared = [one for one in rows if not one.owner], [one for one in rows if one.owner]
    page = SnippetsPage(own, shared, recipe_tabs("snippets"), words, len(rows), found.has_more)
    return show(request, page)


@needs("edit_tickets", "GET", "POST")
def snippet(request: UserRequest, snippet: int | None = None) -> HttpResponse:
    """Create or change a snippet of the user; show a colleague's, cleaned again."""
    one = None if snippet is None else find_snippet(request.user, snippet)
    if one is None and snippet is not None:
        raise Http404
    if one and one.owner_id != request.user.pk:
        if request.method == "POST":
            raise PermissionDenied
        return show(request, SharedSnippetPage(one))
    data = request.POST if request.method == "POST" else None
    form = SnippetForm(data, may_share=_may_share(request.user, one), snippet=one)
    if form.is_valid() and (kept := form.save(request.user)):
        return confirmed(request, _("The snippet “%(name)s” was saved.") % {"name": kept.name}, "snippets")
    return show(request, SnippetPage(form, one), status=422 if form.errors else 200)


@needs("edit_tickets", "GET", "POST")
def snippet_delete(request: UserRequest, snippet: int) -> HttpResponse:
    """Delete a snippet of the user, once confirmed."""
    one = get_object_or_404(Snippet, pk=snippet, owner=request.user)
    if request.method != "POST":
        return show(request, DeleteSnippetPage(one))
    delete_own(request.user, one)
    return confirmed(request, _("The snippet “%(name)s” was deleted.") % {"name": one.name}, "snippets")


def _may_share(user: User, one: Recipe | Snippet | None) -> bool:
    return user.may(SHARING) or bool(one and one.is_shared)
