"""Background work: which process a worker is, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

from ticketadmin.tasks import this_worker

STOPPED_WHILE_IT_LOGS = """
import io, os, signal, sys

class SendsSignal(io.RawIOBase):
    was_sent = False

    def writable(self):
        return True

    def write(self, data):
        if b"Starting worker" in bytes(data) and not self.was_sent:
            self.was_sent = True
            os.kill(os.getpid(), signal.SIGTERM)
        return os.write(2, data)

sys.stderr = io.TextIOWrapper(io.BufferedWriter(SendsSignal()), write_through=True)
import django
django.setup()
from ticketadmin.management.commands.db_worker import Worker
worker = Worker(
    queue_names=["default"], interval=1, batch=False, backend_name="default", startup_delay=False,
    max_tasks=None, worker_id="one", excluded_queue_names=[],
)
worker.configure_signals()
worker.run()
"""


def test_a_process_keeps_its_name_and_a_fork_of_it_is_another_worker() -> None:
    mine = this_worker()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, this_worker().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        theirs = source.read().decode()
    os.waitpid(pid, 0)

    assert this_worker() == mine
    assert theirs.startswith(mine[:-12])
    assert theirs != mine


def test_a_signal_that_interrupts_a_log_line_ends_the_worker() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_LOGS],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "INFO"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Starting worker" in done.stderr
    assert "Traceback" not in done.stderr
