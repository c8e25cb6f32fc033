"""Keeping, discarding and restoring drafts. A draft is visible to its user alone."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone

from ticketadmin.forms.tickets import keep_as_draft
from ticketadmin.models import User
from ticketadmin.services.drafts.drafts import TooManyDrafts, bring_back_draft, discard_draft
from ticketadmin.services.saving.form_base import WrongBase, load_base, load_owned_base
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.redirects import see_other


@needs("edit_tickets", "POST")
def keep(request: UserRequest, code: str) -> HttpResponse:
    """Store the posted form as a draft; the answer says when."""
    try:
        base = load_base(request.POST.get("base", ""), code=code, user=request.user)
    except WrongBase:
        keep_without_session(code, request.POST)
        return JsonResponse({"state": "foreign"}, status=409)
    try:
        draft = keep_as_draft(request.POST, base, user=request.user)
    except TooManyDrafts:
        return JsonResponse({"state": "full"}, status=422)  # the page keeps it in the browser
    if draft is None:
        return JsonResponse({"state": "clean"})
    return JsonResponse({"state": "kept", "at": timezone.localtime(draft.updated_at).strftime("%H:%M")})


@needs("edit_tickets", "POST")
def discard(request: UserRequest, code: str) -> HttpResponse:
    """Discard the draft and show the ticket."""
    discard_draft(request.user, code)
    return see_other(reverse("ticket", args=[code]) + "?discarded=1")


@needs("edit_tickets", "POST")
def bring_back(request: UserRequest, code: str) -> HttpResponse:
    """Show the ticket with the draft that was discarded."""
    bring_back_draft(request.user, code)
    return see_other(reverse("ticket", args=[code]))


def keep_without_session(code: str, data: QueryDict) -> User | None:
    """Keep a form that was posted after its user's session ended, for that user alone, who is returned.

    The signed base names the user, who alone sees the draft after the next sign-in. A form that is older than
    a session can be, or whose user has since been signed out everywhere, is not kept: None.
    """
    max_age = timedelta(hours=settings.SESSION_HOURS)
    try:
        base, owner = load_owned_base(data.get("base", ""), code=code, max_age=max_age)
        if not owner.may("edit_tickets"):
            return None
        keep_as_draft(data, base, user=owner)
    except (WrongBase, TooManyDrafts):
        return None
    return owner
