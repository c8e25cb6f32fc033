"""What a user types to sign in, and around their password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import FieldsInOrder
from ticketadmin.forms.second_step import code_field, taken_code
from ticketadmin.models import User
from ticketadmin.services.people.accounts import NotWelcome, SourceUnavailable
from ticketadmin.services.people.second_step import is_on


class SignInForm(FieldsInOrder, AuthenticationForm):
    """Name and password, laid out like every form.

    Django tells browsers how long a name may be and checks it nowhere: a longer one is refused here, before
    it is normalised, counted or asked for in a directory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["username"]
        name.validators.append(MaxLengthValidator(name.max_length))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check name and password; say why a user with the right password is not let in."""
        try:
            return super().clean()
        except NotWelcome as problem:
            raise ValidationError(problem.message, code="not_welcome") from problem
        except SourceUnavailable as problem:
            # Counted like a failure: else passwords could be guessed while the directory is away.
            named = {"username": self.cleaned_data.get("username")}
            user_login_failed.send(__name__, credentials=named, request=self.request)
            raise ValidationError(problem.message, code="unavailable") from problem


class NewPasswordForm(FieldsInOrder, PasswordChangeForm):
    """The old password and the new one twice."""


class ForgottenPasswordForm(FieldsInOrder, forms.Form):
    """The address that a link for a new password goes to."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class ChosenPasswordForm(FieldsInOrder, SetPasswordForm):  # type: ignore[type-arg]
    """The new password twice, for a user who came by the link; someone who reads their mail has no code.

    `user` is None where the link names no user: Django makes the form and does not show it.
    """

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if user and is_on(user):
            self.fields["code"] = code_field(_("Code of your app, or a recovery code"))

    def clean(self) -> dict[str, Any]:
        """Take the code last: it counts once, and must not be spent on a password that is refused."""
        data: dict[str, Any] = super().clean() or {}
        if "code" in self.fields and not self.errors:
            try:
                taken_code(self.user, data["code"])
            except ValidationError as problem:
                self.add_error("code", problem)
        return data


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a user may set for themselves."""

    class Meta:
        model = User
        fields = ["language", "theme", "shortcuts_enabled"]
