"""Fifty people for three minutes through gunicorn and nginx, the CRM at 50 ms: nothing may be lost."""

import threading
from pathlib import Path

import psutil

from benchmarks.measuring import Row
from tests.crowd import after, make_crowd, work
from tests.live import LiveServer
from tests.nginx import PROGRAM, Nginx
from tests.sandbox_driver import Sandbox, SandboxProcess

PEOPLE, SECONDS = 50, 180.0


def load(folder: Path, *, quick: bool) -> list[Row]:
    """Return the times of each kind of request; any error or lost save ends the run."""
    people, seconds = (8, 5.0) if quick else (PEOPLE, SECONDS)
    folder.mkdir()
    process = SandboxProcess(folder / "crm.sqlite3", tickets=120)
    settings = {"TICKET_API_TIMEOUT": "10", "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    behind = {"PROXIES": "1", "HTTPS_ONLY": "1"} if PROGRAM.exists() else {}
    server = LiveServer(folder, process.url, workers=2, **settings, **behind)
    front = Nginx(folder / "nginx", server.port) if PROGRAM.exists() else None
    try:
        names = make_crowd(server, people)
        crm = Sandbox(process.url)
        crm.switch(latency_ms=50)
        samples: list[float] = []
        sampling = _Sampling(server, samples, every=seconds / 30)
        address, verify = (front.address, str(front.certificate)) if front else ("", "")
        way = {"address": address, "verify": verify or True}
        seen = work(server, crm, names, is_over=after(seconds), pause=1.0, **way)
        sampling.stop()
    finally:
        if front:
            front.stop()
        server.stop()
        process.stop()
    assert not seen.errors, seen.errors[:3]
    assert not seen.lost, seen.lost[:3]
    title = f"{people} people, {seconds:.0f} s, through {'nginx and ' if front else ''}gunicorn"
    rows = [Row(title, kind, times) for kind, times in seen.milliseconds.items()]
    third = len(samples) // 3
    memory = (
        f"web processes {samples[third]:.0f} MB after a third of the time, {samples[-1]:.0f} MB at the end"
    )
    rows[-1].note = f"{seen.proved} saves, each found in the CRM; {len(seen.refused)} refused; {memory}"
    return rows


class _Sampling:
    """Notes the memory of the web processes while the crowd works."""

    def __init__(self, server: LiveServer, samples: list[float], *, every: float) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(server, samples, every))
        self._thread.start()

    def _run(self, server: LiveServer, samples: list[float], every: float) -> None:
        while not self._over.wait(every):
            samples.append(_memory(server))

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def _memory(server: LiveServer) -> float:
    main = psutil.Process(server.pid)
    return sum(one.memory_info().rss for one in [main, *main.children(recursive=True)]) / 1e6
