"""Filling a ticket's form: by a recipe, which “apply and save” also saves, and by snippets."""

import uuid
from contextlib import suppress

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from ticketadmin.converters import whole_number
from ticketadmin.forms.recipes import as_posted, filled_form, typed_in
from ticketadmin.forms.snippets import box_for_snippet, further_box
from ticketadmin.forms.tickets import TicketForm, query_of, submission_of
from ticketadmin.models import Recipe
from ticketadmin.presenters.recipes import describe_filled, describe_held_back
from ticketadmin.presenters.ticket_page import Beside, preview_of
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.drafts.drafts import NEW_VALUE, restore_draft
from ticketadmin.services.recipes.fill import Filled, KnownTicket, Moment, fill
from ticketadmin.services.recipes.keep import find_recipe
from ticketadmin.services.recipes.recipe import changes_of, placeholders_in
from ticketadmin.services.recipes.stops import RECIPE_GONE, Stop
from ticketadmin.services.saving.save import open_ticket
from ticketadmin.services.values.fields import CUSTOM_PREFIX
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.snippets.inserting import insert_snippet, wanted_box
from ticketadmin.views.tickets.responses import cannot_open_page, ticket_page, wrong_base_page
from ticketadmin.views.tickets.ticket import form_in, keep_typed, save_form


@needs("edit_tickets", "GET", "POST")
def ticket_recipe(request: UserRequest, code: str) -> HttpResponse:
    """Fill a recipe into the ticket's form, as posted or as it is opened now. GET writes nothing."""
    data = request.POST if request.method == "POST" else request.GET
    recipe = find_recipe(request.user, whole_number(data.get("recipe", "")))
    return _posted(request, code, recipe) if request.method == "POST" else _opened(request, code, recipe)


def _opened(request: UserRequest, code: str, recipe: Recipe | None) -> HttpResponse:
    try:
        opened = open_ticket(code, user=request.user)
    except TicketApiError as error:
        return cannot_open_page(request, code, error)
    draft = restore_draft(request.user, opened)
    form = as_posted(draft.base if draft else opened.base, opened.schema, draft.inputs if draft else {})
    return _fill(request, form, recipe, opened.read)


def _posted(request: UserRequest, code: str, recipe: Recipe | None) -> HttpResponse:
    form, submission = form_in(request, code), submission_of(request.POST)
    if form is None or submission is None:
        return wrong_base_page(request, code)
    keep_typed(request, form.base)
    return _fill(request, form, recipe, submission=submission if request.POST.get("then") == "save" else None)


def _fill(
    request: UserRequest,
    form: TicketForm,
    recipe: Recipe | None,
    read: ReadTicket | None = None,
    submission: uuid.UUID | None = None,
) -> HttpResponse:
    """Show the form with the recipe filled in; with a submission, save what the recipe says.

    If anything else was typed, nothing is saved: the form is only shown.
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
    beside = Beside(read=read, preview=preview_of(shown, request.user), notice=notice)
    return ticket_page(request, shown, beside, status=status)


def _typed_names(form: TicketForm) -> list[str]:
    typed = typed_in(form)
    others = [one.name for one in form.schema.fields.values() if typed.touches(one, form.base.values)]
    return others + ([CUSTOM_PREFIX + form.new_custom_key] if form.new_custom_key.strip() else [])


def _filled(request: UserRequest, form: TicketForm, recipe: Recipe | None, read: ReadTicket | None) -> Filled:
    if recipe is None:
        return Filled(problems=(Stop("", RECIPE_GONE),))
    changes = changes_of(recipe.changes)
    names = frozenset[str]().union(*(placeholders_in(text) for one in changes for text in one.texts))
    customer = _customer(form, read) if "customer" in names else ""
    ticket = KnownTicket(form.base.code, form.base.values, form.schema, customer)
    moment = Moment.of(request.user, timezone.localdate())
    return fill(changes, ticket, moment, typed_in(form))


def _customer(form: TicketForm, read: ReadTicket | None) -> str:
    """Return the customer's name. A posted form does not carry it, so the ticket is read once more."""
    if read is None and form.base.was_read:
        with suppress(CannotRead, TicketApiError):
            read = read_ticket(form.base.code, form.schema.choices)
    return (read.account_name or "") if read else ""


@needs("edit_tickets", "POST")
def ticket_snippet(request: UserRequest, code: str) -> HttpResponse:
    """Show the posted form with the snippets to choose from, or with the chosen one in the box `into`."""
    form = form_in(request, code)
    if form is None:
        return wrong_base_page(request, code)
    keep_typed(request, form.base)
    into = wanted_box(request.POST)
    box = further_box(request.POST) if into == NEW_VALUE else box_for_snippet(form, into)
    next_step = _("Look at what would be sent, then save.")
    step = insert_snippet(request, box, code=code, next_step=next_step, data=query_of(form.data))
    shown = TicketForm(step.data, base=form.base, schema=form.schema, is_first_asked=form.is_first_asked)
    shown.is_valid()  # so that the page knows what was typed, and shows errors at their boxes
    beside = Beside(notice=step.notice, snippets=step.choice)
    return ticket_page(request, shown, beside, status=step.status)
