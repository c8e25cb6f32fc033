"""The applications: ticketadmin, and Django's admin with its access rule."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class TicketAdminConfig(AppConfig):
    """The models, checks, signals and templates of this product."""

    name = "ticketadmin"
    verbose_name = _("ticketadmin")

    def ready(self) -> None:
        from ticketadmin import checks, tasks  # noqa: F401, PLC0415 - system checks, background work
        from ticketadmin.services.audit import sign_ins, tracking  # noqa: F401, PLC0415 - signals
        from ticketadmin.services.index import refresh, searching  # noqa: F401, PLC0415 - signals
        from ticketadmin.signing_in import sessions  # noqa: F401, PLC0415 - a signal


class AdministrationConfig(AdminConfig):
    """Django's admin, open to administrators by role rather than by `is_staff`."""

    default_site = "ticketadmin.admin_site.AdministrationSite"
