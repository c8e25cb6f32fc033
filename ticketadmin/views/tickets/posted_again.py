"""A ticket's form as it was posted, repeated on a page while the database is away, so that no input is lost.

Nothing here may use the database, the session or the cache. The form's signed base names the ticket and the
user, and its own token and submission make a second post as safe as the first.
"""

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy

from ticketadmin.presenters.error_pages import PostedAgain, TypedText
from ticketadmin.services.drafts.drafts import NEW_KEY, NEW_VALUE
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.form_base import WrongBase, load_signed_base
from ticketadmin.services.values.inputs import is_as_shown
from ticketadmin.services.values.schema import TicketSchema

_LABELS = {CHANGE_REASON: gettext_lazy("Reason for the change")}
ROUTES = frozenset({"ticket", "ticket_preview"})


def posted_again(request: HttpRequest) -> PostedAgain | None:
    """Return the form of a ticket that this request posted, or None if it posted none."""
    try:
        match = resolve(request.path_info)
        if request.method != "POST" or match.url_name not in ROUTES:
            return None
        base = load_signed_base(request.POST.get("base", ""), code=str(match.kwargs["code"]))
    except (Resolver404, WrongBase):
        return None
    schema, typed = TicketSchema(), []
    for name, texts in request.POST.lists():
        is_field = name in schema or name in {NEW_KEY, NEW_VALUE, CHANGE_REASON}
        if is_field and not is_as_shown(schema.field(name), texts, base.values.get(name)):
            typed.append(
                TypedText(_LABELS.get(name, schema.field(name).label), "\n".join(filter(None, texts)))
            )
    values = tuple((name, text) for name, texts in request.POST.lists() for text in texts)
    return PostedAgain(request.path, values, tuple(typed))
