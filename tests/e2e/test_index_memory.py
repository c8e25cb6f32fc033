"""A sweep of a large CRM takes a worker no more memory at its end than near its beginning."""

import contextlib
import sqlite3
from collections.abc import Iterator

import psutil
import pytest

from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import SandboxProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TICKETS = 10_000
WARM = 2_000  # rows after which everything is loaded that a sweep needs
GROWTH = 14 * 2**20  # bytes: less than 2 KB for each ticket after those
LIMIT = 400.0  # seconds, on a busy machine


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A product with an empty index, a CRM with many tickets, and a budget that does not slow it down."""
    crm = SandboxProcess(tmp_path_factory.mktemp("large") / "crm.sqlite3", tickets=TICKETS)
    folder = tmp_path_factory.mktemp("swept")
    started = LiveServer(folder, crm.url, is_swept=False, TICKET_INDEX_PER_SECOND="1000")
    yield started
    started.stop()
    assert crm.stop() == 0


def known(server: LiveServer) -> int:
    file = server.data / "ticketadmin.sqlite3"
    with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
        return int(database.execute("SELECT count(*) FROM ticketadmin_indexedticket").fetchone()[0])


def test_the_memory_of_a_worker_stays_flat_over_a_sweep(server: LiveServer) -> None:
    worker = LiveWorker(server)
    process = psutil.Process(worker.pid)
    sizes: list[int] = []

    def measured(least: int) -> bool:
        sizes.append(sum(one.memory_info().rss for one in (process, *process.children(recursive=True))))
        return known(server) >= least

    wait_until(lambda: known(server) >= WARM, "the sweep does not begin", within=LIMIT)
    wait_until(lambda: measured(TICKETS), lambda: f"{known(server)} are known", within=LIMIT, every=0.5)
    assert worker.stop() == 0

    assert len(sizes) > 3, "the sweep ended before it could be measured"
    assert max(sizes) - sizes[0] < GROWTH, sizes
