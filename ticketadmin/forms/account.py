"""Forms for signing in, passwords and two-step sign-in."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import FieldsInOrder
from ticketadmin.models import IdentitySource, User
from ticketadmin.services.people import second_step as steps
from ticketadmin.services.people.accounts import NotAdmitted, SourceUnavailable


def code_field(label: Any) -> forms.CharField:
    """Return a box for a code, which phones may fill in from a message or an app."""
    attributes = {"autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "characters"}
    return forms.CharField(
        label=label, max_length=steps.MAX_CODE_TYPED, widget=forms.TextInput(attrs=attributes)
    )


class _UsersForm(FieldsInOrder, forms.Form):
    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.codes: list[str] = []


class SignInCodeForm(_UsersForm):
    """The code after the password. Validating the form uses the code up."""

    code = code_field(_("Code from your app, or a recovery code"))

    def clean_code(self) -> str:
        """Check the code, which is then used up. Raises ValidationError."""
        steps.check(self.user, self.cleaned_data["code"])
        return str(self.cleaned_data["code"])

    @property
    def problem(self) -> str:
        """The error in one sentence, for a script."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class SetUpForm(_UsersForm):
    """The first code of a new app, and the password if it is kept here: an open session is not enough."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = code_field(_("Code that the app shows"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if user.source != IdentitySource.LOCAL:
            del self.fields["password"]

    def clean_password(self) -> str:
        """Compare the password. Raises ValidationError."""
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise ValidationError(_("This is not your password."), code="wrong")
        return password

    def clean(self) -> dict[str, Any]:
        """Switch the second step on once everything else is right."""
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.codes = steps.switch_on(self.user, "".join(data["code"].split()))
            except steps.WrongCode as problem:
                self.add_error("code", problem)
        return data


class CodeForm(_UsersForm):
    """A code for new recovery codes, or for switching the second step off."""

    code = code_field(_("Code from your app, or a recovery code"))

    def __init__(self, *args: Any, user: User, wants_off: bool, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.wants_off = wants_off

    def clean_code(self) -> str:
        """Carry out the action with this code. Raises ValidationError."""
        typed = str(self.cleaned_data["code"])
        if self.wants_off:
            steps.switch_off(self.user, typed)
        else:
            self.codes = steps.renew_codes(self.user, typed)
        return typed


class SignInForm(FieldsInOrder, AuthenticationForm):
    """Name and password, laid out like every form.

    Django tells browsers how long a name may be but does not check it. A longer one is refused here, before
    it is normalised, counted or looked up in a directory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["username"]
        name.validators.append(MaxLengthValidator(name.max_length))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check name and password; say why a user with the right password is rejected."""
        try:
            return super().clean()
        except NotAdmitted as problem:
            raise ValidationError(problem.message, code="not_admitted") from problem
        except SourceUnavailable as problem:
            # Counted as a failure: otherwise passwords could be guessed while the directory is away.
            named = {"username": self.cleaned_data.get("username")}
            user_login_failed.send(__name__, credentials=named, request=self.request)
            raise ValidationError(problem.message, code="unavailable") from problem


class NewPasswordForm(FieldsInOrder, PasswordChangeForm):
    """The old password and the new one twice."""


class ForgottenPasswordForm(FieldsInOrder, forms.Form):
    """The address to which a link for a new password is sent."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class ChosenPasswordForm(FieldsInOrder, SetPasswordForm):  # type: ignore[type-arg]
    """The new password twice, for a user who followed the link; a reader of their mail has no code.

    `user` is None if the link names no user: Django then creates the form but does not show it.
    """

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if user and steps.is_on(user):
            self.fields["code"] = code_field(_("Code from your app, or a recovery code"))

    def clean(self) -> dict[str, Any]:
        """Check the code last: it is valid once, and must not be used up by a password that is refused."""
        data: dict[str, Any] = super().clean() or {}
        if "code" in self.fields and not self.errors:
            try:
                steps.check(self.user, data["code"])
            except steps.WrongCode as problem:
                self.add_error("code", problem)
        return data


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """The preferences that users set for themselves."""

    class Meta:
        model = User
        fields = ["language", "theme", "shortcuts_enabled"]
