"""A snippet inserted into a ticket's form without scripts. Nothing is sent."""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ticketadmin.forms.snippets import box_for_snippet, further_box
from ticketadmin.forms.tickets import TicketForm, keep_as_draft, posted_form, query_of
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.drafts.drafts import NEW_VALUE, TooManyDrafts
from ticketadmin.services.saving.form_base import WrongBase
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.snippets.inserting import insert_snippet, wanted_box
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
    into = wanted_box(request.POST)
    box = further_box(request.POST) if into == NEW_VALUE else box_for_snippet(form, into)
    next_step = _("Look at what would be sent, then save.")
    step = insert_snippet(request, box, code=code, next_step=next_step, data=query_of(form.data))
    shown = TicketForm(step.data, base=form.base, schema=form.schema, is_first_asked=form.is_first_asked)
    shown.is_valid()  # so that the page knows what was typed; what is wrong is shown at its box
    beside = Beside(notice=step.notice, snippets=step.choice)
    return ticket_page(request, shown, beside, status=step.status)
