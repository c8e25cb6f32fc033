"""`make demo` itself: it starts, says where, keeps its data, and ends cleanly."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from tests.waiting import wait_until

pytestmark = pytest.mark.slow
MANAGE = str(Path(__file__).resolve().parent.parent.parent / "manage.py")


class Demo:
    """One run of the command, its output collected."""

    def __init__(
        self,
        data: Path,
        port: int,
        command: Sequence[str] = (sys.executable, MANAGE),
        cwd: Path | None = None,
    ) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TICKET_API", "DATABASE", "DEBUG", "SECRET", "DJANGO", "HTTPS", "LOG"))
        }
        self.process = subprocess.Popen(
            [*command, "demo", "--port", str(port)],
            cwd=cwd,
            env={**kept, "DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "ticketadmin.settings"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(self._is_ready, lambda: self.output, within=240)  # it compiles, migrates and seeds
        self.url = re.findall(r"ticketadmin +(http://\S+)/", self.output)[0]
        self.crm = re.findall(r"the CRM +(http://\S+)", self.output)[0]
        self.passwords = dict(re.findall(r"sign in as +(\w+) +(\S+)", self.output))

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.output += line

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.output
        return "Ctrl-C stops everything" in self.output

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(15)
        self._reader.join(10)
        assert not self._reader.is_alive()  # no process that it started survives and holds the pipe
        assert self.process.stdout
        self.process.stdout.close()
        return code


def test_the_demo_starts_keeps_data_and_ends_on_one_signal(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        first = Demo(tmp_path, port)
        assert f"Port {port} is in use" in first.output
    assert first.output.index("Preparing") < first.output.index("Listening at")  # no silence in between
    assert requests.get(f"{first.url}/sign-in/", timeout=10).status_code == 200
    assert first.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{first.url}/sign-in/", timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.get(first.crm, timeout=10)

    second = Demo(tmp_path, port)

    assert second.passwords == first.passwords
    key = (tmp_path / "sandbox-key").read_text(encoding="ascii")
    assert key not in first.output + second.output
    assert second.stop() == 0
