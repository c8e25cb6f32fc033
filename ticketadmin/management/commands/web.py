"""`ticketadmin web`: gunicorn with the product's configuration, in place of this process."""

import argparse
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ticketadmin.management.starting import require_start, static_problem


class Command(BaseCommand):
    """Check, then turn into gunicorn, so that signals and sockets of a service manager reach it."""

    help = (
        "Serve the pages with gunicorn. Options after -- are gunicorn's own: ticketadmin web -- --workers 4"
    )
    requires_system_checks: list[str] = []  # require_start runs them and says more

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("options", nargs=argparse.REMAINDER, help="options of gunicorn, after --")

    def handle(self, *, options: list[str], **_others: Any) -> None:
        """Check what would fail later, then become the server."""
        require_start()
        if problem := static_problem():
            sys.exit(problem)
        given = options[1:] if options[:1] == ["--"] else options
        config = ["--config", str(settings.BASE_DIR / "gunicorn.conf.py")]
        command = [sys.executable, "-m", "gunicorn", "ticketadmin.wsgi", *config, *given]
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell
