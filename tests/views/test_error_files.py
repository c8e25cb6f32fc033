"""A file is returned as it was with the errors beside each row, and can be uploaded again."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.http import content_disposition_header
from openpyxl import Workbook, load_workbook
from openpyxl.styles import PatternFill

from tests.sandbox_driver import Sandbox
from ticketadmin.models import AuditAction, AuditEntry, BulkFile, BulkUpdate, Role, User

pytestmark = pytest.mark.django_db
COLUMN = "ticketadmin: errors"
LINES = [
    ["Danh sách"],
    ["Mã phiếu", "Tiêu đề", "Ngày hẹn xong", "E-mail khách hàng"],
    ["TK-1", "Máy in “HP”; kẹt giấy", "31/12/2026", "lan@example.com"],
    ["TK 2", "Đổi mực", "31/02/2026", "lan"],
    ["0003", "Hai\ndòng", "30/12/2026", ""],
]  # fmt: skip
WRONG = {"TK 2": "TK-2", "31/02/2026": "28/02/2026", "lan": "lan@example.com"}


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


def as_csv(rows: list[list[str]], separator: str, end: str = "\r\n") -> str:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, lineterminator=end).writerows(rows)
    return written.getvalue()


def upload(web: Client, content: bytes) -> str:
    """Upload a file and return the page that shows its errors."""
    answer = web.post("/bulk/new/", {"file": SimpleUploadedFile("a", content)}, follow=True)
    return answer.content.decode()


def returned_file(web: Client, content: bytes) -> bytes:
    found = re.search(r'href="(/bulk/files/[^"]+)"', upload(web, content))
    assert found
    answer = web.get(found[1])
    assert answer.status_code == 200
    return answer.content


def rows_of(content: bytes) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(content))
    assert book.active is not None
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_file_is_returned_in_its_own_format_and_can_be_uploaded_corrected(
    encoding: str, separator: str, end: str, web: Client
) -> None:
    content = as_csv(LINES, separator, end).encode(encoding)

    back = returned_file(web, content).decode(encoding)

    rows = list(csv.reader(io.StringIO(back, newline=""), delimiter=separator))
    assert [row[:4] for row in rows] == LINES
    assert rows[1][4] == COLUMN
    assert [len(row) for row in rows] == [1, 5, 4, 5, 4]
    assert [name in rows[3][4] for name in ("Mã phiếu:", "Ngày hẹn xong:", "E-mail khách hàng:")] == [
        True
    ] * 3
    assert back.count("\r\n") == (len(LINES) if end == "\r\n" else 0)
    for wrong, right in WRONG.items():
        back = back.replace(f"{separator}{wrong}{separator}", f"{separator}{right}{separator}")
    back = back.replace(f"\n{'TK 2'}", "\nTK-2")
    upload(web, back.encode(encoding))
    run = BulkUpdate.objects.first()
    assert run
    assert [item.ticket_code for item in run.items.all()] == ["TK-1", "TK-2", "0003"]
    assert run.notes["error_rows"] == 0


@pytest.mark.parametrize(
    ("encoding", "title", "given"),
    [("cp1252", "Café", "utf-8-sig"), ("cp1258", "Lo\u0302\u0303i phông chữ ở máy", "cp1258")],
)
def test_an_old_encoding_is_kept_if_it_has_all_letters_of_the_errors(
    encoding: str, title: str, given: str, lead: User, web: Client
) -> None:
    if encoding == "cp1252":  # its errors are in Vietnamese, which its encoding lacks
        lead.language = "vi"
        lead.save()
    content = f"code;Title;Expected date\r\nTK-1;{title};x\r\nTK-2;b;\r\n"
    plain = content.encode(encoding, "replace")

    back = returned_file(web, plain)

    assert back.decode(given).startswith("code;Title;Expected date;ticketadmin: ")


def test_a_line_that_names_the_separator_stays_and_a_formula_is_disarmed(web: Client) -> None:
    back = returned_file(
        web, b"sep=;\r\n=code;Expected date\r\ncode;Expected date\r\nTK-1;x\r\nTK-2;\r\n"
    ).decode()

    assert back.startswith(
        "sep=;\r\n=code;Expected date\r\ncode;Expected date;ticketadmin: errors\r\nTK-1;x;"
    )


def make_workbook() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in LINES:
        sheet.append(row)
    sheet["C3"].fill = PatternFill("solid", fgColor="FF00FF00")
    sheet["B6"] = "below"
    book.create_sheet("Nháp")["A1"] = "x"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_workbook_is_returned_with_wrong_cells_marked_and_nothing_else_changed(web: Client) -> None:
    content = make_workbook()

    back = returned_file(web, content)

    before, after = rows_of(content), rows_of(back)
    assert [row[:4] for row in after] == before
    assert [bool(row[4]) for row in after] == [False, True, False, True, False, True]
    assert after[1][4] == COLUMN
    book = load_workbook(io.BytesIO(back))
    sheet = book.worksheets[0]
    marked = [
        cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.fgColor.rgb == "FFFFC7CE"
    ]
    assert marked == ["A4", "C4", "D4"]
    assert sheet["C3"].fill.fgColor.rgb == "FF00FF00"
    assert sheet.dimensions == "A1:E6"
    old, new = ZipFile(io.BytesIO(content)), ZipFile(io.BytesIO(back))
    assert old.namelist() == new.namelist()
    changed = [name for name in old.namelist() if old.read(name) != new.read(name)]
    assert set(changed) == {"xl/worksheets/sheet1.xml", "xl/styles.xml"}


def test_a_corrected_workbook_is_uploaded_and_its_column_of_errors_is_not_read(web: Client) -> None:
    book = load_workbook(io.BytesIO(returned_file(web, make_workbook())))
    sheet = book.worksheets[0]
    for cell, text in (("A4", "TK-2"), ("C4", "28/02/2026"), ("D4", "lan@example.com"), ("B6", None)):
        sheet[cell] = text
    content = io.BytesIO()
    book.save(content)

    upload(web, content.getvalue())

    run = BulkUpdate.objects.first()
    assert run
    assert (run.items.count(), run.notes["error_rows"]) == (3, 0)


@pytest.mark.parametrize("make", [make_workbook, lambda: as_csv(LINES, ";").encode()])
def test_remaining_errors_replace_the_previous_ones(make: Callable[[], bytes], web: Client) -> None:
    once = returned_file(web, make())

    twice = returned_file(web, once)

    if once.startswith(b"PK"):
        assert rows_of(twice) == rows_of(once)
    else:
        assert twice == once


def test_a_file_with_errors_in_every_row_is_returned_to_its_user_only(
    web: Client, make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    page = upload(web, b"code,Expected date\r\nTK-1,x\r\n")
    found = re.search(r'href="(/bulk/files/[^"]+)"', page)
    assert found
    other = make_person(Role.LEAD, "other")

    assert (
        web.get(found[1])
        .content.decode()
        .startswith("code,Expected date,ticketadmin: errors\r\nTK-1,x,Expected")
    )
    assert client_of(other).get(found[1]).status_code == 404
    upload(web, b"code,Expected date\r\nTK-2,x\r\n")
    assert BulkFile.objects.count() == 1
    assert AuditEntry.objects.filter(action=AuditAction.EXPORTED).count() == 1


@pytest.mark.parametrize(
    ("name", "download"),
    [
        ("Danh sách.csv", "Danh sách-errors.csv"),
        ("tuần 1-errors.csv", "tuần 1-errors.csv"),
        ("C:\\Users\\lan\\a.csv", "a-errors.csv"),
        ('a"b\r\nX: y.csv', 'a"b X: y-errors.csv'),
    ],
)
def test_a_file_is_returned_under_its_name(web: Client, name: str, download: str) -> None:
    content = b"code,Expected date\r\nTK-1,x\r\nTK-2,2026-12-31\r\n"
    file = SimpleUploadedFile("a.csv", content)
    web.post("/bulk/new/", {"file": file})
    BulkFile.objects.update(name=name)

    answer = web.get(f"/bulk/files/{BulkFile.objects.get().uuid}/errors/")

    assert answer["Content-Disposition"] == content_disposition_header(as_attachment=True, filename=download)


def test_the_error_column_of_a_returned_file_needs_no_consent(web: Client) -> None:
    content = b"code,Expected date\r\nTK-1,x\r\nTK-2,2026-12-31\r\n"

    page = upload(web, returned_file(web, content).replace(b",x,", b",2026-12-30,"))

    assert "ticketadmin: errors" not in page
    assert "as_read" not in page
    exported = AuditEntry.objects.get(action=AuditAction.EXPORTED)
    assert (exported.target_kind, exported.details["rows"]) == ("bulkfile", 2)
