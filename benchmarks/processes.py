"""The cost of the processes: the second start of `make demo`, imports, and memory at rest."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.measuring import Row
from benchmarks.running import product, web_processes
from tests.live import LiveWorker
from tests.prepared import MANAGE

IMPORT = "import django; django.setup(); from django.core.wsgi import get_wsgi_application as g; g(); "


def processes(folder: Path, rounds: int) -> list[Row]:
    """Return start-up times, and the memory of each kind of process as a note."""
    return [*_demo(folder / "demo", rounds), *_imports(folder, rounds), *_memory(folder / "rest")]


def _demo(folder: Path, rounds: int) -> list[Row]:
    environment = {**os.environ, "DATA_DIR": str(folder)}
    for name in ("TICKET_API_URL", "TICKET_API_KEY", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "LOG_LEVEL"):
        environment.pop(name, None)
    times = [_start_demo(environment) for _round in range(rounds + 1)]
    first = Row("start of make demo", "first, without the installation", times[:1])
    return [first, Row("start of make demo", "second", times[1:])]


def _start_demo(environment: dict[str, str]) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", MANAGE, "demo", "--port", "8950"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "sign in as" in line:
            break
    milliseconds = (time.perf_counter() - started) * 1000
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    return milliseconds


def _imports(folder: Path, rounds: int) -> list[Row]:
    code = "import time; t = time.perf_counter(); " + IMPORT + "print((time.perf_counter() - t) * 1000)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ticketadmin.settings", "DATA_DIR": str(folder)}
    times = []
    for _round in range(rounds):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    return [Row("import of a web process", "django and the product", times)]


def _memory(folder: Path) -> list[Row]:
    with product(folder, tickets=20) as (server, _crm):
        worker = LiveWorker(server)
        time.sleep(3)
        web = [one.memory_info().rss / 1e6 for one in web_processes(server)[1:]]
        own = psutil.Process(worker.pid).memory_info().rss / 1e6
        worker.stop()
    row = Row("memory at rest", "a web process, a worker")
    row.note = f"{max(web):.0f} MB, {own:.0f} MB"
    return [row]
