"""The list of snippets, and the pages where one is written, read and deleted."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ticketadmin.forms.snippets import SnippetForm
from ticketadmin.models import Snippet, User
from ticketadmin.presenters.snippets import (
    DeleteSnippetPage,
    SharedSnippetPage,
    SnippetPage,
    SnippetsPage,
    present_snippets,
    recipe_tabs,
)
from ticketadmin.services.recipes.sharing import SHARING
from ticketadmin.services.snippets.keep import (
    MAX_WORDS,
    delete_snippet,
    find_snippet,
    search_snippets,
    snippets_for,
)
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other


@needs("edit_tickets")
@require_safe
def snippets(request: HttpRequest) -> HttpResponse:
    """Show one's own snippets and the shared ones, or those that contain the `words` of the address."""
    user, words = person_of(request), request.GET.get("words", "").strip()[:MAX_WORDS]
    found = search_snippets(user, words) if words else snippets_for(user)
    rows = present_snippets(found.rows)
    own, shared = [one for one in rows if not one.owner], [one for one in rows if one.owner]
    return show(request, SnippetsPage(own, shared, recipe_tabs("snippets"), words, found.has_more))


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def snippet_new(request: HttpRequest) -> HttpResponse:
    """Write a snippet."""
    return _edit(request, None)


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def snippet(request: HttpRequest, snippet: int) -> HttpResponse:
    """Change a snippet of one's own; show a colleague's, cleaned once more."""
    user = person_of(request)
    one = find_snippet(user, snippet)
    if one is None:
        raise Http404
    if one.owner_id == user.pk:
        return _edit(request, one)
    if request.method == "POST":
        raise PermissionDenied
    return show(request, SharedSnippetPage(one))


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def snippet_delete(request: HttpRequest, snippet: int) -> HttpResponse:
    """Ask whether a snippet of one's own is to be deleted, and delete it."""
    user = person_of(request)
    one = _own(user, snippet)
    if request.method != "POST":
        return show(request, DeleteSnippetPage(one))
    delete_snippet(user, one)
    messages.success(request, _("The snippet “%(name)s” is deleted.") % {"name": one.name})
    return see_other(reverse("snippets"))


def _edit(request: HttpRequest, one: Snippet | None) -> HttpResponse:
    user = person_of(request)
    form = SnippetForm(
        request.POST if request.method == "POST" else None,
        may_share=user.may(SHARING) or bool(one and one.is_shared),
        snippet=one,
    )
    if form.is_valid() and (kept := form.save(user)):
        messages.success(request, _("The snippet “%(name)s” is saved.") % {"name": kept.name})
        return see_other(reverse("snippets"))
    return show(request, SnippetPage(form, one), status=422 if form.errors else 200)


def _own(user: User, number: int) -> Snippet:
    one = find_snippet(user, number)
    if one is None or one.owner_id != user.pk:
        raise Http404
    return one
