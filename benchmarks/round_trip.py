"""A list there and back: 10,000 rows exported and uploaded again, while the tickets page is requested."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import requests

from benchmarks.measuring import Row
from tests.browsing import Visitor
from tests.live import LiveServer
from tests.sandbox_driver import SandboxProcess

TITLE = "an exported list, there and back"
COLUMNS = "title,status,category,customer,email,phone,expected,created,updated"
T = TypeVar("T")
LONGEST = 300  # seconds
_FILL = """
from django.utils import timezone
from ticketadmin.models import IndexedTicket, ReadFrom
from ticketadmin.services.index.rows import Seen, current_index, write_rows
IndexedTicket.objects.all().delete()
index, now = current_index(), timezone.now()
for start in range(0, {rows}, 500):
    seen = [
        Seen(f"B-{{n:05}}", n, {{
            "ticket_title": f"Khách báo lỗi in hóa đơn số {{n}}", "status_name": "Mới", "cate_name": "Khác",
            "account_name": f"Công ty {{n % 97}}", "account_email": f"khach{{n}}@example.com",
            "emergency_phone": f"09{{n:08}}", "expected_at": "2026-12-05",
            "created_at": "2026-11-01 08:30:00", "updated_at": "2026-11-02 08:30:00",
        }})
        for n in range(start, min(start + 500, {rows}))
    ]
    write_rows(index, seen, began_at=now, read_from=ReadFrom.LIST)
"""


def round_trip(folder: Path, *, quick: bool) -> list[Row]:
    """Return the times of the export, of its upload, and of the tickets page meanwhile; memory as a note."""
    folder.mkdir()
    rows = 1_000 if quick else 10_000
    process = SandboxProcess(folder / "crm.sqlite3", tickets=20)
    server = LiveServer(folder, process.url, LOG_LEVEL="ERROR")
    try:
        server.manage("shell", "-c", _FILL.format(rows=rows))
        return _measured(server, rows)
    finally:
        server.stop()
        process.stop()


def _measured(server: LiveServer, rows: int) -> list[Row]:
    lead, reader = Visitor(server, "lead"), Visitor(server, "staff")
    page = Row(TITLE, "tickets page meanwhile")
    before = _megabytes(server.pid)
    with _Asking(reader, page):
        export, content = _timed(lambda: _export(lead))
        upload, answer = _timed(lambda: _upload(lead, content))
    assert answer.status_code == 303, answer.text[:2_000]
    unchanged = lead.get(answer.headers["Location"].removeprefix(server.url)).text
    assert "changed cells" not in unchanged
    peak = f"processes of the web server: {before:.0f} MB before, {_megabytes(server.pid):.0f} MB at most"
    return [
        Row(TITLE, f"export of {rows:,} rows", [export], note=f"{len(content) / 1e6:.1f} MB"),
        Row(TITLE, f"upload of the same file, {rows:,} rows", [upload], note=peak),
        page,
    ]


class _Asking:
    """Asks for the tickets page, again and again, until it is left."""

    def __init__(self, reader: Visitor, row: Row) -> None:
        self._reader, self._row, self._over = reader, row, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.2):
            took, answer = _timed(lambda: self._reader.get("/tickets/"))
            assert answer.status_code == 200
            self._row.milliseconds.append(took)


def _timed(act: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    found = act()
    return (time.perf_counter() - started) * 1000, found


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


def _export(lead: Visitor) -> bytes:
    data = {"csrfmiddlewaretoken": _token(lead.get("/tickets/").text), "matching": f"columns={COLUMNS}"}
    answer = lead.session.post(f"{lead.server.url}/list/tickets.xlsx", data, timeout=LONGEST)
    assert answer.content[:2] == b"PK", answer.text[:2_000]
    return answer.content


def _upload(lead: Visitor, content: bytes) -> requests.Response:
    return lead.session.post(
        f"{lead.server.url}/bulk/new/",
        {"csrfmiddlewaretoken": _token(lead.get("/bulk/new/").text)},
        files={"file": ("tickets.xlsx", content)},
        timeout=LONGEST,
        allow_redirects=False,
    )


def _megabytes(pid: int) -> float:
    """Return the most memory that the processes of a group have had at any time."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    status = [Path(f"/proc/{one}/status").read_text() for one in pids]
    peaks = [re.search(r"VmHWM:\s+(\d+)", text) for text in status]
    return sum(int(found[1]) for found in peaks if found) / 1024
