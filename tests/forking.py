"""Processes of the product forked from one that has imported it: fast to start, and just as separate.

Tests of what an operator installs start a fresh interpreter instead (`test_demo`, `test_units`, `test_image`,
`test_wheel`), and so does one of each way to start in `test_first_start` and `test_starting`. Their others
run `ticketadmin` in a process that has imported other packages, and nothing yet that reads a setting.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.fork_server import MAX_REQUEST
from tests.waiting import LIMIT
from ticketadmin.services.spreadsheets import workbooks


class ForkServer:
    """A process that forks others; it ends with this process, or when it is closed."""

    def __init__(
        self,
        channel: socket.socket,
        process: "subprocess.Popen[bytes] | Forked",
        problem: Callable[[], str] = lambda: "its error is above",
    ) -> None:
        """Wait until it has imported what it forks; if it ends instead, `problem` says why."""
        self._channel = channel
        self._lock = threading.Lock()
        self._process = process
        assert channel.recv(MAX_REQUEST) == b"ready", f"a fork server did not start: {problem()}"

    def start(
        self,
        program: str,
        *arguments: str,
        streams: tuple[int, int, int],
        environment: Mapping[str, str] | None = None,
        is_leader: bool = False,
    ) -> "Forked":
        """Fork a process that runs a program of `tests/fork_server.py`.

        `streams` are descriptors of its standard streams; a leader has a process group of its own. Without an
        environment it has the server's.
        """
        request = {
            "program": program,
            "arguments": arguments,
            "environment": None if environment is None else dict(environment),
            "is_leader": is_leader,
        }
        return Forked(self, int(self.ask(request, streams)))

    def ask(self, request: dict[str, Any], streams: tuple[int, ...] = ()) -> Any:
        """Send a request and return the answer."""
        message = json.dumps(request).encode()
        assert len(message) < MAX_REQUEST
        with self._lock:
            socket.send_fds(self._channel, [message], streams)
            answer = self._channel.recv(MAX_REQUEST)
        assert answer, "a fork server has ended"
        return json.loads(answer)

    def close(self) -> None:
        """End it. The processes that it forked continue, but how they end is no longer known."""
        self._channel.close()
        self._process.wait(LIMIT)


class Forked:
    """A process that a server forked: `pid`, and what tests need of `subprocess.Popen`."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._descriptor = os.pidfd_open(pid)  # the id is reused only after the server waited for it

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._descriptor], [], [], 0)[0]:
            self.returncode = int(self._server.ask({"wait": self.pid}))
            os.close(self._descriptor)
        return self.returncode

    def has_ended_within(self, seconds: float) -> bool:
        """Wait for its end at most this long, and return whether it came."""
        if self.returncode is None:
            select.select([self._descriptor], [], [], seconds)
        return self.poll() is not None

    def wait(self, timeout: float = LIMIT) -> int:
        """Wait until it has ended, and return its exit code."""
        assert self.has_ended_within(timeout), f"process {self.pid} has not ended within {timeout:g} s"
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True)
class Command:
    """A program that was started with text to read, and whose output is kept."""

    process: Forked
    output: IO[bytes]
    errors: IO[bytes]

    def finish(self, timeout: float = LIMIT) -> "subprocess.CompletedProcess[str]":
        """Wait for its end and return what it printed."""
        code = self.process.wait(timeout)
        texts = []
        for file in (self.output, self.errors):
            file.seek(0)
            texts.append(file.read().decode("utf-8"))
            file.close()
        return subprocess.CompletedProcess([], code, *texts)


def begin(
    server: ForkServer,
    program: str,
    *arguments: str,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> Command:
    """Start a program that reads `given` as its standard input, in this environment or else the server's."""
    output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
    with tempfile.TemporaryFile() as source:
        source.write(given.encode("utf-8"))
        source.seek(0)
        streams = (source.fileno(), output.fileno(), errors.fileno())
        process = server.start(program, *arguments, streams=streams, environment=environment)
        return Command(process, output, errors)


def run(server: ForkServer, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    return begin(server, program, *arguments).finish()


def run_with(
    environment: Mapping[str, str], program: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end with this environment alone; no setting was read before."""
    return begin(_nursery(), program, *arguments, environment=environment).finish()


def run_ticketadmin(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command `ticketadmin` to its end with this environment alone."""
    return run_with(environment, "ticketadmin", *arguments)


def run_module(arguments: Sequence[str], given: bytes, output: IO[bytes]) -> int:
    """Run a module on a workbook as `services/spreadsheets/workbooks.py: start_module` does, but forked.

    A new interpreter takes 0.25 s of processor time, a fork a tenth of it. The limits are the same.
    """
    with tempfile.TemporaryFile() as source, Path(os.devnull).open("w") as nothing:
        source.write(given)
        source.seek(0)
        streams = (source.fileno(), output.fileno(), nothing.fileno())
        environment = workbooks.READER_ENVIRONMENT
        process = _nursery().start("module", *arguments, streams=streams, environment=environment)
    if not process.has_ended_within(workbooks.MAX_WORKBOOK_SECONDS):
        process.kill()
        process.wait()
        raise subprocess.TimeoutExpired([*arguments], workbooks.MAX_WORKBOOK_SECONDS)
    return process.wait()


@contextlib.contextmanager
def product_with(environment: Mapping[str, str], log: Path) -> Iterator[ForkServer]:
    """Yield a server that forks processes of the product with these settings, for the time of the block."""
    server = product(environment, log)
    yield server
    server.close()


def product(environment: Mapping[str, str], log: Path) -> ForkServer:
    """Return a server that forks processes of the product with these settings; its errors go to `log`."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, log.open("a") as output:
        streams = (theirs.fileno(), output.fileno(), output.fileno())
        process = _nursery().start("serve_product", streams=streams, environment=environment, is_leader=True)
    return ForkServer(ours, process, log.read_text)


@functools.cache
def _nursery() -> ForkServer:
    """Return this test process's server that has imported what all settings share."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server"],
            env={**os.environ, "PYTHONUTF8": "1", "OPENPYXL_LXML": "False"},  # lxml is here for tools alone
            stdin=theirs,
            start_new_session=True,
        )
    server = ForkServer(ours, process)
    atexit.register(server.close)
    return server
