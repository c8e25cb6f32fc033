"""The list as a file: every row and column that it shows, typed, harmless, recorded, for permitted users."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from tests.factories import fill_index
from tests.sandbox_driver import Sandbox
from ticketadmin.models import AuditAction, AuditEntry, CustomField, ReadFrom, TicketIndex, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows

CUSTOM = {"so_luong": "number", "ngay_mua": "epoch_date", "goi": "select"}
VALUES = {
    "ticket_title": "=cmd|' /C calc'!A0",
    "status_name": "Mới",
    "cate_name": "#N/A",
    "expected_at": "2026-12-05",
    "emergency_phone": "0123456789",
    "account_name": "Công ty 👩‍💻\x0b",
    "updated_at": "2026-11-01 08:30:00",
    "custom_fields.so_luong": "12.5",
    "custom_fields.ngay_mua": "1748192400",
    "custom_fields.goi": "1",
}
COLUMNS = "title,status,category,expected,phone,customer,updated," + ",".join(
    f"custom_fields.{key}" for key in CUSTOM
)


@pytest.fixture
def web(lead: User, sandbox: Sandbox, client_of: Callable[[User], Client]) -> Client:
    """A lead's browser, and an index with one ticket of every kind of value."""
    get_choices()
    for key, kind in CUSTOM.items():
        options = "1 = Vàng\n2 = Bạc" if kind == "select" else ""
        CustomField.objects.create(key=key, label=f"={key}", kind=kind, choices_text=options, is_listed=True)
    write_rows(
        current_index(), [ReadRow("T-1", 1, VALUES)], began_at=timezone.now(), read_from=ReadFrom.TICKET
    )
    return client_of(lead)


def fill(count: int) -> TicketIndex:
    """Put so many rows of which only the code is known into the index."""
    return fill_index(*(f"N-{number}" for number in range(count)))


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def workbook_of(answer: Any) -> Any:
    assert answer.status_code == 200, answer
    return load_workbook(io.BytesIO(content_of(answer)))


def lines_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content_of(answer).decode("utf-8-sig"))))


def test_a_workbook_has_typed_cells_a_frozen_header_and_lists(web: Client) -> None:
    sheet = workbook_of(web.post("/list/tickets.xlsx", {"matching": f"columns={COLUMNS}"})).active
    heading, row = list(sheet.iter_rows())

    by_heading = dict(zip((cell.value for cell in heading), row, strict=True))
    values = {name: cell.value for name, cell in by_heading.items()}
    assert values.pop("Read from the CRM").date() == timezone.localdate()
    assert values == {
        "Ticket code": "T-1",
        "Title": "=cmd|' /C calc'!A0",
        "Status": "Mới",
        "Category": "#N/A",
        "Expected date": datetime(2026, 12, 5),  # noqa: DTZ001 - a workbook's cells have no time zone
        "Emergency phone": "0123456789",
        "Customer": "Công ty 👩‍💻",
        "Changed": datetime(2026, 11, 1, 8, 30),  # noqa: DTZ001
        "=so_luong": 12.5,
        "=ngay_mua": datetime(2025, 5, 26),  # noqa: DTZ001
        "=goi": "Vàng",
    }
    assert {cell.data_type for cell in (*heading, *row)} <= {"s", "n", "d"}
    assert sheet.freeze_panes == "B2"
    offered = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    with_lists = [by_heading[name].column_letter for name in ("Status", "Category", "=goi")]
    assert set(offered) == {f"{letter}2:{letter}10001" for letter in with_lists}


def test_the_lists_hold_the_crms_names(web: Client) -> None:
    book = workbook_of(web.post("/list/tickets.xlsx", {"matching": "columns=status"}))

    (offer,) = book.worksheets[0].data_validations.dataValidation
    names = [cell.value for (cell,) in book["Lists"][offer.formula1.rpartition("!")[2].replace("$", "")]]
    assert names == list(get_choices().statuses.names)
    assert book["Lists"].sheet_state == "hidden"


