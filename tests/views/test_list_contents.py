"""The list exported with contents: one read a ticket, a file that always ends, and its way back."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from tests.exports import (
    CONTENTS,
    cell,
    change,
    dry_run,
    export,
    fill_contents,
    item_of,
    send,
    upload,
)
from tests.factories import fill_index
from tests.sandbox_driver import Sandbox
from ticketadmin.models import AuditAction, AuditEntry, ItemReason, Plan, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.spreadsheets.writing import MAX_CELL, code_units


@pytest.fixture
def web(lead: User, sandbox: Sandbox, client_of: Callable[[User], Client]) -> Client:
    """A lead's browser."""
    get_choices()
    return client_of(lead)


def with_contents(web: Client, *codes: str) -> bytes:
    return export(web, *codes, columns="title", contents="1")


def reads(sandbox: Sandbox) -> list[str]:
    return sorted(str(entry.query["ticket_code"]) for entry in sandbox.log("GET"))


def set_content(content: bytes, code: str, text: str | None) -> bytes:
    def edit(book: Any) -> None:
        cell(book, code, "Content").value = text

    return change(content, edit)


def as_excel_saves(content: bytes) -> bytes:
    """Return the file with its line ends as Excel spells those that were pasted."""

    def edit(book: Any) -> None:
        for row in book.worksheets[0].iter_rows(min_row=2):
            for one in row:
                if isinstance(one.value, str) and len(lines := one.value.splitlines()) > 1:
                    one.value = "_x000D_\n".join(lines)

    return change(content, edit)


def test_contents_are_read_once_per_ticket_and_unchanged_ones_send_nothing(
    web: Client, sandbox: Sandbox
) -> None:
    codes = fill_contents(sandbox, {code: held for code, (held, _shown) in CONTENTS.items()})

    content = with_contents(web, *codes)

    assert reads(sandbox) == sorted(codes)
    book = load_workbook(io.BytesIO(content))
    assert {code: cell(book, code, "Content").value for code in codes} == {
        code: shown for code, (_held, shown) in CONTENTS.items()
    }
    assert {cell(book, code, "Content").data_type for code in codes} <= {"s", "n"}
    assert max(code_units(cell(book, code, "Content").value or "") for code in codes) <= MAX_CELL
    for way in (bytes, lambda file: change(file, lambda _book: None), as_excel_saves):
        run = upload(web, way(content))
        asked = {item.ticket_code: item.wishes for item in run.items.all() if item.wishes or item.file_base}
        assert (asked, run.notes["error_rows"], run.items.count()) == ({}, 0, len(codes))


@pytest.mark.parametrize(
    ("held", "typed", "sent"),
    [
        ("cũ", "<p>mới</p><script>x</script>", "<p>mới</p>"),
        ("<p>cũ</p>", "một\nhai", "<p>một<br>hai</p>"),
        ("<p>cũ</p>", "<p>cũ</p><p>thêm</p>", "<p>cũ</p><p>thêm</p>"),
        (None, "=1+1", "=1+1"),
        ("cũ", "[clear]", ""),
    ],
)
def test_a_changed_content_is_cleaned_and_sent_alone(
    held: str | None, typed: str, sent: str, web: Client, sandbox: Sandbox
) -> None:
    codes = fill_contents(sandbox, {"C-1": held, "C-2": "khác"})

    def edit(book: Any) -> None:
        cell(book, "C-1", "Content").value = typed
        cell(book, "C-1", "Content").data_type = "s"

    send(web, dry_run(web, upload(web, change(with_contents(web, *codes), edit))))

    assert sandbox.puts() == [{"ticket_code": "C-1", "ticket_content": sent}]


@pytest.mark.parametrize(("answers", "sent"), [({}, []), ({"emptied.ticket_content": "clear"}, [""])])
def test_an_emptied_content_is_asked_about(
    answers: dict[str, str], sent: list[str], web: Client, sandbox: Sandbox
) -> None:
    fill_contents(sandbox, {"C-1": "<p>có</p>"})

    run = upload(web, set_content(with_contents(web, "C-1"), "C-1", None))
    assert "Content: 1 emptied cell" in web.get(f"/bulk/{run.uuid}/").content.decode()
    if answers:
        send(web, dry_run(web, run, **answers))

    assert [body["ticket_content"] for body in sandbox.puts()] == sent


def test_a_content_that_the_crm_changed_since_is_a_conflict_shown_where_it_differs(
    web: Client, sandbox: Sandbox
) -> None:
    same = "lời " * 200
    fill_contents(sandbox, {"C-1": f"<p>{same}lúc xuất</p>", "C-2": "<p>yên</p>"})
    content = with_contents(web, "C-1", "C-2")
    sandbox.edit("C-1", ticket_content=f"<p>{same}của họ</p>")
    content = set_content(content, "C-1", f"<p>{same}của tôi</p>")

    run = dry_run(web, upload(web, set_content(content, "C-2", "<p>tôi</p>")))

    assert (item_of(run, "C-1").reason, item_of(run, "C-2").plan) == (
        ItemReason.CHANGED_SINCE_EXPORT,
        Plan.SEND,
    )
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    assert [text for text in ("lúc xuất", "của họ", "của tôi") if text not in page] == []
    send(web, run)
    assert [body["ticket_code"] for body in sandbox.puts()] == ["C-2"]


def test_a_shortened_content_is_never_accepted_back(web: Client, sandbox: Sandbox) -> None:
    fill_contents(sandbox, {"C-1": "x" * 40_000, "C-2": "y" * 40_000})
    content = with_contents(web, "C-1", "C-2")

    run = upload(web, set_content(content, "C-1", "<p>ngắn</p>"))

    assert [(one["row"], one["column"]) for one in run.notes["errors"]] == [(2, "Content")]
    assert item_of(run, "C-2").wishes is None

    def remove_record(book: Any) -> None:
        del book["ticketadmin record"]

    file = SimpleUploadedFile("t.xlsx", change(content, remove_record))
    assert "Empty the cell to keep it." in web.post("/bulk/new/", {"file": file}).content.decode()


