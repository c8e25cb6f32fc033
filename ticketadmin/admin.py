"""Django admin as the settings screen: people, custom fields, status settings."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import CustomField, StatusSetting, User


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """People, their roles and preferences."""

    list_display = ["username", "first_name", "last_name", "email", "is_active", "last_login"]
    list_filter = ["groups", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Role"), {"fields": ["is_active", "groups"]}),
        (_("Preferences"), {"fields": ["language", "theme", "shortcuts_enabled"]}),
    ]


@admin.register(CustomField)
class CustomFieldAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The custom fields that the ticket form offers."""

    list_display = ["label", "key", "kind", "required", "order"]
    list_editable = ["order"]
    search_fields = ["label", "key"]


@admin.register(StatusSetting)
class StatusSettingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """How the CRM's statuses look and which have a quick button."""

    list_display = ["name", "hue", "is_done", "quick_button", "order"]
    list_editable = ["hue", "is_done", "quick_button", "order"]
