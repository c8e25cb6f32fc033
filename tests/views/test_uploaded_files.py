"""Files as users have them: each is read or refused with a reason, and its page says what was read."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import Workbook, load_workbook

from ticketadmin.models import BulkFile, BulkItem, BulkState, BulkUpdate, User


def workbook(*rows: list[Any], change: Callable[[Workbook], None] | None = None) -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.title = "Phiếu"
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def add_sheet(book: Workbook, title: str = "Nháp", text: str | None = "TK-9") -> None:
    book.create_sheet(title)["A1"] = text


def hide_row(book: Workbook) -> None:
    assert book.active is not None
    book.active.row_dimensions[3].hidden = True


def merge_title(book: Workbook) -> None:
    assert book.active is not None
    book.active.insert_rows(1, amount=2)
    book.active["A1"] = "Danh sách phiếu, tháng 12"
    book.active.merge_cells("A1:C1")


def put_in_front(*lines: str) -> Callable[[Workbook], None]:
    """Return the change that puts a sheet of these lines in front of the others."""

    def change(book: Workbook) -> None:
        sheet = book.create_sheet("Ghi chú", 0)
        for line in lines:
            sheet.append([line])

    return change


def merge_values(book: Workbook) -> None:
    assert book.active is not None
    book.active.merge_cells("B2:B3")


ROWS = [["code", "Title", "Expected date"], ["TK-1", "a", 46361], ["TK-2", "b", date(2026, 12, 5)]]
CSV = "Danh sách, tháng 12\r\n\r\nMã phiếu;Title;Expected date\r\nTK-1;a;2026/12/05\r\nTK-2;b;05.12.26\r\n"


@pytest.mark.parametrize(
    ("content", "said", "needs_consent"),
    [
        (CSV.encode(), ["encoding UTF-8, separator: semicolon", "column names are in row 3"], False),
        (CSV.encode("utf-16"), ["encoding UTF-16", "2 rows with values were read, up to row 5"], False),
        (CSV.replace(";", "\t").encode(), ["separator: tab"], False),
        (CSV.replace("\r\n", ";;\r\n", 1).encode(), ["column names are in row 3"], False),
        (workbook(*ROWS), ["Excel file, sheet “Phiếu”.", "up to row 3"], False),
        (workbook(*ROWS, change=merge_title), ["column names are in row 3", "up to row 5"], False),
        (workbook(*ROWS, change=hide_row), ["1 row is hidden in the spreadsheet"], True),
        (workbook(*ROWS, change=add_sheet), ["not read: “Nháp”."], True),
        (workbook(*ROWS, change=lambda book: add_sheet(book, text=None)), ["sheet “Phiếu”"], False),
        (workbook(*ROWS, change=lambda book: add_sheet(book, "Cách điền")), ["sheet “Phiếu”"], False),
        (workbook(*ROWS, change=put_in_front()), ["sheet “Phiếu”"], False),
        (workbook(*ROWS, change=put_in_front("Tháng 12")), ["sheet “Phiếu”", "not read: “Ghi chú”."], True),
        (
            workbook(*ROWS, change=put_in_front("Đọc trước", "x")),
            ["sheet “Phiếu”", "not read: “Ghi chú”."],
            True,
        ),
    ],
)
@pytest.mark.django_db
def test_a_file_is_read_and_its_page_says_how(
    content: bytes, said: list[str], needs_consent: bool, lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)

    answer = browser.post("/bulk/new/", {"file": SimpleUploadedFile("phieu", content)}, follow=True)

    page, run = answer.content.decode(), BulkUpdate.objects.get()
    assert [item.wishes["expected_at"]["set"] for item in run.items.all()] == ["2026-12-05"] * 2
    assert [one for one in said if one not in page] == []
    assert ('name="as_read"' in page) is needs_consent


@pytest.mark.django_db
def test_no_check_starts_before_hidden_rows_are_confirmed(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)
    file = SimpleUploadedFile("phieu.xlsx", workbook(*ROWS, change=hide_row))
    address = browser.post("/bulk/new/", {"file": file})["Location"]

    refused = browser.post(address, {})
    state = BulkUpdate.objects.get().state
    agreed = browser.post(address, {"as_read": "on"})

    assert (refused.status_code, state) == (422, BulkState.DRAFT)
    assert "tick this to use it as described here" in refused.content.decode()
    assert (agreed.status_code, BulkUpdate.objects.get().state) == (303, BulkState.CHECKING)


@pytest.mark.django_db
def test_a_value_merged_over_rows_applies_to_each_once_confirmed(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    file = SimpleUploadedFile("phieu.xlsx", workbook(*ROWS, change=merge_values))

    page = client_of(lead).post("/bulk/new/", {"file": file}, follow=True).content.decode()

    assert "1 cell is merged with one above it and takes its value." in page
    assert 'name="as_read"' in page
    assert [item.wishes["ticket_title"]["set"] for item in BulkItem.objects.all()] == ["a", "a"]


@pytest.mark.django_db
def test_a_run_prepared_by_an_earlier_version_has_its_page(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)
    browser.post("/bulk/new/", {"file": SimpleUploadedFile("phieu.csv", CSV.encode())})
    run = BulkUpdate.objects.get()
    run.notes = {name: value for name, value in run.notes.items() if name not in {"reading", "read_as"}}
    run.save()

    assert browser.get(f"/bulk/{run.uuid}/").status_code == 200


@pytest.mark.parametrize("lines", [(), ("Title",)])
@pytest.mark.django_db
def test_a_workbook_without_a_table_on_any_sheet_is_refused(
    lines: tuple[str, ...], lead: User, client_of: Callable[[User], Client]
) -> None:
    content = workbook(["Name", "Age"], ["An", 5], change=put_in_front(*lines))

    answer = client_of(lead).post("/bulk/new/", {"file": SimpleUploadedFile("phieu.xlsx", content)})

    assert answer.status_code == 422
    said = "The file has a single row, which has to name the columns." if lines else "The file is empty."
    assert said in answer.content.decode()


@pytest.mark.django_db
def test_an_empty_file_is_refused_with_a_message(lead: User, client_of: Callable[[User], Client]) -> None:
    answer = client_of(lead).post("/bulk/new/", {"file": SimpleUploadedFile("phieu.csv", b"")})

    assert answer.status_code == 422
    assert "The file is empty." in answer.content.decode()


@pytest.mark.django_db
def test_an_unfilled_template_is_reported_as_having_no_rows(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)
    empty = browser.get("/bulk/template.xlsx").content

    page = browser.post("/bulk/new/", {"file": SimpleUploadedFile("a.xlsx", empty)}).content.decode()

    assert (
        "The file has a single row, which has to name the columns. Add a row below for each ticket." in page
    )


@pytest.mark.django_db
def test_outcomes_are_written_into_the_sheet_that_was_read(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)
    content = workbook(*ROWS, change=put_in_front("Tháng 12"))
    browser.post("/bulk/new/", {"file": SimpleUploadedFile("phieu.xlsx", content)})
    run = BulkUpdate.objects.get()
    run.items.update(outcome="verified")

    made = browser.get(f"/bulk/{run.uuid}/outcomes/").content

    sheet = load_workbook(io.BytesIO(made))["Phiếu"]
    assert [row[3].value for row in sheet.iter_rows()] == ["ticketadmin: outcome", "Verified", "Verified"]


@pytest.mark.parametrize("state", [BulkState.READY, BulkState.RUNNING, BulkState.FINISHED])
@pytest.mark.django_db
def test_the_page_of_a_run_offers_the_file_with_errors_while_it_is_stored(
    state: BulkState, lead: User, client_of: Callable[[User], Client]
) -> None:
    browser = client_of(lead)
    file = SimpleUploadedFile("phieu.csv", b"code;Title\r\nTK-1;a\r\nno code;b\r\n")
    browser.post("/bulk/new/", {"file": file})
    run = BulkUpdate.objects.get()
    BulkUpdate.objects.update(state=state)
    address = f"/bulk/files/{BulkFile.objects.get().uuid}/errors/"

    page = browser.get(f"/bulk/{run.uuid}/").content.decode()
    assert f'href="{address}"' in page
    assert "This is not a ticket code" in browser.get(address).content.decode("utf-8-sig")
    assert ("outcomes/" in page) is (state == BulkState.FINISHED)

    BulkFile.objects.all().delete()
    assert "/errors/" not in browser.get(f"/bulk/{run.uuid}/").content.decode()
