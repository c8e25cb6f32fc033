"""Inserting a snippet into any form: from a menu with scripts, or chosen on a page without them.

Without scripts, the button at a box posts the form with `into`, the box's name; the next page shows the form
as it was typed, with the snippets to choose from. Every view whose form has such a button calls
`wants_snippet` before it does anything else: then nothing is saved or sent.
"""

from dataclasses import dataclass, replace

from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.converters import whole_number
from ticketadmin.forms.change_reason import ReasonForm
from ticketadmin.forms.snippets import SnippetBox, box_for_snippet, with_snippet
from ticketadmin.presenters.outcomes import Notice
from ticketadmin.presenters.snippets import (
    ReasonPage,
    SnippetChoice,
    SnippetOptions,
    describe_inserted,
    present_snippets,
)
from ticketadmin.services.saving.sent_along import ACCEPT_LOSING
from ticketadmin.services.snippets.keep import (
    MAX_SNIPPETS_SHOWN,
    find_snippet,
    insertion_for,
    search_snippets,
    snippets_for,
)
from ticketadmin.services.snippets.snippet import Insertion
from ticketadmin.ticketapi.client import CODE
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.pages import show

INTO, MORE, AFTER, CHOSEN, OFFERED_FOR = "into", "more_for", "snippets_after", "snippet", "snippet_for"
CARRIED = ("submission", ACCEPT_LOSING)


@dataclass(frozen=True)
class SnippetStep:
    """The result of pressing such a button: the form's `data`, a choice or a notice, and the HTTP status."""

    data: QueryDict
    choice: SnippetChoice | None = None
    notice: Notice | None = None
    status: int = 200


def wants_snippet(data: QueryDict) -> bool:
    """Return whether the button pressed was one for snippets, not one that saves or sends."""
    return INTO in data or MORE in data


def wanted_box(data: QueryDict) -> str:
    """Return the name of the box into which a snippet is to be inserted."""
    return data.get(INTO) or data.get(MORE, "")


def insert_snippet(
    request: UserRequest,
    box: SnippetBox | None,
    *,
    next_step: str,
    code: str = "",
    data: QueryDict | None = None,
) -> SnippetStep:
    """Return the posted form with the snippets to choose from or with the chosen one in the box.

    `data` is the form as it is to be shown, if that is not what was posted. Raises Http404 without a box.
    """
    if box is None:
        raise Http404
    posted, user = request.POST, request.user
    data = posted if data is None else data
    # Another box's button may be pressed while the list is open: what the list shows was not chosen for it.
    is_for_another = posted.get(OFFERED_FOR, box.name) != box.name
    if MORE in posted or CHOSEN not in posted or is_for_another:
        after = whole_number(posted.get(AFTER, "")) or 0 if MORE in posted else 0
        found = snippets_for(user, after=after)
        following = after + MAX_SNIPPETS_SHOWN if found.has_more else 0
        choice = SnippetChoice(box.name, box.label, present_snippets(found.rows), following)
        return SnippetStep(data, choice)
    one = find_snippet(user, whole_number(posted[CHOSEN]) or 0)
    if one is None:
        return SnippetStep(data, notice=describe_inserted("", Insertion(), box.label, next_step), status=422)
    insertion = insertion_for(one, user=user, code=code, today=timezone.localdate())
    notice = describe_inserted(one.name, insertion, box.label, next_step)
    if insertion.problems:
        return SnippetStep(data, notice=notice, status=422)
    return SnippetStep(with_snippet(data, box, insertion), notice=notice)


def reason_page(request: UserRequest, page: ReasonPage) -> HttpResponse:
    """Show the reason typed for a change without a form of its own, with a snippet to choose or inserted."""
    step = insert_snippet(
        request,
        box_for_snippet(page.form, wanted_box(request.POST)),
        code=page.code,
        next_step=_("Look at the reason, then continue."),
    )
    carried = [(name, value) for name in CARRIED for value in request.POST.getlist(name)]
    page = replace(
        page, form=ReasonForm(step.data), carried=carried, snippets=step.choice, notice=step.notice
    )
    return show(request, page, status=step.status)


@needs("edit_tickets", "GET")
def snippet_menu(request: UserRequest) -> HttpResponse:
    """Return the options of the menu as a fragment; `ticket` names the ticket, if there is one.

    With `words`, only snippets that contain them; with `name`, only those whose names do. Scripts use these
    if there are more snippets than a menu holds.
    """
    user, asked = request.user, request.GET
    if words := asked.get("words", "") or asked.get("name", ""):
        found = search_snippets(user, words, in_names="words" not in asked)
    else:
        found = snippets_for(user)
    return show(request, SnippetOptions(present_snippets(found.rows), _ticket_in(request), found.has_more))


@needs("edit_tickets", "GET")
def snippet_text(request: UserRequest, snippet: int) -> HttpResponse:
    """Return `{"html", "text", "isHtml"}`: what the snippet inserts into rich text and into other boxes.

    422 with `{"problem"}`, a sentence, where a placeholder has no value here. No remote call.
    """
    one = find_snippet(request.user, snippet)
    if one is None:
        raise Http404
    found = insertion_for(one, user=request.user, code=_ticket_in(request), today=timezone.localdate())
    if found.problems:
        return JsonResponse({"problem": " ".join(found.problems)}, status=422)
    return JsonResponse({"html": found.html, "text": found.text, "isHtml": found.is_html})


def _ticket_in(request: UserRequest) -> str:
    code = request.GET.get("ticket", "")
    return code if CODE.fullmatch(code) else ""
