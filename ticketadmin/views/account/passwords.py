"""Changing one's password, and choosing a new one with a link sent by e-mail."""

from functools import partial

from axes.utils import reset as forget_failures
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ticketadmin.forms.account import ChosenPasswordForm, ForgottenPasswordForm, NewPasswordForm
from ticketadmin.models import IdentitySource, User
from ticketadmin.presenters.account import ForgottenPage, LinkSentPage
from ticketadmin.services.audit.record import acting_via
from ticketadmin.services.people.passwords import TooManyRequests, ask_for_password
from ticketadmin.services.people.second_step import is_on
from ticketadmin.signing_in.throttling import counted_name
from ticketadmin.views.access import signed_in_user
from ticketadmin.views.account.second_step import count_failed_step, may_try
from ticketadmin.views.addresses import counted_address
from ticketadmin.views.error_pages import locked_out, too_many
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import see_other


class PasswordChange(views.PasswordChangeView):
    """Change the user's password, which ends their other sessions.

    Wrong old passwords count like failed sign-ins, so that they cannot be guessed at an unlocked screen.
    """

    form_class = NewPasswordForm
    template_name = "account/password_change.html"
    success_url = reverse_lazy("account")

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Refuse users whose password is not kept here."""
        if signed_in_user(request).source != IdentitySource.LOCAL:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Reject the post while the user is throttled."""
        if not may_try(request, signed_in_user(request)):
            return locked_out(request)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        """Count a wrong old password."""
        if form.has_error("old_password", "password_incorrect"):
            count_failed_step(self.request, signed_in_user(self.request))
        return super().form_invalid(form)  # type: ignore[arg-type]

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Confirm the change by a message."""
        messages.success(self.request, _("Your password was changed. Your other sessions have ended."))
        return super().form_valid(form)  # type: ignore[arg-type]


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for an e-mail address and send a link there; the answer is the same for every address."""
    if not settings.LOCAL_ACCOUNTS:
        raise Http404
    form = ForgottenPasswordForm(request.POST or None)
    if not (request.method == "POST" and form.is_valid()):
        return show(request, ForgottenPage(form))
    try:
        ask_for_password(
            form.cleaned_data["email"], address=counted_address(request), write=partial(_mail, request)
        )
    except TooManyRequests:
        problem = _("Too many new passwords were requested from your address. Try again in an hour.")
        return too_many(request, problem)
    return see_other(reverse("password_sent"))


@login_not_required
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Say what happens next; the page is the same for every address."""
    return show(request, LinkSentPage(settings.PASSWORD_RESET_TIMEOUT // 60))


@method_decorator(login_not_required, name="dispatch")
class Choose(views.PasswordResetConfirmView):
    """Choose a new password after following the link, which is moved into the session."""

    user: User  # there is one: otherwise dispatch() shows another page
    form_class = ChosenPasswordForm
    template_name = "account/choose_password.html"
    success_url = reverse_lazy("sign_in")

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer 404 if passwords are not kept here."""
        if not settings.LOCAL_ACCOUNTS:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Check no codes while the user is throttled."""
        if is_on(self.user) and not may_try(request, self.user):
            return locked_out(request)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        """Count a wrong code."""
        if form.has_error("code", "wrong"):
            count_failed_step(self.request, self.user, step="code")
        return super().form_invalid(form)  # type: ignore[arg-type]

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Reset the throttling, too: access to the mailbox authenticates the user."""
        forget_failures(username=counted_name(self.request, {"username": self.user.get_username()}))
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        with acting_via("password_link"):
            return super().form_valid(form)  # type: ignore[arg-type]


def _mail(request: HttpRequest, user: User) -> EmailMessage:
    """Write the mail with the link, in the user's language."""
    number = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_choose", args=[number, default_token_generator.make_token(user)])
    context = {
        "user": user,
        "address": request.build_absolute_uri(path),
        "host": request.get_host(),
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }
    with translation.override(user.language or translation.get_language()):
        text = render_to_string("account/forgotten_mail.txt", context)
        return EmailMessage(_("A new password for ticketadmin"), text, to=[user.email])
