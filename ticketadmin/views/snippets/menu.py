"""What scripts ask for: the menu of snippets, and what one of them inserts here. Nothing is written."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from ticketadmin.presenters.snippets import SnippetOptions, present_snippets
from ticketadmin.services.snippets.keep import find_snippet, search_snippets, snippets_for
from ticketadmin.services.snippets.use import insertion_for
from ticketadmin.ticketapi.client import CODE
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.pages import show


@needs("edit_tickets")
@require_safe
def snippet_menu(request: HttpRequest) -> HttpResponse:
    """Return the options of the menu as a fragment; `ticket` names the ticket, where there is one.

    With `words` those that contain them, with `name` those whose names do: more exist than the menu holds.
    """
    user, asked = person_of(request), request.GET
    if words := asked.get("words", "") or asked.get("name", ""):
        found = search_snippets(user, words, in_names="words" not in asked)
    else:
        found = snippets_for(user)
    return show(request, SnippetOptions(present_snippets(found.rows), _code(request), found.has_more))


@needs("edit_tickets")
@require_safe
def snippet_text(request: HttpRequest, snippet: int) -> HttpResponse:
    """Return `{"html", "text", "isHtml"}`: what the snippet inserts into rich text and into other boxes.

    422 with `{"problem"}`, a sentence, where a placeholder has no value here. No remote call.
    """
    user = person_of(request)
    one = find_snippet(user, snippet)
    if one is None:
        raise Http404
    found = insertion_for(one, user=user, code=_code(request), today=timezone.localdate())
    if found.problems:
        return JsonResponse({"problem": " ".join(found.problems)}, status=422)
    return JsonResponse({"html": found.html, "text": found.text, "isHtml": found.is_html})


def _code(request: HttpRequest) -> str:
    code = request.GET.get("ticket", "")
    return code if CODE.fullmatch(code) else ""
