"""`ticketadmin healthy web` and `healthy worker`: what the health checks of containers run."""

import http.client
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ticketadmin.services.operations.heartbeats import living

TIMEOUT = 5.0  # seconds


class Command(BaseCommand):
    """Exit 0 if this container's process answers, 1 if it does not."""

    help = "Check that the web server or the worker of this container runs. Exit code 1: it does not."
    requires_system_checks: list[str] = []  # runs every few seconds

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("process", choices=["web", "worker"], help="the process to check")
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (default: 8000)")

    def handle(self, *, process: str, port: int, **_options: Any) -> None:
        is_well = web_answers(port) if process == "web" else worker_lives()
        self.stdout.write("ok" if is_well else f"{process}: no sign of life")
        if not is_well:
            sys.exit(1)


def web_answers(port: int) -> bool:
    """Return whether the web server of this machine answers `/healthz`, or redirects it to https."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.ALLOWED_HOSTS[0]})
        return connection.getresponse().status in {http.HTTPStatus.OK, http.HTTPStatus.MOVED_PERMANENTLY}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_lives() -> bool:
    """Return whether a worker on this host has a recent heartbeat; worker names begin with the host's."""
    return any(one.name.startswith(f"{socket.gethostname()[:40]}-") for one in living())
