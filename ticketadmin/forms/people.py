"""The forms in which administrators create and edit user accounts."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.opened import OpenedForm
from ticketadmin.models import IdentitySource, Role, User

_SUPERUSER = _("A superuser signs in with a password kept here.")
_YOURSELF = _("You would lock yourself out. Ask another administrator to do this.")

_LAST = _("This is the only superuser. Create another one first. Nothing was changed.")


def role_label(group: Group) -> str:
    """Return a group's name for display: a role in the reader's language."""
    return str(dict(Role.choices).get(group.name, group.name))


class _WithRoles(forms.BaseForm):
    """A form in which groups are roles, by their names in the user's language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("groups")
        if isinstance(field, forms.ModelMultipleChoiceField):
            field.label_from_instance = role_label  # type: ignore[method-assign, assignment]
            field.widget = forms.CheckboxSelectMultiple()
            field.widget.choices = field.choices
            field.label = _("Role")
            field.help_text = _(
                "A user without a role sees nothing. Where groups of the company's sign-in service are "
                "mapped to roles, each sign-in sets the roles again."
            )


class NewUserForm(_WithRoles, AdminUserCreationForm):  # type: ignore[type-arg]
    """A new account: with a password set here, or authenticated by the company's service."""

    usable_password = None  # type: ignore[assignment] # `source` decides

    def clean(self) -> dict[str, Any] | None:
        """Ask for a password only if it is kept here."""
        is_local = self.cleaned_data.get("source") == IdentitySource.LOCAL
        self.cleaned_data["usable_password"] = "true" if is_local else "false"
        return super().clean()


class ExistingUserForm(_WithRoles, OpenedForm, UserChangeForm):  # type: ignore[type-arg]
    """An existing user. Users cannot lock themselves out."""

    user: User

    def clean(self) -> dict[str, Any]:
        """Prevent users from disabling their own account or removing their own administrator role."""
        data: dict[str, Any] = super().clean() or {}
        allowed = {None, IdentitySource.LOCAL, self.instance.source}
        if self.instance.is_superuser and data.get("source") not in allowed:
            self.add_error("source", forms.ValidationError(_SUPERUSER, code="superuser"))
        if self.instance.is_superuser:
            self._keep_a_superuser(data)
        if self.instance.pk != self.user.pk or self.user.is_superuser:
            return data
        if not data.get("is_active", True):
            self.add_error("is_active", forms.ValidationError(_YOURSELF, code="oneself"))
        if data.get("source") != self.initial.get("source"):
            self.add_error("source", forms.ValidationError(_YOURSELF, code="oneself"))
        groups = data.get("groups")
        if groups is not None and not groups.filter(permissions__codename="administer").exists():
            self.add_error("groups", forms.ValidationError(_YOURSELF, code="oneself"))
        return data

    def _keep_a_superuser(self, data: dict[str, Any]) -> None:
        """Refuse a change that would leave no superuser."""
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=self.instance.pk)
        if others.exists():
            return
        if not data.get("is_active", True):
            self.add_error("is_active", forms.ValidationError(_LAST, code="last_superuser"))

    def save(self, commit: bool = True) -> User:
        """Forget the password of a user whose source is no longer LOCAL; this ends their sessions."""
        user: User = super().save(commit=False)
        if "source" in self.changed_data:
            user.subject = None
            if user.source != IdentitySource.LOCAL:
                user.set_unusable_password()
        if commit:
            user.save()
            self.save_m2m()
        return user
