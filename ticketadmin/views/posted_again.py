"""A form as it was posted, repeated on a page where it could not be taken, so that no input is lost.

Nothing here may use the database, the session or the cache: the page may be about their being away. Nothing
is kept on the server. Only forms in which users write are repeated, so a password or an uploaded file never
is. A ticket's form has a signed base that names the ticket and the user, and its submission makes a second
post as safe as the first.
"""

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.presenters.error_pages import PostedAgain, TypedText
from ticketadmin.services.drafts.drafts import NEW_KEY, NEW_VALUE
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.form_base import WrongBase, load_signed_base
from ticketadmin.services.values.inputs import is_as_shown
from ticketadmin.services.values.schema import TicketSchema

_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of Django's box
_WITH_BASE = frozenset({"ticket", "ticket_preview", "ticket_recipe", "ticket_snippet"})
_WITHOUT_BASE = frozenset(
    "quick_status undo restore keep_view bulk_new bulk bulk_action recipe recipe_new snippet snippet_new"
    " erasing".split()
)
# The boxes besides the fields of a ticket in which users write, in any of these forms.
_LABELS: dict[str, str | Promise] = {
    CHANGE_REASON: _("Reason for the change"),
    "codes": _("Ticket codes"),
    "content": _("Text"),
    "name": _("Name"),
    "subject": _("Ticket code or e-mail address"),
    NEW_KEY: _("Key"),
    NEW_VALUE: _("Value"),
}


def posted_again(request: HttpRequest) -> PostedAgain | None:
    """Return the form that this request posted, or None if it has no typed text to be sent again."""
    try:
        match = resolve(request.path_info)
        if request.method != "POST" or match.url_name not in _WITH_BASE | _WITHOUT_BASE:
            return None
        code = str(match.kwargs.get("code", ""))
        has_base = match.url_name in _WITH_BASE
        base = load_signed_base(request.POST.get("base", ""), code=code) if has_base else None
    except (Resolver404, WrongBase):
        return None
    schema, typed = TicketSchema(), []
    for name, texts in request.POST.lists():
        if name not in schema and name not in _LABELS:
            continue
        shown = base.values.get(name) if base else None
        if not is_as_shown(schema.field(name), texts, shown):
            label = _LABELS.get(name, schema.field(name).label)
            typed.append(TypedText(label, "\n".join(filter(None, texts))))
    if not (typed or base) or any(file for _name, file in request.FILES.items()):
        return None  # a form with a file cannot be repeated without it
    values = tuple((name, text) for name, texts in request.POST.lists() for text in texts if name != _TOKEN)
    return PostedAgain(request.get_full_path(), values, tuple(typed), token=request.POST.get(_TOKEN, ""))


def is_from_here(request: HttpRequest) -> bool:
    """Return whether a page of this tool sent the request: its browser says so, and no other site can."""
    ours = {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}
    return request.headers.get("Origin") in ours
