"""Signing in and out, and a user's own account and preferences."""

from django.contrib import messages
from django.contrib.auth import logout, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ticketadmin.forms.account import PreferencesForm, SignInForm
from ticketadmin.presenters.account import AccountPage, SignInPage
from ticketadmin.services.people.accounts import sign_out_everywhere
from ticketadmin.services.people.binding import using_link
from ticketadmin.services.people.second_step import is_on, is_possible
from ticketadmin.signing_in.second_step import sign_in
from ticketadmin.views.access import UserRequest, in_background, is_scripted
from ticketadmin.views.account.binding import LINK
from ticketadmin.views.pages import show
from ticketadmin.views.redirects import confirmed, own_or_else, see_other


@method_decorator(login_not_required, name="dispatch")
class SignIn(views.LoginView):
    """The sign-in page: the only one for users who are not signed in."""

    form_class = SignInForm
    template_name = SignInPage.template
    extra_context = {"page": SignInPage()}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Redirect users who are signed in already; a script's dialog may sign in again."""
        self.redirect_authenticated_user = not is_scripted(request)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Redirect to the requested page; answer a script with the session."""
        is_done = sign_in(self.request, form.get_user(), next_page=self.get_success_url())
        if is_scripted(self.request):
            next_step = {"code_url": reverse("sign_in_code"), "token": get_token(self.request)}
            return session_response(self.request) if is_done else JsonResponse(next_step)
        return redirect(self.get_success_url() if is_done else "sign_in_code")

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Connect the account that signs in to the link that this browser followed."""
        with using_link(request.session.get(LINK, "")):
            return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show what is wrong, without revealing whether the name exists."""
        if is_scripted(self.request):
            problem = " ".join(str(error) for error in form.non_field_errors()) or _("Type your password.")
            return JsonResponse({"problem": problem}, status=422)
        return super().form_invalid(form)


@in_background
@login_not_required
@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """Return the signed-in user and the CSRF token as JSON, for scripts."""
    return session_response(request)


def session_response(request: HttpRequest) -> HttpResponse:
    """Return the signed-in user and the CSRF token as JSON."""
    person = request.user.pk if request.user.is_authenticated else None
    return JsonResponse({"person": person, "token": get_token(request)})


@require_POST
def sign_out_all(request: UserRequest) -> HttpResponse:
    """End all sessions of the user, including this one."""
    sign_out_everywhere(request.user, user=request.user)
    logout(request)
    return confirmed(request, _("You are signed out on every device. Drafts are kept."), "sign_in")


@require_safe
def account(request: UserRequest) -> HttpResponse:
    """Show the user's own account and what they can change about it."""
    return show(request, AccountPage(request.user, is_possible(request.user), is_on(request.user)))


@require_POST
def preferences(request: UserRequest) -> HttpResponse:
    """Store one or more of the user's preferences and go back to the page they came from."""
    data = {name: request.POST.get(name, getattr(request.user, name)) for name in PreferencesForm.Meta.fields}
    form = PreferencesForm(data, instance=request.user)
    if form.is_valid():
        user = form.save()
        with translation.override(user.language or translation.get_language_from_request(request)):
            messages.success(request, _("Your preferences were saved."))
    else:
        messages.error(request, _("This preference does not exist. Nothing was changed."))
    return see_other(own_or_else(request, request.POST.get("next", ""), otherwise=reverse("tickets")))


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect browsers that request the icon at its conventional address."""
    return redirect(static("img/mark.svg"))
