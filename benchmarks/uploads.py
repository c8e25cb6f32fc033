"""Uploaded files of 10,000 rows: the upload, an answer, the file with its errors; time and memory.

Memory is the growth of this process, which serves the pages, while the view ran.
"""

import csv
import io
import time
from collections.abc import Callable

import psutil
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import Workbook

from benchmarks.measuring import Row
from benchmarks.pages import person
from benchmarks.running import repeating
from ticketadmin.models import BulkFile, BulkUpdate

SECTION = "uploaded files"
HEADER = ["code", "Title", "Status", "Expected date", "Emergency phone", "Customer e-mail"]
Cells = list[list[str]]


def uploads(*, quick: bool) -> list[Row]:
    """Measure a CSV file and a workbook: every fifth row is wrong, and the days have two readings."""
    client = Client()
    client.force_login(person("uploads", "lead"))
    table = _table(500 if quick else 10_000)
    rows = []
    for name, content in (("CSV", _csv(table)), ("XLSX", _workbook(table))):
        rows += _measure(client, f"{name}, {len(table) - 1:,} rows", content)
    return rows


def _measure(client: Client, name: str, content: bytes) -> list[Row]:
    file = SimpleUploadedFile("bench", content)
    uploaded, answer = _timed(f"upload, {name}", lambda: client.post("/bulk/new/", {"file": file}))
    address = answer["Location"]
    shown, _page = _timed(f"page with a question, {name}", lambda: client.get(address))
    kept = BulkFile.objects.get(bulk__uuid=address.split("/")[2])
    given, _file = _timed(
        f"file with its errors, {name}", lambda: client.get(f"/bulk/files/{kept.uuid}/errors/")
    )
    posted = {"reading_0": "day_first", "leave_out": "on"}
    answered, _answer = _timed(f"answer, read again, {name}", lambda: client.post(address, posted))
    BulkUpdate.objects.filter(uuid=address.split("/")[2]).delete()
    return [uploaded, shown, given, answered]


def _timed(name: str, view: Callable[[], object]) -> tuple[Row, object]:
    process = psutil.Process()
    before = highest = process.memory_info().rss

    def look() -> None:
        nonlocal highest
        highest = max(highest, process.memory_info().rss)

    with repeating(look, every=0.01):
        started = time.perf_counter()
        answer = view()
        took = (time.perf_counter() - started) * 1000
    if answer.status_code not in {200, 303}:
        raise RuntimeError(f"{name}: {answer.status_code}")
    return Row(SECTION, name, [took], note=f"{(highest - before) / 1e6:.0f} MB more at the highest"), answer


def _table(rows: int) -> Cells:
    return [HEADER, *(_row(number) for number in range(rows))]


def _row(number: int) -> list[str]:
    day = f"{number % 12 + 1:02}/{number // 12 % 12 + 1:02}/26"
    mail = "lan" if number % 5 == 0 else f"lan{number}@example.com"
    return [f"TK-{number}", f"Máy in {number}", "dang xu ly", day, f"09{number:08}", mail]


def _csv(table: Cells) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(table)
    return written.getvalue().encode("utf-8-sig")


def _workbook(table: Cells) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Phiếu")
    for row in table:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
