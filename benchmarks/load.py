"""Fifty users for three minutes through gunicorn and nginx, the CRM at 50 ms: nothing may be lost."""

from pathlib import Path

from benchmarks.measuring import Row
from benchmarks.running import product, repeating, web_processes
from tests.crowd import after, make_crowd, work
from tests.live import LiveServer
from tests.nginx import PROGRAM, Nginx

PEOPLE, SECONDS = 50, 180.0


def load(folder: Path, *, quick: bool) -> list[Row]:
    """Return the times of each kind of request; any error or lost save ends the run."""
    people, seconds = (8, 5.0) if quick else (PEOPLE, SECONDS)
    settings = {"TICKET_API_TIMEOUT": "10", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    behind = {"PROXIES": "1", "HTTPS_ONLY": "1"} if PROGRAM.exists() else {}
    samples: list[float] = []
    with product(folder, workers=2, **settings, **behind) as (server, crm):
        front = Nginx(folder / "nginx", server.port) if PROGRAM.exists() else None
        try:
            names = make_crowd(server, people)
            crm.switch(latency_ms=50)
            address, verify = (front.address, str(front.certificate)) if front else ("", "")
            way = {"address": address, "verify": verify or True}
            with repeating(lambda: samples.append(_memory(server)), every=seconds / 30):
                seen = work(server, crm, names, is_over=after(seconds), pause=1.0, **way)
        finally:
            if front:
                front.stop()
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


def _memory(server: LiveServer) -> float:
    return sum(one.memory_info().rss for one in web_processes(server)) / 1e6
