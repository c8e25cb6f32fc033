"""The redirect to the company's OpenID provider and its callback; the sign-in page shows errors."""

import logging

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from ticketadmin.presenters.account import OpenIdPage, RedirectingPage
from ticketadmin.services.people.accounts import NotAdmitted, SourceUnavailable
from ticketadmin.services.people.binding import using_link
from ticketadmin.signing_in.openid import provider
from ticketadmin.signing_in.second_step import sign_in
from ticketadmin.views.account.binding import LINK
from ticketadmin.views.pages import show

logger = logging.getLogger(__name__)

_NOT_FINISHED = _("The sign-in was not finished. Try again.")
_NOT_OURS = _("This sign-in did not begin in this browser, or it took too long, so it is invalid. Try again.")


@method_decorator([login_not_required, never_cache], name="dispatch")
class Begin(OIDCAuthenticationRequestView):
    """Lead the browser to the provider, at the press of a button.

    A GET contacts no provider and stores nothing, so that neither a link on another site nor a prefetching
    browser begins a sign-in. The answer to the POST is a page that redirects by itself: the policy's
    `form-action` would forbid a redirect to another host.
    """

    http_method_names = ["get", "head", "post"]

    def __init__(self, **kwargs: object) -> None:
        super(OIDCAuthenticationRequestView, self).__init__(**kwargs)
        self.OIDC_RP_CLIENT_ID = self.get_settings("OIDC_RP_CLIENT_ID")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the button; the address keeps the page that was requested."""
        return show(request, OpenIdPage(settings.OIDC_NAME))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store state, nonce and PKCE verifier in the session, and lead to the provider."""
        try:
            self.OIDC_OP_AUTH_ENDPOINT = provider(is_beginning=True).authorization
        except SourceUnavailable as problem:
            return _back(request, problem.message)
        return show(request, RedirectingPage(super().get(request)["Location"]))


@method_decorator(login_not_required, name="dispatch")
class SignInDone(OIDCAuthenticationCallbackView):
    """The address to which the provider sends the browser back."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Sign in, then show the page that the session stores as the one requested, a page of this tool."""
        if "error" in request.GET:
            logger.warning("The OpenID provider refused: %s", request.GET["error"][:40].encode())
            return _back(request, _NOT_FINISHED)
        try:
            with using_link(request.session.get(LINK, "")):
                signed_in: HttpResponse = super().get(request)
        except SuspiciousOperation as problem:
            logger.warning("A sign-in was refused: %s", problem)
            return _back(request, _NOT_OURS)
        except (NotAdmitted, SourceUnavailable) as problem:
            return _back(request, problem.message)
        return signed_in

    def login_success(self) -> HttpResponse:
        """Begin a new session, also for a user who is signed in already."""
        if not sign_in(self.request, self.user, next_page=self.success_url):
            return redirect("sign_in_code")
        return redirect(self.success_url)

    def login_failure(self) -> HttpResponse:
        """Show that the sign-in failed."""
        return _back(self.request, _NOT_OURS)


def _back(request: HttpRequest, problem: str | Promise) -> HttpResponse:
    messages.error(request, str(problem))
    asked_for = request.session.get("oidc_login_next")  # checked when it was stored
    return redirect_to_login(asked_for) if asked_for else redirect("sign_in")
