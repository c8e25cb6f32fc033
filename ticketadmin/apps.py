"""The applications: our own, and Django's admin with our access rule."""

from contextlib import suppress
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class TicketAdminConfig(AppConfig):
    """Our models, checks and templates."""

    name = "ticketadmin"
    verbose_name = _("ticketadmin")

    def ready(self) -> None:
        _make_private_file()
        from ticketadmin import checks, tasks  # noqa: F401, PLC0415 - system checks, background work
        from ticketadmin.services.audit import sign_ins, tracking  # noqa: F401, PLC0415 - signals
        from ticketadmin.services.index import refresh, searching  # noqa: F401, PLC0415 - signals
        from ticketadmin.signing_in import checks as more  # noqa: F401, PLC0415 - system checks
        from ticketadmin.signing_in import sessions  # noqa: F401, PLC0415 - a signal


def _make_private_file() -> None:
    """Make a new SQLite file readable for its owner alone, whatever the umask; what is beside it follows it.

    A file that exists keeps its mode: an operator may have let a group read it.
    """
    database = settings.DATABASES["default"]
    name = str(database["NAME"])
    if not database["ENGINE"].endswith("sqlite3") or ":memory:" in name or name.startswith("file:"):
        return
    with suppress(OSError):  # there already, or a folder that is checked at the start
        Path(name).touch(mode=0o600, exist_ok=False)


class AdministrationConfig(AdminConfig):
    """Django's admin, opened to administrators by role rather than by `is_staff`."""

    default_site = "ticketadmin.admin_site.AdministrationSite"
