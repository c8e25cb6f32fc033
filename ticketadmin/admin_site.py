"""The site behind `/admin/`: Django's admin with the product's access rule and sign-in page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from ticketadmin.views.redirects import own_or_else


class AdministrationSite(admin.AdminSite):
    """Open to users with the `administer` permission; `is_staff` is ignored."""

    site_title = _("ticketadmin")
    site_header = _("ticketadmin settings")
    index_title = _("Settings")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Hide the rows of authenticator apps: no user may see their secrets."""
        if getattr(model_or_iterable, "_meta", None) and model_or_iterable._meta.app_label == "otp_totp":
            return
        super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Check the role's permission, so that group membership decides."""
        return request.user.is_active and request.user.has_perm("ticketadmin.administer")

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Use the product's only sign-in page; a signed-in user is admitted or refused."""
        asked_for = own_or_else(request, request.GET.get("next", ""), otherwise=reverse("admin:index"))
        if not request.user.is_authenticated:
            return redirect_to_login(asked_for)
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect(asked_for)

    def password_change(  # type: ignore[override] # Django's stubs know of its own page only
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the product's page, which knows whose password is kept elsewhere."""
        return redirect("password_change")
