"""Run the benchmarks: `python -m benchmarks [--quick] [section …]`; a table, and results/latest.json."""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = (
    "pages",
    "list",
    "index",
    "tls",
    "cleaning",
    "history",
    "bulk",
    "processes",
    "weight",
    "load",
    "round_trip",
    "uploads",
)
ONLY_WHEN_NAMED = {"load"}  # three minutes of its own: make load


def main() -> None:
    """Prepare a separate database, run the sections, report."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], default=[])
    parser.add_argument("--quick", action="store_true", help="few rounds, 20,000 history rows: does it run?")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        usual = [section for section in SECTIONS if section not in ONLY_WHEN_NAMED]
        rows = run(Path(name), arguments.sections or usual, quick=arguments.quick)
    report(rows)


def run(folder: Path, sections: list[str], *, quick: bool) -> list:  # type: ignore[type-arg]
    """Return every measured row."""
    from tests.sandbox_driver import KEY, SandboxProcess

    sandbox = SandboxProcess(folder / "crm.sqlite3", tickets=120)
    database = os.environ.get("BENCH_DATABASE_URL") or f"sqlite:///{folder / 'bench.sqlite3'}"
    os.environ.update(
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
        DATABASE_URL=database,
        SECRET_KEY="benchmarks-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
        ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
        HTTPS_ONLY="0",
        LOG_LEVEL="ERROR",
        TICKET_API_URL=sandbox.url,
        TICKET_API_KEY=KEY,
        TICKET_INDEX_PER_SECOND="1000",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    try:
        return _measure(folder, sandbox, sections, quick=quick)
    finally:
        sandbox.stop()


def _measure(folder: Path, sandbox, sections: list[str], *, quick: bool) -> list:  # type: ignore[no-untyped-def,type-arg]
    from django.db import connection

    from benchmarks import (
        bulk,
        cleaning,
        history,
        index,
        load,
        pages,
        processes,
        round_trip,
        uploads,
        weight,
    )

    few, many = (3, 5) if quick else (25, 100)
    tickets = 20_000 if quick else 1_000_000 if connection.vendor == "postgresql" else 100_000
    work: dict[str, Callable[[], list]] = {  # type: ignore[type-arg]
        "pages": lambda: pages.edit_page(sandbox, many) + pages.save(sandbox, many),
        "list": lambda: pages.tickets_page(sandbox, many),
        "index": lambda: index.index(tickets, few, connection.vendor),
        "processes": lambda: processes.processes(folder, 1 if quick else 5),
        "tls": lambda: pages.save_over_tls(folder, few),
        "cleaning": lambda: cleaning.cleaning(few),
        "bulk": lambda: bulk.bulk(folder, quick=quick),
        "round_trip": lambda: round_trip.round_trip(folder / "round_trip", quick=quick),
        "uploads": lambda: uploads.uploads(quick=quick),
        "weight": lambda: weight.weight(folder / "weight", quick=quick),
        "load": lambda: load.load(folder / "load", quick=quick),
        "history": lambda: history.history(20_000 if quick else 1_000_000, few, connection.vendor),
    }
    if "pages" not in sections and "tls" in sections:
        pages.person("bench", "staff")
    return [row for name in SECTIONS if name in sections for row in work[name]()]


def report(rows: list) -> None:  # type: ignore[type-arg]
    """Print the table, and keep it as JSON and as Markdown."""
    found = [_facts(row, rows) for row in rows]
    section = ""
    for facts in found:
        if facts["section"] != section:
            section = facts["section"]
            print(f"\n{section}")
        times, compared = _times(facts), _compared(facts)
        print(f"  {facts['name']:36} {times:46} {compared:46} {facts['limit']:10} {facts['note']}")
    RESULTS.mkdir(exist_ok=True)
    content = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rows": found}
    (RESULTS / "latest.json").write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    (RESULTS / "latest.md").write_text(_markdown(found), encoding="utf-8")


def _facts(row, rows: list) -> dict[str, Any]:  # type: ignore[no-untyped-def,type-arg]
    peer = next((one for one in rows if (one.section, one.name) == (row.section, row.peer)), None)
    timed = bool(row.milliseconds)
    return {
        "section": row.section,
        "name": row.name,
        "median_ms": round(row.median, 2) if timed else None,
        "p95_ms": round(row.p95, 2) if timed else None,
        "processor_ms": round(row.processor_median, 2) if row.processor else None,
        "ratio": round(row.median / peer.median, 2) if timed and peer else None,
        "processor_ratio": _processor_ratio(row, peer),
        "peer": row.peer,
        "limit": row.limit,
        "note": row.note,
    }


def _processor_ratio(row, peer) -> float | None:  # type: ignore[no-untyped-def]
    if not (peer and row.processor and peer.processor):
        return None
    return round(row.processor_median / peer.processor_median, 2)


def _times(facts: dict[str, Any]) -> str:
    timed = facts["median_ms"] is not None
    processor = f" cpu {facts['processor_ms']:8.2f}" if facts["processor_ms"] is not None else ""
    return f"{facts['median_ms']:9.2f} ms  p95 {facts['p95_ms']:9.2f}{processor}" if timed else ""


def _compared(facts: dict[str, Any]) -> str:
    processor = f" (cpu {facts['processor_ratio']:.2f} ×)" if facts["processor_ratio"] else ""
    return f"{facts['ratio']:.2f} ×{processor} {facts['peer']}" if facts["ratio"] else ""


def _markdown(found: list[dict[str, Any]]) -> str:
    lines = ["| what | median | p95 | processor | beside | aim | |", "|---|---|---|---|---|---|---|"]
    for facts in found:
        keys = ("median_ms", "p95_ms", "processor_ms")
        median, p95, processor = (f"{facts[key]} ms" if facts[key] is not None else "" for key in keys)
        cells = [
            f"{facts['section']}: {facts['name']}",
            median,
            p95,
            processor,
            _compared(facts),
            facts["limit"],
            facts["note"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
