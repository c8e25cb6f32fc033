"""Exporting a list and uploading it: 10,000 rows, while the tickets page is requested."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import requests

from benchmarks.measuring import Row
from benchmarks.running import product, repeating, web_processes
from tests.browsing import Visitor
from tests.live import LiveServer

TITLE = "an exported list, there and back"
COLUMNS = "title,status,category,customer,email,phone,expected,created,updated"
T = TypeVar("T")
LONGEST = 300  # seconds
_FILL = """
from django.utils import timezone
from ticketadmin.models import IndexedTicket, ReadFrom
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows
IndexedTicket.objects.all().delete()
index, now = current_index(), timezone.now()
for start in range(0, {rows}, 500):
    seen = [
        ReadRow(f"B-{{n:05}}", n, {{
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
    rows = 1_000 if quick else 10_000
    with product(folder, tickets=20) as (server, _crm):
        server.manage("shell", "-c", _FILL.format(rows=rows))
        return _measured(server, rows)


def _measured(server: LiveServer, rows: int) -> list[Row]:
    lead, reader = Visitor(server, "lead"), Visitor(server, "staff")
    page = Row(TITLE, "tickets page meanwhile")
    before = _megabytes(server)
    with repeating(lambda: _ask(reader, page), every=0.2):
        export, content = _timed(lambda: _export(lead))
        upload, answer = _timed(lambda: _upload(lead, content))
    assert answer.status_code == 303, answer.text[:2_000]
    unchanged = lead.get(answer.headers["Location"].removeprefix(server.url)).text
    assert "have changed cells" not in unchanged
    peak = f"processes of the web server: {before:.0f} MB before, {_megabytes(server):.0f} MB at most"
    return [
        Row(TITLE, f"export of {rows:,} rows", [export], note=f"{len(content) / 1e6:.1f} MB"),
        Row(TITLE, f"upload of the same file, {rows:,} rows", [upload], note=peak),
        page,
    ]


def _ask(reader: Visitor, row: Row) -> None:
    took, answer = _timed(lambda: reader.get("/tickets/"))
    assert answer.status_code == 200
    row.milliseconds.append(took)


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


def _megabytes(server: LiveServer) -> float:
    """Return the peak memory of the processes of a web server."""
    status = [Path(f"/proc/{one.pid}/status").read_text() for one in web_processes(server)]
    peaks = [re.search(r"VmHWM:\s+(\d+)", text) for text in status]
    return sum(int(found[1]) for found in peaks if found) / 1024
