"""Run the benchmarks: `python -m benchmarks [--quick] [section …]`; a table, and results/latest.json."""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = ("pages", "tls", "cleaning", "history", "bulk", "load")
ONLY_WHEN_NAMED = {"load"}  # three minutes of its own: make load


def main() -> None:
    """Prepare a database of its own, run the sections, report."""
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

    from benchmarks import bulk, cleaning, history, load, pages

    few, many = (3, 5) if quick else (25, 100)
    work: dict[str, Callable[[], list]] = {  # type: ignore[type-arg]
        "pages": lambda: pages.edit_page(sandbox, many) + pages.save(sandbox, many),
        "tls": lambda: pages.save_over_tls(folder, few),
        "cleaning": lambda: cleaning.cleaning(few),
        "bulk": lambda: bulk.bulk(folder, quick=quick),
        "load": lambda: load.load(folder / "load", quick=quick),
        "history": lambda: history.history(20_000 if quick else 1_000_000, few, connection.vendor),
    }
    if "pages" not in sections and "tls" in sections:
        pages.person("bench", "staff")
    return [row for name in SECTIONS if name in sections for row in work[name]()]


def report(rows: list) -> None:  # type: ignore[type-arg]
    """Print the table and keep it as JSON."""
    by_name = {(row.section, row.name): row for row in rows}
    found = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            print(f"\n{section}")
        peer = by_name.get((row.section, row.peer))
        ratio = row.median / peer.median if peer else None
        compared = f"{ratio:5.2f} × {row.peer}" if ratio else ""
        print(
            f"  {row.name:32} {row.median:9.2f} ms  p95 {row.p95:9.2f}  "
            f"{compared:30} {row.limit:10} {row.note}"
        )
        found.append(
            {
                "section": row.section,
                "name": row.name,
                "median_ms": round(row.median, 3),
                "p95_ms": round(row.p95, 3),
                "ratio": round(ratio, 3) if ratio else None,
                "peer": row.peer,
                "limit": row.limit,
                "note": row.note,
            }
        )
    RESULTS.mkdir(exist_ok=True)
    content = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rows": found}
    (RESULTS / "latest.json").write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
