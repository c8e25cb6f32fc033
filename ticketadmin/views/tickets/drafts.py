"""A person's unsaved text on its way to the server and back. Drafts are private to their person."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ticketadmin.forms.tickets import keep_as_draft
from ticketadmin.models import Draft, User
from ticketadmin.services.drafts.drafts import bring_back_draft, discard_draft
from ticketadmin.services.saving.form_base import WrongBase, load_base, load_owned_base
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.redirects import see_other

# How long after its page was rendered a form may still be kept for its person without a session.
KEPT_AFTER_SESSION = timedelta(days=2)


@needs("edit_tickets")
@require_POST
def keep(request: HttpRequest, code: str) -> HttpResponse:
    """Keep the posted form; answers what is kept since when."""
    try:
        base = load_base(request.POST.get("base", ""), code=code, person=person_of(request))
    except WrongBase:
        keep_without_session(code, request.POST)
        return JsonResponse({"state": "foreign"}, status=409)
    return JsonResponse(_state_of(keep_as_draft(request.POST, base, actor=person_of(request))))


@needs("edit_tickets")
@require_POST
def discard(request: HttpRequest, code: str) -> HttpResponse:
    """Put the draft aside and show the ticket as it is."""
    discard_draft(person_of(request), code)
    return see_other(reverse("ticket", args=[code]) + "?discarded=1")


@needs("edit_tickets")
@require_POST
def bring_back(request: HttpRequest, code: str) -> HttpResponse:
    """Show the ticket with the draft that was discarded."""
    bring_back_draft(person_of(request), code)
    return see_other(reverse("ticket", args=[code]))


def keep_without_session(code: str, data: QueryDict) -> bool:
    """Keep a form that was posted after its person's session ended, for that person alone.

    The signed base says whose form it is. Whoever signs in next cannot see it unless it is them.
    """
    try:
        base, owner = load_owned_base(data.get("base", ""), code=code, max_age=KEPT_AFTER_SESSION)
        person = User.objects.get(pk=owner, is_active=True)
    except (WrongBase, User.DoesNotExist):
        return False
    if not person.may("edit_tickets"):
        return False
    keep_as_draft(data, base, actor=person)
    return True


def _state_of(draft: Draft | None) -> dict[str, str]:
    if draft is None:
        return {"state": "clean"}
    return {"state": "kept", "at": timezone.localtime(draft.updated_at).strftime("%H:%M")}
