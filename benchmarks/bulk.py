"""Bulk runs with real worker processes: throughput beside the ceiling, memory, and the pages meanwhile.

The ceiling is what the CRM allows: tickets in flight ÷ (latency × remote calls for a ticket). Each level is
measured twice: with single reads, as with a CRM whose list does not date changes, and with many tickets read
by one call.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.measuring import Row
from benchmarks.running import product, repeating
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.postgres import PostgresProcess, programs
from tests.sandbox_driver import Sandbox

LATENCY, SLOW = 0.050, 0.100  # seconds
IN_FLIGHT = (1, 2, 4, 8, 16)


@dataclass
class Watched:
    """What was seen while a run went on."""

    memory: list[float] = field(default_factory=list)  # MB of the worker
    progress: list[float] = field(default_factory=list)  # ms of the part of the page that is reloaded


def bulk(folder: Path, *, quick: bool) -> list[Row]:
    """Measure runs on SQLite, and on PostgreSQL if its programs are installed."""
    levels = (1, 4) if quick else IN_FLIGHT
    with product(folder / "bulk", 10_100 if not quick else 350) as (server, crm):
        rows = _throughput(server, crm, "SQLite", levels) + _two_workers(server, crm, "SQLite")
        rows += _memory(server, crm, [100, 250] if quick else [100, 10_000]) + _pasting(server)
    if programs() is None:
        return [*rows, Row("bulk, PostgreSQL", "skipped: PostgreSQL is not installed")]
    database = PostgresProcess(folder)
    try:
        tickets = 1_100 if not quick else 350
        with product(folder / "bulk-postgres", tickets, DATABASE_URL=database.url) as (server, crm):
            rows += _throughput(server, crm, "PostgreSQL", levels)
            rows += _slow_calls(server, crm, "PostgreSQL", levels[-1])
            rows += _two_workers(server, crm, "PostgreSQL")
    finally:
        database.remove()
    return rows


def _throughput(server: LiveServer, crm: Sandbox, label: str, levels: tuple[int, ...]) -> list[Row]:
    worker, rows = LiveWorker(server), []
    for in_flight in levels:
        count = 40 * in_flight if in_flight < 8 else 1_000
        alone = _run(server, crm, [(_codes(crm, count), in_flight)], worker, reads_together=False)
        found = _run(server, crm, [(_codes(crm, count), in_flight)], worker)
        rows += [
            _throughput_row(label, f"{in_flight} in flight, {count} tickets, single reads", alone, in_flight),
            _throughput_row(
                label, f"{in_flight} in flight, {count} tickets, read together", found, in_flight
            ),
        ]
        rows[-1].note += f"; {found.rate / alone.rate:.2f} times as fast as single reads"
        if in_flight == 8:
            rows.append(Row("progress page during a run", label, found.progress, limit="≤ 50 ms"))
    worker.stop()
    return rows


def _slow_calls(server: LiveServer, crm: Sandbox, label: str, in_flight: int) -> list[Row]:
    """Measure runs that need half the processor time a second, so that the cores do not limit them."""
    worker, rows = LiveWorker(server, "slow"), []
    count = 25 * in_flight
    for reads, is_together in (("single reads", False), ("read together", True)):
        codes = _codes(crm, count)
        found = _run(server, crm, [(codes, in_flight)], worker, latency=SLOW, reads_together=is_together)
        what = f"{in_flight} in flight at {1000 * SLOW:.0f} ms a call, {count} tickets, {reads}"
        rows.append(_throughput_row(label, what, found, in_flight, SLOW))
    worker.stop()
    return rows


def _throughput_row(label: str, what: str, found: "Found", in_flight: int, latency: float = LATENCY) -> Row:
    ceiling = in_flight / (latency * found.calls)
    row = Row(f"bulk, {label}, one worker", what, [1000 / found.rate])
    row.limit = "≥ 90 %"
    row.note = (
        f"{found.rate:.1f} tickets/s, {100 * found.rate / ceiling:.0f} % of the ceiling; calls a ticket: "
        f"{found.calls:.3f}, of the dry run {found.planning_calls:.3f}; {found.cpu_ms:.1f} ms of CPU"
    )
    return row


def _two_workers(server: LiveServer, crm: Sandbox, label: str) -> list[Row]:
    codes = _codes(crm, 320)
    runs = [(codes[:160], 4), (codes[160:], 4)]
    workers = [LiveWorker(server, "one")]
    alone = _run(server, crm, runs, workers[0])
    workers.append(LiveWorker(server, "two"))
    time.sleep(2)
    together = _run(server, crm, runs, workers[0])
    for worker in workers:
        worker.stop()
    section = f"bulk, {label}, two runs of 4 in flight"
    one, two = (
        Row(section, "one worker", [1000 / alone.rate]),
        Row(section, "two workers", [1000 / together.rate]),
    )
    two.limit, two.note = "≥ 1.8 ×", f"{together.rate / alone.rate:.2f} times as fast"
    return [one, two]


def _memory(server: LiveServer, crm: Sandbox, sizes: list[int]) -> list[Row]:
    rows = []
    for size in sizes:
        worker = LiveWorker(server, f"memory-{size}")
        found = _run(server, crm, [(_codes(crm, size), 8)], worker, latency=0.0)
        rows.append(Row("bulk, memory of the worker", f"{size} tickets", [1000 / found.rate]))
        rows[-1].note = f"at most {max(found.memory):.1f} MB, {found.rate:.0f} tickets/s"
        worker.stop()
    return rows


def _pasting(server: LiveServer) -> list[Row]:
    lead = Lead(server)
    times = []
    for number in range(3):
        codes = [f"TK{number}{one:06d}" for one in range(10_000)]
        started = time.perf_counter()
        path = lead.choose(codes)
        lead.visitor.get(path)
        times.append((time.perf_counter() - started) * 1000)
        lead.press(path, "discard")
    lead.close()
    return [Row("10,000 codes pasted", "taken, and the next page", times, limit="≤ 2 s")]


@dataclass
class Found(Watched):
    """A finished run, or several at once: tickets a second between the writes, and calls a ticket."""

    rate: float = 0.0
    calls: float = 0.0
    planning_calls: float = 0.0
    cpu_ms: float = 0.0  # of the worker, per ticket: meaningful on a busy machine, too


def _run(
    server: LiveServer,
    crm: Sandbox,
    runs: list[tuple[list[str], int]],
    worker: LiveWorker,
    *,
    latency: float = LATENCY,
    reads_together: bool = True,
) -> Found:
    lead = Lead(server)
    phone = f"09{time.time_ns() % 10**8:08d}"  # another one each time, so that every ticket changes
    tickets = sum(len(codes) for codes, _in_flight in runs)
    crm.switch(hidden_in_lists="" if reads_together else "updated_at")
    crm.forget_log()
    paths = [lead.check(lead.choose(codes), emergency_phone=phone) for codes, _in_flight in runs]
    found = Found(planning_calls=len(crm.log()) / tickets)
    process = psutil.Process(worker.pid)
    before = sum(process.cpu_times()[:2])
    crm.switch(latency_ms=latency * 1000)
    crm.forget_log()
    looking = Lead(server)
    with repeating(lambda: _look(process, looking, paths[0], found), every=0.5):
        for path, (_codes_of_run, in_flight) in zip(paths, runs, strict=True):
            lead.confirm(path, in_flight=in_flight)
        for path in paths:
            lead.wait(path, "finished", within=600)
        found.cpu_ms = 1000 * (sum(process.cpu_times()[:2]) - before) / tickets
    looking.close()
    crm.switch(latency_ms=0, hidden_in_lists="")
    calls = crm.log()
    found.calls = len(calls) / tickets
    times = sorted(entry.time for entry in calls if entry.method == "PUT")
    assert len(times) == tickets
    found.rate = (len(times) - 1) / (times[-1] - times[0])
    lead.close()
    return found


def _look(worker: psutil.Process, lead: Lead, path: str, found: Found) -> None:
    found.memory.append(worker.memory_info().rss / 1e6)
    started = time.perf_counter()
    lead.visitor.get(f"{path}progress/")
    found.progress.append((time.perf_counter() - started) * 1000)


def _codes(crm: Sandbox, count: int) -> list[str]:
    codes = [code for code in crm.codes() if code.startswith("TK2")]
    assert len(codes) >= count, len(codes)
    return codes[:count]
