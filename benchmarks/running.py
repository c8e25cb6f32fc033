"""The product with a stand-in CRM, and polling while a benchmark runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.live import LiveServer
from tests.sandbox_driver import Sandbox, SandboxProcess


@contextmanager
def product(folder: Path, tickets: int = 120, **options: Any) -> Iterator[tuple[LiveServer, Sandbox]]:
    """Start a web server with its own CRM in a new folder; `options` are those of the server."""
    folder.mkdir()
    process = SandboxProcess(folder / "crm.sqlite3", tickets=tickets)
    try:
        server = LiveServer(folder, process.url, LOG_LEVEL="ERROR", **options)
        try:
            yield server, Sandbox(process.url)
        finally:
            server.stop()
    finally:
        process.stop()


@contextmanager
def repeating(step: Callable[[], object], *, every: float) -> Iterator[None]:
    """Call a step in a thread, so many seconds apart, until what is inside has ended."""
    over = threading.Event()

    def poll() -> None:
        while not over.wait(every):
            step()

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def web_processes(server: LiveServer) -> list[psutil.Process]:
    """Return the processes of a web server, the one that forks the others first."""
    main = psutil.Process(server.pid)
    return [main, *main.children(recursive=True)]
