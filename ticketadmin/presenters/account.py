"""The pages of accounts: signing in, passwords, the second step, and a user's own account."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import segno
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from ticketadmin.models import IdentityClaim, User
from ticketadmin.presenters.page import FormPage, Page, page
from ticketadmin.services.people.binding import LINK_FOR


def qr_code(address: str) -> SafeString:
    """Return an otpauth address as inline SVG, dark on light in every theme, which cameras need."""
    drawn = segno.make(address, error="m").svg_inline(
        scale=1, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return mark_safe(drawn)  # noqa: S308 - squares alone; no text of the address is in it


def typed_secret(address: str) -> str:
    """Return the secret of an otpauth address in groups, to be typed into an app."""
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


@page("account/sign_in.html")
class SignInPage(Page):
    """The sign-in page; Django's view sets the template variables `form` and `next` beside it."""

    has_form: ClassVar[bool] = settings.LOCAL_ACCOUNTS or settings.HAS_LDAP
    has_reset: ClassVar[bool] = settings.LOCAL_ACCOUNTS
    has_openid: ClassVar[bool] = settings.HAS_OIDC
    openid_name: ClassVar[str] = settings.OIDC_NAME


@page("account/openid_begin.html")
class OpenIdPage(Page):
    """The button that leads to the company's sign-in."""

    openid_name: str


@page("account/openid_leading.html")
class RedirectingPage(Page):
    """The page that redirects to the company's sign-in by itself."""

    address: str


@page("account/forgotten.html")
class ForgottenPage(FormPage):
    """The box for the address that a link for a new password goes to."""


@page("account/forgotten_sent.html")
class LinkSentPage(Page):
    """The page after that link was requested; the link works for `minutes`."""

    minutes: int


@page("account/account.html")
class AccountPage(Page):
    """A user's own account."""

    user: User
    has_second_step: bool
    second_step_is_on: bool


@page("account/sign_in_code.html")
class SignInCodePage(FormPage):
    """The box for the code after the password."""


@page("account/second_step_set_up.html")
class SetUpPage(FormPage):
    """Setting up the second step: the secret for an app, to be scanned or typed."""

    qr: SafeString
    secret: str
    is_demanded: bool


@page("account/second_step.html")
class SecondStepPage(FormPage):
    """The second step of a user who has it on; `left` is the number of unused recovery codes."""

    since: datetime | None
    left: int
    is_demanded: bool


@page("account/recovery_codes.html")
class RecoveryCodesPage(Page):
    """The recovery codes, shown once."""

    codes: Sequence[str]


@page("account/company_account.html")
class CompanyAccountPage(Page):
    """Whether an account is connected to the company's sign-in; `link` is "" unless one was just made."""

    account: User
    is_waiting: bool
    claims: Sequence[IdentityClaim]  # those who tried to sign in with its name
    link: str
    days: ClassVar[int] = LINK_FOR.days
