"""The site behind `/admin/`: Django's admin with the product's access rule and sign-in page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _


class AdministrationSite(admin.AdminSite):
    """Open to people with the `administer` permission, whatever their `is_staff` flag says."""

    site_title = _("ticketadmin")
    site_header = _("ticketadmin settings")
    index_title = _("Settings")

    def has_permission(self, request: HttpRequest) -> bool:
        """Ask for the role's permission, so that one group decides."""
        return request.user.is_active and request.user.has_perm("ticketadmin.administer")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Use the product's one sign-in page."""
        return redirect_to_login(request.get_full_path())

    def password_change(  # type: ignore[override] # Django's stubs know of its own page only
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the product's page, which knows whose password is kept elsewhere."""
        return redirect("password_change")
