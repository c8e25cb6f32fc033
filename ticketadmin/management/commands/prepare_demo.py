"""What a demonstration needs before it starts: tables, static files, three users, described fields."""

import hashlib
import importlib.metadata
import json
import secrets
from argparse import ArgumentParser
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.management.commands.demo import PEOPLE_FILE
from ticketadmin.models import CustomField, Hue, Role, StatusSetting, User

PEOPLE = {
    Role.STAFF: ("staff", "Demo", "Staff"),
    Role.LEAD: ("lead", "Demo", "Lead"),
    Role.ADMINISTRATOR: ("admin", "Demo", "Administrator"),
}
WARRANTY_OPTIONS = "1 = Chính hãng 12 tháng\n2 = Mở rộng 24 tháng\n3 = Hết hạn"
CUSTOM_FIELDS = [
    {"key": "so_serial", "label": "Số serial", "kind": "text"},
    {"key": "ngay_mua", "label": "Ngày mua", "kind": "epoch_date"},
    {"key": "loai_bao_hanh", "label": "Loại bảo hành", "kind": "select", "choices_text": WARRANTY_OPTIONS},
    {"key": "ghi_chu", "label": "Ghi chú", "kind": "long_text"},
]
DEMO_STATUSES = [
    ("Mới", Hue.BLUE, False),
    ("Đang xử lý", Hue.TEAL, False),
    ("Chờ khách hàng", Hue.YELLOW, False),
    ("Đã hoàn tất", Hue.GREEN, True),
    ("Hủy", Hue.GREY, True),
]


class Command(BaseCommand):
    """Migrate, collect static files if they changed, and create what only a demonstration has."""

    help = "Prepare the demonstration's database and static files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sweep", action="store_true", help="then read the CRM's list into the index")

    def handle(self, **options: Any) -> None:
        """Skip steps that are done already, so that a second start is quick."""
        call_command("migrate", verbosity=0)
        if settings.IS_CHECKOUT:  # a wheel holds them collected
            collect_static()
        make_users()
        if not CustomField.objects.exists() and not StatusSetting.objects.exists():
            CustomField.objects.bulk_create(
                CustomField(**values, order=order) for order, values in enumerate(CUSTOM_FIELDS, start=1)
            )
            StatusSetting.objects.bulk_create(
                StatusSetting(name=name, hue=hue, is_done=is_done, order=order)
                for order, (name, hue, is_done) in enumerate(DEMO_STATUSES)
            )
        if options["sweep"]:
            with suppress(CommandError):  # the worker continues it
                call_command("index", sweep=True, stdout=StringIO())


def collect_static() -> None:
    """Collect static files unless nothing that goes into them changed since the last time."""
    stamp = settings.STATIC_ROOT / ".collected-from"
    source = _fingerprint()
    if stamp.exists() and stamp.read_text(encoding="ascii") == source:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(source, encoding="ascii")


def _fingerprint() -> str:
    files = sorted(path for path in (settings.BASE_DIR / "static").rglob("*") if path.is_file())
    own = [f"{path} {path.stat().st_mtime_ns}" for path in files]
    packages = sorted(f"{package.name} {package.version}" for package in importlib.metadata.distributions())
    return hashlib.sha256("\n".join([*own, *packages]).encode()).hexdigest()


def make_users() -> None:
    """Create one user per role, each with a random password that is kept in the demo's own folder."""
    path = Path(settings.DATA_DIR) / PEOPLE_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for role, (username, first_name, last_name) in PEOPLE.items():
        user, is_new = User.objects.get_or_create(
            username=username, defaults={"first_name": first_name, "last_name": last_name}
        )
        if is_new or username not in known:
            known[username] = secrets.token_urlsafe(9)
            user.set_password(known[username])
            user.save()
            user.groups.add(Group.objects.get(name=role.value))
    path.touch(mode=0o600)
    path.write_text(json.dumps(known), encoding="utf-8")
