"""A recipe on one ticket: filled into the form, or saved directly by “apply and save”."""

import uuid
from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ticketadmin.forms.recipes import as_posted, filled_form, typed_in
from ticketadmin.forms.tickets import TicketForm, keep_as_draft, posted_form
from ticketadmin.models import Recipe
from ticketadmin.presenters.recipes import describe_filled, describe_held_back
from ticketadmin.presenters.ticket_page import preview_of
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.drafts.drafts import TooManyDrafts, restore_draft
from ticketadmin.services.recipes.fill import Filled, KnownTicket, Moment, fill
from ticketadmin.services.recipes.keep import find_recipe
from ticketadmin.services.recipes.recipe import changes_of, placeholders_in
from ticketadmin.services.recipes.stops import RECIPE_GONE, Stop
from ticketadmin.services.saving.form_base import WrongBase
from ticketadmin.services.saving.save import open_ticket
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.tickets.responses import (
    Beside,
    cannot_open_page,
    ticket_page,
    wrong_base_page,
)
from ticketadmin.views.tickets.ticket import save_form


@needs("edit_tickets")
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_recipe(request: HttpRequest, code: str) -> HttpResponse:
    """Fill a recipe into the ticket's form: as it was posted, or as it is opened now. GET writes nothing."""
    data = request.POST if request.method == "POST" else request.GET
    recipe = find_recipe(person_of(request), data.get("recipe", ""))
    return _posted(request, code, recipe) if request.method == "POST" else _opened(request, code, recipe)


def _opened(request: HttpRequest, code: str, recipe: Recipe | None) -> HttpResponse:
    user = person_of(request)
    try:
        opened = open_ticket(code, actor=user)
    except TicketApiError as error:
        return cannot_open_page(request, code, error)
    draft = restore_draft(user, opened)
    form = as_posted(draft.base if draft else opened.base, opened.schema, draft.inputs if draft else {})
    return _fill(request, form, recipe, opened.read)


def _posted(request: HttpRequest, code: str, recipe: Recipe | None) -> HttpResponse:
    user = person_of(request)
    try:
        form = posted_form(request.POST, code=code, person=user, choices=get_choices())
        submission = uuid.UUID(request.POST.get("submission", ""))
    except (WrongBase, ValueError):
        return wrong_base_page(request, code)
    with suppress(TooManyDrafts):
        keep_as_draft(request.POST, form.base, actor=user)
    return _fill(request, form, recipe, submission=submission if request.POST.get("then") == "save" else None)


def _fill(
    request: HttpRequest,
    form: TicketForm,
    recipe: Recipe | None,
    read: ReadTicket | None = None,
    submission: uuid.UUID | None = None,
) -> HttpResponse:
    """Show the form with the recipe filled in; with a submission, save what the recipe says.

    With anything else typed, nothing is saved: the form is only shown.
    """
    filled, name = _filled(request, form, recipe, read), recipe.name if recipe else ""
    notice, shown = describe_filled(name, filled, form.schema), filled_form(form, filled)
    if submission and filled.names and not filled.problems:
        others = _typed_names(form)
        if not others:
            return save_form(request, shown, submission)
        left = [one for one in others if one not in filled.kept]
        notice = describe_held_back(name, filled, left, form.schema)
    status = 200 if shown.is_valid() and not filled.problems else 422
    beside = Beside(read=read, preview=preview_of(shown, person_of(request)), notice=notice)
    return ticket_page(request, shown, beside, status=status)


def _typed_names(form: TicketForm) -> list[str]:
    typed = typed_in(form)
    others = [one.name for one in form.schema.fields.values() if typed.touches(one, form.base.values)]
    return others + ([CUSTOM_PREFIX + form.new_custom_key] if form.new_custom_key.strip() else [])


def _filled(
    request: HttpRequest, form: TicketForm, recipe: Recipe | None, read: ReadTicket | None = None
) -> Filled:
    if recipe is None:
        return Filled(problems=(Stop("", RECIPE_GONE),))
    changes = changes_of(recipe.changes)
    names = frozenset[str]().union(*(placeholders_in(text) for one in changes for text in one.texts))
    customer = _customer(form, read) if "customer" in names else ""
    ticket = KnownTicket(form.base.code, form.base.values, form.schema, customer)
    moment = Moment.of(person_of(request), timezone.localdate())
    return fill(changes, ticket, moment, typed_in(form))


def _customer(form: TicketForm, read: ReadTicket | None) -> str:
    """Return the customer's name: read once more for a posted form, which does not carry it."""
    if read is None and form.base.was_read:
        with suppress(CannotRead, TicketApiError):
            read = read_ticket(form.base.code, form.schema.choices)
    return (read.account_name or "") if read else ""
