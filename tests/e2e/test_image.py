"""The container image: built and run as its user, stopped and started with nothing lost."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.browsing import Visitor
from tests.containers import Images
from tests.e2e.leading import Lead
from tests.postgres import PostgresProcess
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
IMAGE = "localhost/ticketadmin-test"
FOR_ALL = ("/tmp", "/var/tmp", "/run/lock", "/var/lib/ticketadmin")  # noqa: S108 - Debian's, and the volume
PASSWORD = "a-long-image-password-1"
USERS = f"""
from django.contrib.auth.models import Group
from ticketadmin.models import User
for name in ("staff", "lead"):
    User.objects.create_user(name, password={PASSWORD!r}).groups.add(Group.objects.get(name=name))
"""


class Product:
    """The image's web server and worker, on a PostgreSQL server."""

    passwords = {"staff": PASSWORD, "lead": PASSWORD}

    def __init__(self, images: Images, folder: Path, database: str, crm_url: str) -> None:
        self.images, self.folder = images, folder
        self.volume = folder / "volume"
        self.volume.mkdir()
        os.chown(self.volume, 10001, 10001)
        self.container = images.container(IMAGE)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # Secrets are files of the volume here; compose.yaml mounts them under /run/secrets.
        secrets = {"secret_key": "image-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN", "key": KEY}
        for name, text in secrets.items():
            (self.volume / name).write_text(f"{text}\n", encoding="utf-8")
        self.settings = {
            "DATABASE_URL": database,
            "TICKET_API_URL": crm_url,
            "TICKET_API_KEY_FILE": "/var/lib/ticketadmin/key",
            "SECRET_KEY_FILE": "/var/lib/ticketadmin/secret_key",
            "HTTPS_ONLY": "0",
            "BIND": f"127.0.0.1:{self.port}",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command of the image to its end and return what it printed."""
        line = self.images.command(self.container, *command, volume=self.volume, **self.settings)
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Start both, unless they run already."""
        if self._running:
            return
        for process in ("web", "worker"):
            line = self.images.command(
                self.container, "ticketadmin", process, volume=self.volume, **self.settings
            )
            with (self.folder / f"{process}.log").open("a") as log:
                self._running.append(subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True))
        wait_until(self._is_ready, self._logs, within=180)

    def _is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/readyz", timeout=10).status_code == 200
        return False

    def _logs(self) -> str:
        return "".join((self.folder / f"{name}.log").read_text("utf-8")[-2000:] for name in ("web", "worker"))

    def stop(self) -> None:
        """End both with the image's stop signal, as a container engine does."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        for process in self._running:
            process.wait(60)
        self._running.clear()

    def processes(self) -> list[int]:
        """Return the main process of each service inside the container: the one without a parent there."""
        inside = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (
                    entry.name.isdigit()
                    and f"TICKET_API_URL={self.settings['TICKET_API_URL']}"
                    in (entry / "environ").read_text("utf-8", "replace")
                    and (entry / "stat").stat().st_uid == 10001
                ):
                    inside[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        return [pid for pid, parent in inside.items() if parent not in inside]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    images = Images(tmp_path_factory.mktemp("images"))
    try:
        images.make_base("localhost/base-test")
        images.make_product(IMAGE, "localhost/base-test")
        yield images
    finally:
        images.unmount()


@pytest.fixture(scope="module")
def product(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("product")
    crm = SandboxProcess(folder / "crm.sqlite3", tickets=30)
    server = PostgresProcess(folder)
    product = Product(images, folder, server.url, crm.url)
    product.run("ticketadmin", "migrate", "-v", "0")
    product.run("ticketadmin", "shell", "-v", "0", "-c", USERS)
    yield product
    product.stop()
    server.remove()
    crm.stop()


@pytest.fixture
def running(product: Product) -> Product:
    """The product with its web server and its worker, which an earlier test may have stopped."""
    product.start()
    return product


def test_the_image_says_how_it_is_run(images: Images) -> None:
    config = json.loads(images.buildah("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]

    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == ["ticketadmin"]
    assert config["Healthcheck"]["Test"] == ["CMD", "ticketadmin", "healthy", "web"]
    assert list(config["Volumes"]) == ["/var/lib/ticketadmin"]
    assert not [one for one in config["Env"] if "KEY" in one or "SECRET" in one or "PASSWORD" in one]


def test_saves_and_bulk_runs_survive_a_stop_and_a_start(running: Product) -> None:
    crm = Sandbox(running.settings["TICKET_API_URL"])
    codes = [code for code in crm.codes() if code.startswith("TK2")][:3]
    staff, lead = Visitor(running), Lead(running, "lead")
    typed = staff.form(codes[0]).filled(ticket_title="Từ hộp")
    saved = staff.post(f"/tickets/{codes[0]}/", typed, follow=True)
    run = lead.run(codes, emergency_phone="0909 111 222")
    assert "Verified" in saved.text
    assert crm.ticket(codes[0])["ticket_title"] == "Từ hộp"
    assert lead.outcomes(run) == dict.fromkeys(codes, "verified")

    running.stop()
    running.start()

    again = Lead(running, "lead")
    assert again.outcomes(run) == dict.fromkeys(codes, "verified")
    assert "Từ hộp" in staff.get(f"/tickets/{codes[0]}/").text  # the session lives, too
    again.run(codes, emergency_phone="0909 333 444")
    for visitor in (staff, lead, again):
        visitor.close()


def test_nothing_in_the_image_runs_as_root_or_writes_outside_the_volume(running: Product) -> None:
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in running.processes()}
    find = "find / -xdev -writable -not -type l -not -path '/proc/*' -not -path '/dev/*' 2>/dev/null; id -u"
    *writable, user = running.run("sh", "-c", find, check=False).splitlines()

    assert owners == {10001}
    assert user == "10001"
    assert [path for path in writable if not path.startswith(FOR_ALL)] == []


def test_health_checks_detect_a_dead_process(running: Product) -> None:
    port = f"--port={running.port}"
    assert running.run("ticketadmin", "healthy", "web", port) == "ok\n"
    assert running.run("ticketadmin", "healthy", "worker") == "ok\n"

    running.stop()

    assert "no sign of life" in running.run("ticketadmin", "healthy", "web", port, check=False)
    assert "no sign of life" in running.run("ticketadmin", "healthy", "worker", check=False)


def test_a_backup_can_be_made_in_it(product: Product) -> None:
    product.run("ticketadmin", "backup", "/var/lib/ticketadmin/copy.dump")

    assert (product.volume / "copy.dump").read_bytes().startswith(b"PGDMP")
