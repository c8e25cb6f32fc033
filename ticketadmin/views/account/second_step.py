"""The code after the password, and the page on which a user sets up or switches off the second step."""

from axes.handlers.proxy import AxesProxyHandler
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ticketadmin.forms.account import CodeForm, SetUpForm, SignInCodeForm
from ticketadmin.models import User
from ticketadmin.presenters.account import (
    RecoveryCodesPage,
    SecondStepPage,
    SetUpPage,
    SignInCodePage,
    qr_code,
    typed_secret,
)
from ticketadmin.services.people import second_step as steps
from ticketadmin.signing_in.second_step import finish_sign_in, note_passed, pending_user
from ticketadmin.views.access import UserRequest, is_scripted
from ticketadmin.views.account.account import session_response
from ticketadmin.views.error_pages import locked_out
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code of a user whose password was right, and begin their session."""
    user = pending_user(request)
    if user is None:
        return _password_first(request)
    form = SignInCodeForm(request.POST or None, user=user)
    if request.method == "POST":
        if not may_try(request, user):
            return locked_out(request)
        if form.is_valid():
            page = finish_sign_in(request, user)
            return session_response(request) if is_scripted(request) else redirect(page)
        count_failed_step(request, user, step="code")
        if is_scripted(request):
            return JsonResponse({"problem": form.problem}, status=422)
    return show(request, SignInCodePage(form))


def _password_first(request: HttpRequest) -> HttpResponse:
    problem = _("It took too long, or the password has changed. Type the password again.")
    if is_scripted(request):
        return JsonResponse({"problem": problem, "starts_again": True}, status=422)
    if request.method == "POST":
        messages.error(request, problem)
    return redirect("sign_in")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: UserRequest) -> HttpResponse:
    """Show whether the second step is on; a POST sets it up, makes recovery codes, or switches it off."""
    if not steps.is_possible(request.user):
        raise PermissionDenied
    if request.method == "POST" and not may_try(request, request.user):
        return locked_out(request)
    return _manage(request, request.user) if steps.is_on(request.user) else _set_up(request, request.user)


def _set_up(request: UserRequest, user: User) -> HttpResponse:
    form = SetUpForm(request.POST or None, user=user)
    if request.method == "POST":
        if form.is_valid():
            note_passed(request, user)
            messages.success(request, _("Two-step sign-in is on. Your other sessions have ended."))
            return show(request, RecoveryCodesPage(form.codes))
        count_failed_step(request, user, step="code")
    address = steps.set_up(user)
    page = SetUpPage(form, qr_code(address), typed_secret(address), steps.is_demanded(user))
    return show(request, page, status=422 if form.errors else 200)


def _manage(request: UserRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST or None, user=user, wants_off="off" in request.POST)
    if request.method == "POST":
        if form.is_valid():
            if form.codes:
                return show(request, RecoveryCodesPage(form.codes))
            return confirmed(request, _("Two-step sign-in is off."), "account")
        if form.has_error("code", "wrong"):
            count_failed_step(request, user, step="code")
    page = SecondStepPage(form, user.second_step_since, steps.codes_left(user), steps.is_demanded(user))
    return show(request, page, status=422 if form.errors else 200)


def count_failed_step(request: HttpRequest, user: User, **step: str) -> None:
    """Count a wrong password, or a wrong code as `step`, like a failed sign-in."""
    credentials = {"username": user.get_username(), **step}
    user_login_failed.send(__name__, credentials=credentials, request=request)


def may_try(request: HttpRequest, user: User) -> bool:
    """Return whether the user may try again, without waiting after failed attempts."""
    return bool(AxesProxyHandler.is_allowed(request, {"username": user.get_username()}))
