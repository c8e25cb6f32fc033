"""Starting the sandbox as a process, and controlling it over its control API."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.waiting import LIMIT

KEY = "test-key-0123456789-abcdefghij"


class SandboxProcess:
    """One sandbox process with its own database file."""

    def __init__(
        self, database: Path, *, tickets: int = 250, port: int = 0, arguments: tuple[str, ...] = ()
    ) -> None:
        self._database = database
        self._arguments = ["--tickets", str(tickets), *arguments]
        self._port = port
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start it and wait for its ready line."""
        command = [sys.executable, "-m", "ticketadmin.sandbox", "--port", str(self._port)]
        self._process = subprocess.Popen(
            [*command, "--database", str(self._database), *self._arguments],
            env={**os.environ, "SANDBOX_KEY": KEY},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert "sandbox ready on" in line, line
        self.url = line.split()[-1]
        self._port = int(self.url.rsplit(":", 1)[-1])

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(LIMIT)
        assert self._process.stdout
        self._process.stdout.close()
        return code

    def kill(self) -> None:
        """End it abruptly."""
        self._process.kill()
        self._process.wait(LIMIT)
        assert self._process.stdout
        self._process.stdout.close()


@dataclass(frozen=True)
class Logged:
    """One request as the sandbox saw it."""

    id: int
    time: float
    connection: int
    method: str
    path: str
    query: dict[str, str]
    code: str | None
    body: Any
    headers: dict[str, str]
    key_ok: bool
    status: int
    applied: bool
    seconds: float


class Sandbox:
    """A readable interface to the control API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self) -> None:
        self._call("POST", "reset")

    def ticket(self, code: str) -> dict[str, Any]:
        return dict(self._call("GET", f"tickets/{code}"))

    def codes(self) -> list[str]:
        return list(self._call("GET", "tickets/"))

    def edit(self, code: str, **values: Any) -> None:
        self._call("PATCH", f"tickets/{code}", values)

    def store(self, code: str, ticket: dict[str, Any]) -> None:
        self._call("PUT", f"tickets/{code}", ticket)

    def remove(self, code: str) -> None:
        self._call("DELETE", f"tickets/{code}")

    def fault(
        self,
        kind: str,
        *,
        code: str | None = None,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
        after: bool = False,
        **options: Any,
    ) -> None:
        rule = {"kind": kind, "code": code, "method": method, "path": path, "times": times, "after": after}
        self._call("POST", "faults", {**rule, "options": options})

    def forget_faults(self) -> None:
        self._call("DELETE", "faults")

    def switch(self, **values: Any) -> None:
        self._call("PUT", "switches", values)

    def log(self, method: str | None = None, code: str | None = None) -> list[Logged]:
        entries = [Logged(**entry) for entry in self._call("GET", "log")]
        return [one for one in entries if method in {None, one.method} and code in {None, one.code}]

    def forget_log(self) -> None:
        self._call("DELETE", "log")

    def puts(self, code: str | None = None) -> list[dict[str, Any]]:
        return [entry.body for entry in self.log("PUT", code)]

    def stats(self) -> dict[str, int]:
        return dict(self._call("GET", "stats"))

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        data = json.dumps(content).encode() if content is not None else None
        connection = _connection_to(self.url)
        try:
            connection.request(method, f"/_sandbox/{path}", data)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()  # what comes next would read the rest of this answer
            raise
        assert response.status == HTTPStatus.OK, answer.decode()
        return json.loads(answer)


class _Connection(HTTPConnection):
    """A connection that ends with its thread."""

    def __del__(self) -> None:
        self.close()


_kept = threading.local()


def _connection_to(url: str) -> HTTPConnection:
    """Return this thread's connection to a sandbox: opening one takes longer than an answer."""
    connections: dict[str, _Connection] = _kept.__dict__.setdefault("connections", {})
    connection = connections.get(url)
    if connection is None:
        connection = connections[url] = _Connection(url.removeprefix("http://"), timeout=LIMIT)
    if connection.sock and select.select([connection.sock], [], [], 0)[0]:
        connection.close()  # the sandbox has ended since; the next request opens it again
    return connection
