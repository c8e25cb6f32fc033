"""Build a whole wheel: the folders beside the package are mapped into it, static files are collected.

The rest of the build is in pyproject.toml. The same sources give the same bytes, whatever the umask, the
clock and the folder: file modes and times are fixed, and nothing of an earlier build is reused.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
BUNDLED = Path("ticketadmin", "bundled")  # ticketadmin/settings.py looks there
CATALOGUES = ("locale/vi/LC_MESSAGES/django.mo", "locale/django/vi/LC_MESSAGES/django.mo")
COPIED = ("templates", "static", "deploy", "gunicorn.conf.py", *CATALOGUES)
EARLIEST = "315532800"  # 1980-01-01, before which a zip archive has no times


class BuildWithFiles(build_py):
    """Copy what the package needs beside its modules. An editable install reads it from the checkout."""

    def run(self) -> None:
        """Build the modules, then the bundle."""
        super().run()
        if self.editable_mode:
            return
        bundle = Path(self.build_lib) / BUNDLED
        for name in COPIED:
            source, target = ROOT / name, bundle / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
        collect_static(bundle / "staticfiles")


class ReproducibleWheel(bdist_wheel):
    """Give every file one mode before the archive is written; the sources' modes depend on the checkout."""

    def write_wheelfile(self, *arguments: str) -> None:
        """Write the last file of the tree, then set the modes."""
        super().write_wheelfile(*arguments)
        for path in Path(self.bdist_dir).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


def collect_static(target: Path) -> None:
    """Collect static files as the product's settings do, with only the packages that have some."""
    import django  # noqa: PLC0415 - from build-system.requires; reading the metadata needs none of it
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    sys.path.insert(0, str(ROOT))
    settings.configure(
        INSTALLED_APPS=[
            *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "staticfiles")),
            "django_otp",
            "django_otp.plugins.otp_totp",
            "django_prose_editor",
        ],
        STATICFILES_DIRS=[ROOT / "static"],
        STATIC_ROOT=target,
        STATIC_URL="static/",
        STORAGES={"staticfiles": {"BACKEND": "ticketadmin.storage.HashedStaticFiles"}},
    )
    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)


os.umask(0o022)
os.environ.setdefault("SOURCE_DATE_EPOCH", EARLIEST)
with tempfile.TemporaryDirectory() as clean:
    setup(
        cmdclass={"bdist_wheel": ReproducibleWheel, "build_py": BuildWithFiles},
        options={"build": {"build_base": clean}},
    )
