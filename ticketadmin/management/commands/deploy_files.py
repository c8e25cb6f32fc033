"""`ticketadmin deploy_files FOLDER`: the files of deploy/ that an installed wheel holds inside."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Copy what service managers and proxies read to where they can read it."""

    help = "Copy the units for systemd, nginx's configuration and its pages into a new folder."
    requires_system_checks: list[str] = []  # they may be needed before there are settings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder to create, such as /opt/ticketadmin/deploy")

    def handle(self, *, folder: Path, **_options: Any) -> None:
        """Copy, unless something is there: edited files are never overwritten."""
        try:
            shutil.copytree(settings.BASE_DIR / "deploy", folder)
        except FileExistsError as error:
            raise CommandError(f"{folder} exists already; nothing was copied.") from error
        except OSError as error:
            raise CommandError(f"{folder} could not be written: {error.strerror}.") from error
        self.stdout.write(f"{folder}: copied")
