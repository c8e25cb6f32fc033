"""The units in deploy/: systemd accepts them, and their commands run as it would run them.

systemd is not the first process of a machine that tests run on, so its own tool hands the socket over. What
only the manager itself does is not tried here: other users, sandboxing, restarts.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import prepared
from tests.conftest import skip_or_fail
from tests.sandbox_driver import KEY
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted(path.name for path in (ROOT / "deploy").iterdir() if path.suffix in {".service", ".socket"})
INSTALLED = "/opt/ticketadmin/.venv/bin"
WEB, WORKER = "ticketadmin-web.service", "ticketadmin-worker@.service"
PATIENCE = 30.0


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        skip_or_fail(name, "REQUIRE_SYSTEMD")
    return str(found)


def unit(name: str) -> str:
    """Return a unit as it would be installed on this machine."""
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
    return text.replace(INSTALLED, str(Path(sys.executable).parent))


def lines(name: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.+)$", unit(name), re.MULTILINE)


@pytest.mark.parametrize("name", [WEB, WORKER])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LimitCORE", "0"),  # a core holds the key
        ("ProtectProc", "invisible"),
        ("ProtectClock", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("SystemCallArchitectures", "native"),
        ("UMask", "0077"),
    ],
)
def test_the_units_drop_every_privilege_the_product_does_not_need(name: str, key: str, value: str) -> None:
    assert lines(name, key) == [value]


class Machine:
    """A folder in which units run: the environment that theirs name, their credentials, their socket."""

    def __init__(self, folder: Path, crm_url: str) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.socket = folder / "web.sock"
        (folder / "ticket-api-key").write_text(KEY, encoding="utf-8")  # as LoadCredential puts it
        self.settings = {
            "TICKET_API_URL": crm_url,
            "SECRET_KEY": "unit-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
            "DATA_DIR": str(folder),
            "STATIC_ROOT": str(folder / "static"),
        }

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service; like systemd, pass on little of this process's own."""
        given = " ".join(lines(name, "Environment")).replace("%d", str(self.folder)).split()
        return {"PATH": os.environ["PATH"], **self.settings, **dict(one.split("=", 1) for one in given)}

    def run(self, name: str, key: str) -> None:
        """Run a unit's commands of one kind to their end."""
        for command in lines(name, key):
            subprocess.run(command.split(), cwd=ROOT, env=self.environment(name), check=True)

    def start(self, name: str, *before: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a unit's service; `before` is the command that hands it a socket."""
        (command,) = lines(name, "ExecStart")
        environment = {**self.environment(name), **more}
        passed = [f"--setenv={one}" for one in environment] if before else []
        with (self.folder / f"{name}.log").open("w") as log:
            command_line = [*before, *passed, *command.split()]
            process = subprocess.Popen(command_line, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self._started.append(process)
        return process

    def _connect(self, connection: socket.socket) -> None:
        wait_until(lambda: connection.connect_ex(str(self.socket)) == 0, "the service does not listen")

    def clear(self) -> None:
        """End what a failed test left running."""
        for process in self._started:
            process.terminate()
            process.wait(PATIENCE)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def ask(self, path: str) -> str:
        """Ask as nginx does, over the socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            self._connect(connection)
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close"
            connection.sendall(f"{head}\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


@pytest.fixture
def new_machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing was started yet."""
    made = Machine(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "staticfiles.json").write_text('{"version": "1.1", "paths": {}}', "utf-8")
    yield made
    made.clear()


@pytest.fixture
def machine(new_machine: Machine) -> Machine:
    """A machine on which a web service ran before: its database has its tables."""
    prepared.copy_to(new_machine.folder)
    return new_machine


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where a service of Type=notify says that it is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(PATIENCE)
        listening.bind(str(tmp_path / "notify"))
        yield listening


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_every_unit(name: str, tmp_path: Path) -> None:
    for each in UNITS:
        (tmp_path / each).write_text(unit(each), encoding="utf-8")
    verify = [tool("systemd-analyze"), "verify", "--man=no", f"./{name}"]

    done = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_the_web_service_uses_its_socket_reports_readiness_and_ends_cleanly(
    new_machine: Machine, manager: socket.socket
) -> None:
    machine = new_machine
    machine.run(WEB, "ExecStartPre")
    activate = (tool("systemd-socket-activate"), f"--listen={machine.socket}")
    server = machine.start(WEB, *activate, NOTIFY_SOCKET=str(manager.getsockname()))

    assert machine.ask("/healthz").startswith("HTTP/1.1 200 ")  # the first visitor starts it
    assert b"READY=1" in manager.recv(4096)
    assert "\r\nStrict-Transport-Security: " in machine.ask("/healthz")  # PROXIES=1: https is believed

    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    assert "Traceback" not in machine.log(WEB)


def test_the_worker_starts_and_ends_cleanly(machine: Machine) -> None:
    worker = machine.start(WORKER)
    wait_until(lambda: "Starting worker" in machine.log(WORKER), lambda: machine.log(WORKER))
    assert worker.poll() is None, machine.log(WORKER)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(PATIENCE) == 0
    assert "Traceback" not in machine.log(WORKER)


def test_commands_run_as_the_documentation_says(machine: Machine) -> None:
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    define = manual.split("```sh\n")[1].split("```")[0]
    kept = machine.folder / "environment"
    kept.write_text(
        "".join(f"{name}='{value}'\n" for name, value in machine.settings.items()), encoding="utf-8"
    )
    for there, here in (
        ("runuser -u ticketadmin -- ", ""),
        ("cd /opt/ticketadmin", f"cd {ROOT}"),
        (".venv/bin/python", sys.executable),
        ("/etc/ticketadmin", str(machine.folder)),
    ):
        assert there in define
        define = define.replace(there, here)

    asked = ["sh", "-c", f"{define}\nmanage check --deploy --fail-level WARNING"]
    done = subprocess.run(
        asked, env={"PATH": os.environ["PATH"]}, cwd="/", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
