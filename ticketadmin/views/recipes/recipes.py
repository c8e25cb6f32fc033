"""The list of recipes, and the page where one is written."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ticketadmin.forms.recipes import RecipeForm, described_schema
from ticketadmin.models import Recipe, User
from ticketadmin.presenters.recipes import RecipePage, RecipesPage, present_recipes
from ticketadmin.presenters.snippets import recipe_tabs
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.recipes.keep import delete_recipe, recipes_for
from ticketadmin.services.recipes.sharing import SHARING
from ticketadmin.services.values.schema import load_schema
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other


@needs("edit_tickets")
@require_safe
def recipes(request: HttpRequest) -> HttpResponse:
    """Show one's own recipes and the shared ones, with what no longer works in them."""
    user = person_of(request)
    found = present_recipes(recipes_for(user), user, load_schema(get_choices()))
    own, shared = [one for one in found if one.is_own], [one for one in found if not one.is_own]
    return show(request, RecipesPage(own, shared, recipe_tabs("recipes")))


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def recipe_new(request: HttpRequest) -> HttpResponse:
    """Write a recipe."""
    return _edit(request, None)


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def recipe(request: HttpRequest, recipe: int) -> HttpResponse:
    """Change a recipe of one's own."""
    return _edit(request, _own(person_of(request), recipe))


@needs("edit_tickets")
@require_POST
def recipe_delete(request: HttpRequest, recipe: int) -> HttpResponse:
    """Delete a recipe of one's own."""
    user = person_of(request)
    one = _own(user, recipe)
    delete_recipe(user, one)
    messages.success(request, _("The recipe “%(name)s” is deleted.") % {"name": one.name})
    return see_other(reverse("recipes"))


def _edit(request: HttpRequest, one: Recipe | None) -> HttpResponse:
    user = person_of(request)
    form = RecipeForm(
        request.POST if request.method == "POST" else None,
        schema=described_schema(load_schema(get_choices())),
        may_share=user.may(SHARING) or bool(one and one.is_shared),
        recipe=one,
    )
    if form.is_valid() and (kept := form.save(user)):
        messages.success(request, _("The recipe “%(name)s” is saved.") % {"name": kept.name})
        return see_other(reverse("recipes"))
    return show(request, RecipePage(form, one), status=422 if form.errors else 200)


def _own(user: User, number: int) -> Recipe:
    if number >= 2**63:
        raise Http404
    return get_object_or_404(Recipe, pk=number, owner=user)
