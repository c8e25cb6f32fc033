"""The pages of accounts: signing in, passwords, the second step, and a user's own account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.utils.safestring import SafeString

from ticketadmin.models import IdentityClaim, User
from ticketadmin.presenters.page import FormPage, Page
from ticketadmin.presenters.second_step import qr_code, typed_secret
from ticketadmin.services.people.binding import LINK_FOR


@dataclass(frozen=True)
class SignInPage(Page):
    """The sign-in page; `form` and `next` are beside it, because Django's view hands them over."""

    template = "account/sign_in.html"
    has_form: ClassVar[bool] = settings.LOCAL_ACCOUNTS or settings.HAS_LDAP
    has_reset: ClassVar[bool] = settings.LOCAL_ACCOUNTS
    has_openid: ClassVar[bool] = settings.HAS_OIDC
    openid_name: ClassVar[str] = settings.OIDC_NAME


@dataclass(frozen=True)
class OpenIdPage(Page):
    """The button that leads to the company's sign-in."""

    template = "account/openid_begin.html"
    openid_name: str


@dataclass(frozen=True)
class LeadingPage(Page):
    """The page that leads on to the company's sign-in by itself."""

    template = "account/openid_leading.html"
    address: str


class ForgottenPage(FormPage):
    """The box for the address that a link for a new password goes to."""

    template = "account/forgotten.html"


@dataclass(frozen=True)
class LinkSentPage(Page):
    """What happens after asking for that link; it works for `minutes`."""

    template = "account/forgotten_sent.html"
    minutes: int


@dataclass(frozen=True)
class AccountPage(Page):
    """A user's own account."""

    template = "account/account.html"
    user: User
    has_second_step: bool
    second_step_is_on: bool


class SignInCodePage(FormPage):
    """The box for the code after the password."""

    template = "account/sign_in_code.html"


@dataclass(frozen=True)
class SetUpPage(FormPage):
    """Setting the second step up; `address` is the otpauth address that the app takes."""

    template = "account/second_step_set_up.html"
    address: str
    is_demanded: bool

    @property
    def qr(self) -> SafeString:
        """The address as a picture."""
        return qr_code(self.address)

    @property
    def secret(self) -> str:
        """The secret to type, for apps without a camera."""
        return typed_secret(self.address)


@dataclass(frozen=True)
class SecondStepPage(FormPage):
    """The second step where it is on; `left` recovery codes are unused."""

    template = "account/second_step.html"
    since: datetime | None
    left: int
    is_demanded: bool


@dataclass(frozen=True)
class RecoveryCodesPage(Page):
    """The recovery codes, shown once."""

    template = "account/recovery_codes.html"
    codes: Sequence[str]


@dataclass(frozen=True)
class CompanyAccountPage(Page):
    """Whether an account is connected to the company's sign-in; `link` is "" unless one was just made."""

    template = "account/company_account.html"
    account: User
    is_waiting: bool
    claims: Sequence[IdentityClaim]  # those who tried to sign in with its name
    link: str
    days: ClassVar[int] = LINK_FOR.days