def test_a_csv_file_has_the_same_values_as_harmless_texts(web: Client) -> None:
    heading, row = lines_of(web.post("/list/tickets.csv", {"matching": f"columns={COLUMNS}"}))

    values = dict(zip(heading, row, strict=True))
    assert values["Title"].startswith("'=cmd")
    assert values["Expected date"] == date(2026, 12, 5).isoformat()
    assert values["'=ngay_mua"] == "2025-05-26"
    assert values["Emergency phone"] == "0123456789"


def test_an_unknown_value_is_not_exported_as_empty(web: Client) -> None:
    fill(1)

    rows = lines_of(web.post("/list/tickets.csv", {"matching": "columns=title,expected"}))

    assert {row[0]: row[1:3] for row in rows}["N-0"] == ["(not known)", "(not known)"]


def test_all_rows_are_exported_without_a_query_per_row(web: Client) -> None:
    fill(499)
    with CaptureQueriesContext(connection) as few:
        assert len(lines_of(web.post("/list/tickets.csv", {"matching": "sort=code"}))) == 501
    fill_index(*(f"M-{number}" for number in range(400)))
    with CaptureQueriesContext(connection) as many:
        codes = [row[0] for row in lines_of(web.post("/list/tickets.csv", {"matching": "sort=code"}))[1:]]

    assert len(set(codes)) == len(codes) == 900
    assert len(many) <= len(few) + 2


def test_filters_limit_the_file_and_ticked_rows_are_exported_alone(web: Client) -> None:
    fill(5)

    filtered = lines_of(web.post("/list/tickets.csv", {"matching": "text=calc"}))
    ticked = lines_of(web.post("/list/tickets.csv", {"matching": "text=calc", "code": ["N-1", "N-3"]}))

    assert [row[0] for row in filtered[1:]] == ["T-1"]
    assert sorted(row[0] for row in ticked[1:]) == ["N-1", "N-3"]


def test_a_file_is_recorded_with_its_filters_and_rows(web: Client, lead: User) -> None:
    fill(2)

    content_of(web.post("/list/tickets.csv", {"matching": "status=Mới", "code": ["N-1", "N-0"]}))
    content_of(web.post("/list/tickets.xlsx", {"matching": "customer=a@b.vn&status=Mới&status=Hủy"}))

    workbook, table = AuditEntry.objects.filter(action=AuditAction.EXPORTED).order_by("-id")[:2]
    assert (table.actor, table.target_kind) == (lead, "tickets")
    assert table.details["rows"] == 2
    assert table.details["complete"] is True
    assert table.details["filters"]["codes"] == "N-1,N-0"
    assert workbook.details["filters"]["format"] == "xlsx"
    assert workbook.details["filters"]["status"] == "Mới, Hủy"
    assert "a@b.vn" not in str(workbook.details)


@pytest.mark.parametrize(
    ("matching", "said"),
    [
        ("status=Nichts", "no status"),
        ("text=" + "x" * 60_000, "too long"),
    ],
)
def test_removed_filters_that_would_widen_the_export_are_refused(
    matching: str, said: str, web: Client
) -> None:
    answer = web.post("/list/tickets.xlsx", {"matching": matching}, follow=True)

    page = answer.content.decode()
    assert "Nothing was downloaded." in page
    assert said in page
    assert not AuditEntry.objects.filter(action=AuditAction.EXPORTED).exists()


def test_more_than_ten_thousand_tickets_are_refused(web: Client) -> None:
    fill(10_000)

    page = web.post("/list/tickets.csv", {"matching": ""}, follow=True).content.decode()

    assert "more than 10,000 tickets" in page
    assert not AuditEntry.objects.filter(action=AuditAction.EXPORTED).exists()


def test_the_export_does_not_call_the_crm(web: Client, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    content_of(web.post("/list/tickets.xlsx", {"matching": ""}))

    assert sandbox.log() == []


def test_only_permitted_users_see_the_export_buttons(
    web: Client, staff: User, client_of: Callable[[User], Client]
) -> None:
    assert "/list/tickets.xlsx" in web.get("/tickets/").content.decode()
    assert "/list/tickets.xlsx" not in client_of(staff).get("/tickets/").content.decode()
