"""`make demo`: the whole product in one terminal, with an embedded sandbox CRM."""

import json
import os
import secrets
import socket
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ticketadmin.management.supervisor import Supervisor

DJANGO = [sys.executable, "-m", "django"]
PORTS_TRIED = 20
PEOPLE_FILE = "demo-people.json"


class Command(BaseCommand):
    """Start sandbox, web server and worker together; Ctrl-C stops them all."""

    help = "Run the demonstration: sandbox, web server and worker in one terminal."
    requires_system_checks: list[str] = []  # the children check themselves, with the demo's settings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (default: 8000)")

    def handle(self, **options: Any) -> None:
        if settings.SETTINGS_FILE:
            raise CommandError(
                "The demo makes users with known names: it never uses a settings file. Unset SETTINGS_FILE."
            )
        port = free_port(options["port"])
        if port != options["port"]:
            self.stdout.write(f"Port {options['port']} is in use; taking {port}.")
        supervisor = Supervisor(demo_environment())
        try:
            if not os.environ.get("TICKET_API_URL"):
                ready = supervisor.start("sandbox", sandbox(), ready="sandbox ready on", within=30)
                supervisor.environment["TICKET_API_URL"] = ready.rsplit(" ", 1)[-1]
            self._prepare(supervisor.environment)
            supervisor.start("web", web_server(port), ready="Listening at")
            supervisor.start("worker", [*DJANGO, "worker", "--interval", "0.5", "--no-startup-delay"])
        except RuntimeError as error:
            supervisor.stop()
            raise CommandError(str(error)) from error
        self._greet(port, supervisor.environment)
        sys.exit(supervisor.wait())

    def _prepare(self, environment: dict[str, str]) -> None:
        # The sandbox has few tickets, so they are read now and the first page shows them; another CRM's list
        # is left to a worker.
        sweep = ["--sweep"] if "SANDBOX_KEY" in environment else []
        self.stdout.write("Preparing tables, static files and people: the first time takes some seconds.")
        self.stdout.flush()
        quiet = {"LOG_LEVEL": "WARNING", **environment}  # so that the greeting stays in view
        prepared = subprocess.run([*DJANGO, "prepare_demo", *sweep], env=quiet, check=False)
        if prepared.returncode:
            raise RuntimeError("the demo could not be prepared: see the lines above")

    def _greet(self, port: int, environment: dict[str, str]) -> None:
        people = json.loads((Path(environment["DATA_DIR"]) / PEOPLE_FILE).read_text(encoding="utf-8"))
        self.stdout.write(f"\n  ticketadmin   http://127.0.0.1:{port}/\n")
        self.stdout.write(f"  the CRM       {environment['TICKET_API_URL']}\n\n")
        for name, password in people.items():
            self.stdout.write(f"  sign in as    {name:<6} {password}\n")
        self.stdout.write("\n  Try ticket ABCXYZ1234. Ctrl-C stops everything; what you change is kept.\n\n")
        self.stdout.flush()


def demo_environment() -> dict[str, str]:
    """Return the children's environment: the caller's, plus what a demonstration needs."""
    data = data_folder()
    data.mkdir(parents=True, exist_ok=True)
    needed = {
        "DATA_DIR": str(data),
        **(from_checkout(data) if settings.IS_CHECKOUT else {}),
        "SECRET_KEY": kept_secret(data / "secret-key", 50),
        "HTTPS_ONLY": "0",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "ticketadmin.settings",
    }
    if not os.environ.get("TICKET_API_URL"):
        needed["TICKET_API_KEY"] = needed["SANDBOX_KEY"] = kept_secret(data / "sandbox-key", 30)
    return {**needed, **os.environ} if os.environ.get("TICKET_API_URL") else {**os.environ, **needed}


def data_folder() -> Path:
    """Return where the demonstration keeps everything: DATA_DIR, or a folder in its default value."""
    return Path(os.environ["DATA_DIR"]) if os.environ.get("DATA_DIR") else settings.DATA_DIR / "demo"


def from_checkout(data: Path) -> dict[str, str]:
    """Return the variables that only a checkout needs: where static files are, and where the package is."""
    inherited = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(settings.BASE_DIR), *([inherited] if inherited else [])])
    return {"STATIC_ROOT": str(data / "static"), "PYTHONPATH": path}


def kept_secret(path: Path, length: int) -> str:
    """Return a random secret, kept for later starts in a file that only its owner may read."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(length)[:length], encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def free_port(wanted: int) -> int:
    """Return the wanted port, or the next free one. Raises CommandError when none of 20 is free."""
    for port in range(wanted, wanted + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"Ports {wanted} to {wanted + PORTS_TRIED - 1} are all in use: name another with --port."
    raise CommandError(message)


def sandbox() -> list[str]:
    """Return the command of the sandbox CRM."""
    command = [sys.executable, "-m", "ticketadmin.sandbox", "--port", "0"]
    return [*command, "--database", str(data_folder() / "sandbox.sqlite3")]


def web_server(port: int) -> list[str]:
    """Return the command of the web server as it runs in production, on loopback."""
    config = ["--config", str(settings.BASE_DIR / "gunicorn.conf.py")]
    command = [sys.executable, "-m", "gunicorn", "ticketadmin.wsgi", *config, "--bind", f"127.0.0.1:{port}"]
    return [*command, "--workers", "2", "--threads", "8", "--preload", "--no-control-socket"]
