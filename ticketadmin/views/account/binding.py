"""Connecting an account to the company's sign-in: an administrator's page, and the link its owner follows."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ticketadmin.converters import whole_number
from ticketadmin.models import IdentityClaim, User
from ticketadmin.presenters.account import CompanyAccountPage
from ticketadmin.services.people.binding import (
    CannotBind,
    choose_claim,
    make_link,
    may_be_bound,
    user_of_link,
)
from ticketadmin.views.access import UserRequest, needs
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed

LINK = "binding_link"  # the session's key of the link that this browser followed


@needs("administer", "GET", "POST")
def company_account(request: UserRequest, user: int) -> HttpResponse:
    """Show whether an account is connected and who tried; a POST makes a link or chooses one of them."""
    account = get_object_or_404(User, pk=user)
    if request.method != "POST":
        return _page(request, account)
    try:
        if "link" in request.POST:
            token = make_link(account, user=request.user)
            return _page(request, account, request.build_absolute_uri(reverse("binding", args=[token])))
        choose_claim(account, whole_number(request.POST.get("claim", "")) or 0, user=request.user)
    except (CannotBind, IdentityClaim.DoesNotExist):
        messages.error(request, _("This is no longer possible. Nothing was changed."))
        return _page(request, account, status=409)
    return confirmed(
        request, _("The account is connected. Its owner can sign in now."), "company_account", account.pk
    )


@never_cache
@login_not_required
@require_safe
def binding(request: HttpRequest, token: str) -> HttpResponse:
    """Store the link in the session and redirect to the sign-in; the address bar does not keep it."""
    if user_of_link(token) is None:
        return render(request, "account/binding_ended.html", status=404)
    request.session[LINK] = token
    messages.info(request, _("Sign in with your company account now. This account here becomes yours."))
    return redirect("sign_in")


def _page(request: UserRequest, account: User, link: str = "", status: int = 200) -> HttpResponse:
    claims = list(IdentityClaim.objects.filter(user=account, source=account.source))
    return show(request, CompanyAccountPage(account, may_be_bound(account), claims, link), status=status)