def test_unchanged_contents_do_not_count_towards_the_cleaning_limit(web: Client, sandbox: Sandbox) -> None:
    codes = fill_contents(sandbox, {f"C-{number}": f"<p>{number} {'x' * 32_000}</p>" for number in range(64)})

    run = upload(web, set_content(with_contents(web, *codes), "C-7", "<p>mới</p>"))

    assert [item.ticket_code for item in run.items.exclude(wishes__isnull=True)] == ["C-7"]


# Why a ticket cannot be read: the fault, and what its cell says.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "C-500": ({"kind": "status", "status": 500}, "(not read: no usable answer from the CRM)"),
    "C-HTML": ({"kind": "html"}, "(not read: no usable answer from the CRM)"),
    "C-403": ({"kind": "status", "status": 403}, "(not read: the CRM does not allow it)"),
    "C-401": ({"kind": "status", "status": 401}, "(not read: the CRM does not allow it)"),
    "C-BIG": ({"kind": "oversized"}, "(not read: the ticket is too large)"),
    "C-GONE": ({}, "(not read: the CRM has no such ticket)"),
}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_unreadable_content_is_explained_in_its_cell_and_recorded(
    kind: str, web: Client, sandbox: Sandbox
) -> None:
    codes = [*fill_contents(sandbox, dict.fromkeys([*FAULTS, "C-0", "C-Z"], "<p>=có</p>"))]
    for code, (fault, _said) in FAULTS.items():
        if fault:
            sandbox.fault(code=code, method="GET", times=None, **fault)
        else:
            sandbox.remove(code)

    answer: Any = web.post(
        f"/list/tickets.{kind}", {"matching": "columns=title", "code": codes, "contents": "1"}
    )
    content = b"".join(answer.streaming_content)

    shown = contents_in(content, kind)
    assert shown == {code: said for code, (_fault, said) in FAULTS.items()} | dict.fromkeys(
        ["C-0", "C-Z"], "<p>=có</p>"
    )
    entry = AuditEntry.objects.filter(action=AuditAction.EXPORTED).latest("pk")
    assert (entry.details["contents_not_read"], entry.details["filters"]["contents"]) == (len(FAULTS), "1")
    assert (entry.details["rows"], entry.details["complete"]) == (len(codes), True)
    sandbox.forget_faults()
    if kind == "xlsx":
        assert not upload(web, content).items.exclude(wishes__isnull=True).exists()


def contents_in(content: bytes, kind: str) -> dict[str, str]:
    """Return the contents of a file by ticket code."""
    if kind == "xlsx":
        sheet = load_workbook(io.BytesIO(content)).worksheets[0]
        heading, *rows = ([one.value for one in row] for row in sheet.iter_rows())
    else:
        heading, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    at = heading.index("Content")
    return {row[0]: row[at] for row in rows}


def test_a_file_is_completed_although_the_crm_is_down(web: Client, sandbox: Sandbox) -> None:
    codes = fill_contents(sandbox, {f"C-{number}": "<p>có</p>" for number in range(12)})
    sandbox.fault("status", status=503, method="GET", times=None)

    shown = contents_in(with_contents(web, *codes), "xlsx")

    assert shown == dict.fromkeys(codes, "(not read: no usable answer from the CRM)")
    assert len(sandbox.log("GET")) < len(codes)  # the circuit breaker opened


def test_after_a_request_for_a_long_wait_the_crm_is_not_called_again(web: Client, sandbox: Sandbox) -> None:
    codes = fill_contents(sandbox, {f"C-{number}": "<p>có</p>" for number in range(3)})
    sandbox.fault("status", status=429, headers={"Retry-After": "900"}, method="GET", times=None)

    shown = contents_in(with_contents(web, *codes), "xlsx")

    assert list(shown.values()) == [
        "(not read: no usable answer from the CRM)",
        "(not read: the export took too long)",
        "(not read: the export took too long)",
    ]
    assert reads(sandbox) == codes[:1]


def test_too_many_tickets_with_contents_are_refused_before_any_call(web: Client, sandbox: Sandbox) -> None:
    fill_index(*(f"N-{number}" for number in range(501)))
    sandbox.forget_log()

    answer = web.post("/list/tickets.csv", {"matching": "sort=code", "contents": "1"}, follow=True)

    page = answer.content.decode()
    assert answer.redirect_chain == [("/tickets/?sort=code", 303)]
    assert "Nothing was downloaded. 501 tickets match." in page
    assert "at most 500" in page
    assert "without contents" in page
    assert sandbox.log() == []
    assert not AuditEntry.objects.filter(action=AuditAction.EXPORTED).exists()


def test_a_key_without_read_access_is_reported_before_the_export(
    web: Client, sandbox: Sandbox, settings: Any
) -> None:
    fill_contents(sandbox, {"C-1": "<p>có</p>"})
    settings.TICKET_API_READ = "off"

    page = web.post("/list/tickets.xlsx", {"code": "C-1", "contents": "1"}, follow=True).content.decode()

    assert "does not let this tool read tickets" in page
    assert sandbox.log() == []


def test_the_contents_option_is_off_and_states_its_limit(web: Client, sandbox: Sandbox) -> None:
    fill_contents(sandbox, {"C-1": "<p>có</p>"})

    page = web.get("/tickets/").content.decode()

    box = page.partition('name="contents"')[2].partition("</label>")[0]
    assert "checked" not in box
    assert "at most 500 tickets" in box
