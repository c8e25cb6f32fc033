"""The list of snippets, and the pages where one is written, read and deleted."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ticketadmin.forms.snippets import SnippetForm
from ticketadmin.models import Snippet, User
from ticketadmin.presenters.content import display_content
from ticketadmin.presenters.snippets import present_snippets, recipe_tabs
from ticketadmin.services.people.access import Forbidden
from ticketadmin.services.recipes.sharing import SHARING, NameTaken, TooMany
from ticketadmin.services.snippets.keep import (
    MAX_SHOWN,
    MAX_SNIPPETS,
    delete_snippet,
    find_snippet,
    keep_snippet,
    snippets_for,
)
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.redirects import see_other


@needs("edit_tickets")
@require_safe
def snippets(request: HttpRequest) -> HttpResponse:
    """Show one's own snippets and the shared ones."""
    found = present_snippets(snippets_for(person_of(request)))
    context = {
        "own": [one for one in found if not one.owner],
        "shared": [one for one in found if one.owner],
        "may_export": bool(found),
        "may_be_more": len(found) == MAX_SHOWN,
        "most_shown": MAX_SHOWN,
        "tabs": recipe_tabs("snippets"),
    }
    return render(request, "snippets/snippets.html", context)


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
    return render(request, "snippets/shared.html", {"snippet": one, "content": display_content(one.content)})


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def snippet_delete(request: HttpRequest, snippet: int) -> HttpResponse:
    """Ask whether a snippet of one's own is to be deleted, and delete it."""
    user = person_of(request)
    one = _own(user, snippet)
    if request.method != "POST":
        context = {"snippet": one, "content": display_content(one.content)}
        return render(request, "snippets/delete.html", context)
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
    if request.method != "POST":
        return _page(request, form, one)
    if not form.is_valid():
        return _page(request, form, one, 422)
    try:
        kept = keep_snippet(user, form.text, snippet=one)
    except Forbidden as error:
        raise PermissionDenied from error
    except TooMany:
        message = _("You have %(most)d snippets, which is the most. Delete one, then try again.")
        form.add_error(None, message % {"most": MAX_SNIPPETS})
    except NameTaken:
        form.add_error("name", _("You have another snippet of this name. Choose another name."))
    else:
        messages.success(request, _("The snippet “%(name)s” is saved.") % {"name": kept.name})
        return see_other(reverse("snippets"))
    return _page(request, form, one, 422)


def _page(request: HttpRequest, form: SnippetForm, one: Snippet | None, status: int = 200) -> HttpResponse:
    address = reverse("snippet", args=[one.pk]) if one else reverse("snippet_new")
    return render(
        request, "snippets/snippet.html", {"form": form, "snippet": one, "address": address}, status=status
    )


def _own(user: User, number: int) -> Snippet:
    one = find_snippet(user, number)
    if one is None or one.owner_id != user.pk:
        raise Http404
    return one
