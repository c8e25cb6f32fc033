"""What a person types to sign in, and around their password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.layout import helper
from ticketadmin.models import User


class SignInForm(AuthenticationForm):
    """Name and password, laid out like every form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = helper(*self.fields)


class NewPasswordForm(PasswordChangeForm):
    """The old password and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = helper(*self.fields)


class ForgottenPasswordForm(forms.Form):
    """The address that a link for a new password goes to."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = helper(*self.fields)


class ChosenPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """The new password twice, for somebody who came by the link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = helper(*self.fields)


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a person may set for themselves."""

    class Meta:
        model = User
        fields = ["language", "theme", "shortcuts_enabled"]
