"""Run several processes in one terminal: start together, prefix output, stop each with one signal.

Each child gets a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone:
a second signal to a worker would mark its running task as failed. On Linux the kernel ends the
children if the supervisor is killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

STOP_WITHIN = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Run children until one ends or a signal comes; then end them all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._stop = threading.Event()

    def start(
        self, name: str, command: Sequence[str], *, ready: str | None = None, within: float = 20.0
    ) -> str:
        """Start a child whose output is prefixed with its name; with `ready`, wait for a line with this text.

        Returns the line. Raises RuntimeError when the child ends or stays silent before it is ready.
        """
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of this process holds a lock here
        )
        self._processes[name] = process
        line: Future[str] = Future()
        threading.Thread(target=self._relay, args=(name, process, ready, line), daemon=True).start()
        if ready is None:
            return ""
        try:
            return line.result(within)
        except (TimeoutError, EOFError) as error:
            raise RuntimeError(f"{name} did not start: see its lines above") from error

    def _relay(
        self, name: str, process: subprocess.Popen[str], ready: str | None, found: Future[str]
    ) -> None:
        for line in process.stdout or ():
            if ready and ready in line and not found.done():
                found.set_result(line.strip())
            sys.stdout.write(f"{name:>8} | {line}")
            sys.stdout.flush()
        if not found.done():
            found.set_exception(EOFError())
        self._stop.set()

    def wait(self) -> int:
        """Wait for a signal or the end of any child, end the others, and return an exit code."""
        asked_to = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not `_stop`: its lock may be held by the very `wait` that the signal interrupts.
            signal.signal(number, lambda *_signal: asked_to.set())
        while not (asked_to.is_set() or self._stop.wait(0.5)):
            pass
        self.stop()
        return 0 if asked_to.is_set() else 1

    def stop(self) -> None:
        """Send each living child one SIGTERM, and SIGKILL to those still alive after STOP_WITHIN seconds."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + STOP_WITHIN
        for process in self._processes.values():
            try:
                process.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
