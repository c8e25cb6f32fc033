"""Erasing what is held of a ticket or an e-mail address: look first, then confirm. For administrators."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ticketadmin.forms.erasing import EraseForm
from ticketadmin.presenters.erasing import ErasingPage
from ticketadmin.services.erasing.erase import Found, StillOpen, Subject, erase, look_up
from ticketadmin.views.access import needs, person_of
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other


@needs("administer")
@require_http_methods(["GET", "HEAD", "POST"])
def erasing(request: HttpRequest) -> HttpResponse:
    """Show the box; a POST shows what is held, and one with `confirm` erases it."""
    form = EraseForm(request.POST or None)
    if not (request.method == "POST" and form.is_valid()):
        return _page(request, form, status=422 if request.method == "POST" else 200)
    subject: Subject = form.cleaned_data["subject"]
    if "confirm" not in request.POST:
        return _page(request, form, look_up(subject, actor=person_of(request)))
    try:
        done = erase(subject, actor=person_of(request))
    except StillOpen as problem:
        return _page(request, form, problem.found, status=409)
    erased = ngettext("%(n)s row was erased.", "%(n)s rows were erased.", done.total) % {"n": done.total}
    messages.success(request, f"{erased} {_('The CRM was not changed.')}")
    return see_other(reverse("erasing"))


def _page(
    request: HttpRequest, form: EraseForm, found: Found | None = None, status: int = 200
) -> HttpResponse:
    return show(request, ErasingPage(form, found), status=status)
