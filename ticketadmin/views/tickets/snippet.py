"""A snippet inserted without scripts: chosen on the page, added at the end of a box. Nothing is sent."""

from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ticketadmin.converters import whole_number
from ticketadmin.forms.snippets import box_for_snippet, with_snippet
from ticketadmin.forms.tickets import TicketForm, keep_as_draft, posted_form
from ticketadmin.presenters.snippets import SnippetChoice, describe_inserted, present_snippets
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.drafts.drafts import TooManyDrafts
from ticketadmin.services.saving.form_base import WrongBase
from ticketadmin.services.snippets.keep import find_snippet, snippets_for
from ticketadmin.services.snippets.snippet import Insertion
from ticketadmin.services.snippets.use import insertion_for
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.tickets.responses import Beside, ticket_page, wrong_base_page


@needs("edit_tickets")
@require_POST
def ticket_snippet(request: HttpRequest, code: str) -> HttpResponse:
    """Show the posted form with the snippets to choose from, or with the chosen one in the box `into`."""
    user = person_of(request)
    try:
        form = posted_form(request.POST, code=code, person=user, choices=get_choices())
    except WrongBase:
        return wrong_base_page(request, code)
    with suppress(TooManyDrafts):
        keep_as_draft(request.POST, form.base, actor=user)
    box = box_for_snippet(form, request.POST.get("into", ""))
    if box is None:
        raise Http404
    if "snippet" not in request.POST:
        options = present_snippets(snippets_for(user))
        return _page(request, form, Beside(snippets=SnippetChoice(box.name, str(box.label), options)))
    one = find_snippet(user, whole_number(request.POST["snippet"]) or 0)
    found = insertion_for(one, user=user, code=code, today=timezone.localdate()) if one else Insertion()
    notice = describe_inserted(one.name if one else "", found, str(box.label))
    if found.problems or one is None:
        return _page(request, form, Beside(notice=notice), status=422)
    return _page(request, with_snippet(form, box, found), Beside(notice=notice))


def _page(request: HttpRequest, form: TicketForm, beside: Beside, status: int = 200) -> HttpResponse:
    form.is_valid()  # so that the page knows what was typed; what is wrong is shown at its box
    return ticket_page(request, form, beside, status=status)
