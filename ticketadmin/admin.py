"""Django admin as the settings screen: users, custom fields, status settings, rules."""

from typing import Any

from axes.utils import reset as forget_failures
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ticketadmin.forms.opened import OPENED, OpenedForm
from ticketadmin.forms.people import ExistingUserForm, NewUserForm, role_label
from ticketadmin.forms.rules import RuleForm
from ticketadmin.models import AuditAction, CustomField, StatusSetting, TicketRule, User
from ticketadmin.presenters.rules import rule_sentence
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.audit.tracking import one_entry_for_roles
from ticketadmin.services.people.accounts import has_acted, sign_out_everywhere
from ticketadmin.services.people.second_step import reset
from ticketadmin.services.values.schema import load_schema
from ticketadmin.signing_in.throttling import counted_name
from ticketadmin.views.access import signed_in_user

_KEPT = _("%(name)s has used this tool. Switch the account off instead, so that the record stays complete.")
_NAME_AND_MAIL = ("first_name", "last_name", "email")
_PREFERENCES = ("language", "theme", "shortcuts_enabled")


class RoleFilter(admin.RelatedFieldListFilter):
    """Filter users by role, with the roles' labels."""

    title = _("role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = RoleFilter.title  # the base class overwrites it with the field's own

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Return the groups, the three roles among them by their names."""
        return [(group.pk, role_label(group)) for group in Group.objects.order_by("pk")]


class OpenedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A settings page whose form carries what it was opened with."""

    form = OpenedForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the hidden box where there is something to change, and nowhere else."""
        fieldsets: list[Any] = [
            (title, {**options, "fields": [name for name in options["fields"] if name != OPENED]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        if obj and self.has_change_permission(request, obj):
            fieldsets[-1][1]["fields"].append(OPENED)
        return fieldsets


@admin.register(User)
class AccountAdmin(OpenedAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users, their roles and preferences."""

    form = ExistingUserForm
    add_form = NewUserForm
    list_display = ["username", "name", "roles", "is_active", "source", "last_login"]
    list_filter = [("groups", RoleFilter), "source", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "source", "password"]}),
        (_("User"), {"fields": _NAME_AND_MAIL}),
        (_("Role"), {"fields": ["is_active", "groups"]}),
        (_("Preferences"), {"fields": _PREFERENCES}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "source", "password1", "password2"]}),
        (_("User"), {"fields": _NAME_AND_MAIL}),
        (_("Role"), {"fields": ["groups"]}),
        (_("Preferences"), {"fields": _PREFERENCES}),
    ]
    add_form_template = "admin/change_form.html"
    filter_horizontal = []
    actions = ["sign_out", "end_wait", "reset_second_step"]

    @admin.display(description=_("name"), ordering="first_name")
    def name(self, user: User) -> str:
        return user.display_name

    @admin.display(description=_("role"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(role_label(group) for group in user.groups.all()))

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """End every session of the chosen users."""
        allowed = [user for user in users if self.has_change_permission(request, user)]
        for user in allowed:
            sign_out_everywhere(user, user=signed_in_user(request))
            self.log_change(request, user, "Signed out everywhere.")
        done = ngettext("%(n)d user is signed out.", "%(n)d users are signed out.", len(allowed))
        self.message_user(request, done % {"n": len(allowed)}, messages.SUCCESS)

    @admin.action(description=_("End the wait after failed sign-ins"), permissions=["change"])
    def end_wait(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let users who failed to sign in too often try again immediately."""
        for user in users:
            forget_failures(username=counted_name(request, {"username": user.get_username()}))
            record(AuditAction.WAIT_ENDED, Target.of(user))
        self.message_user(request, _("They can try again now."), messages.SUCCESS)

    @admin.action(description=_("Reset two-step sign-in"), permissions=["change"])
    def reset_second_step(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let users who lost their device sign in with the password alone; their sessions end."""
        allowed = [
            user for user in users if user.second_step_since and self.has_change_permission(request, user)
        ]
        for user in allowed:
            reset(user, user=signed_in_user(request))
        done = ngettext("Reset for %(n)d user.", "Reset for %(n)d users.", len(allowed))
        self.message_user(request, done % {"n": len(allowed)}, messages.SUCCESS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Fetch the roles of a whole page in one query."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **options: Any
    ) -> Any:
        """Pass the acting user to the form."""
        form = super().get_form(request, obj, change=change, **options)
        return type(form.__name__, (form,), {"user": request.user})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leave superusers to superusers: a user who sets their password becomes one."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow what changes allow; users cannot delete themselves or anyone named in a record."""
        return (
            super().has_delete_permission(request, obj)
            and _may_touch(request, obj)
            and obj != request.user
            and not (obj is not None and has_acted(obj))
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the users who cannot be deleted, instead of listing everything that refers to them."""
        kept = [_KEPT % {"name": user.get_username()} for user in objs if has_acted(user)]
        return ([], {}, set(), kept) if kept else super().get_deleted_objects(objs, request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record a change of several roles as one."""
        with one_entry_for_roles(form.instance):
            super().save_related(request, form, formsets, change)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or signed_in_user(request).is_superuser


class NamedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row of a list that is edited in place: its boxes have no labels, so each names field and row."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label}: {self.instance}"


class EditableList(OpenedAdmin):
    """A list with boxes in its rows."""

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        """Label the boxes for screen readers."""
        return super().get_changelist_form(request, **{"form": NamedForm, **options})


@admin.register(CustomField)
class CustomFieldAdmin(EditableList):
    """The custom fields that the ticket form offers."""

    list_display = ["label", "key", "kind", "required", "is_listed", "order"]
    list_editable = ["is_listed", "order"]
    search_fields = ["label", "key"]


@admin.register(StatusSetting)
class StatusSettingAdmin(EditableList):
    """How the CRM's statuses look and which have a quick button."""

    list_display = ["name", "hue", "is_done", "quick_button", "order"]
    list_editable = ["hue", "is_done", "quick_button", "order"]


@admin.register(TicketRule)
class TicketRuleAdmin(OpenedAdmin):
    """What changes require; the table is empty until an administrator adds a rule."""

    form = RuleForm
    list_display = ["shown_field", "value", "requires"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TicketRule]:
        """Load the labels of the fields once for a whole page."""
        self.schema = load_schema()
        return super().get_queryset(request)

    @admin.display(description=_("field"), ordering="field")
    def shown_field(self, rule: TicketRule) -> str:
        return str(self.schema.field(rule.field).label)

    @admin.display(description=_("requires"))
    def requires(self, rule: TicketRule) -> str:
        return rule_sentence(rule, self.schema)
