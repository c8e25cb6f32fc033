"""Exporting a list and uploading it: tickets with every kind of value, the file, its upload, the dry run."""

import io
import itertools
import re
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, CustomField, ReadFrom
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.reading import read_ticket
from ticketadmin.services.index.rows import current_index, listed_fields, seen_in_ticket, write_rows

OPTIONS = "1 = Vàng\n2 = Bạc\nA = =Đồng\n; = Dấu; phẩy"
# Values of tickets, by kind: what users type, and what CRMs store otherwise.
VALUES: dict[str, tuple[Any, ...]] = {
    "text": (
        "mới", None, "", 0, 5, 1.5, False, True, "0", "false", "'=1+1", "=1+1", "@cmd", "-5", "+84 912", "'a",
        "''=b", " hai đầu ", "a\tb", "00123", "1234567890123456789", "2026-12-05", "05/12/26", "1.250", "1e5",
        "TRUE", "#N/A", "_x0041_", "_x000D_", "a_x005F_b", "👩‍💻 ok",
        "Tiê\u0301ng Vie\u0323\u0302t", ["a", "b"],
        {"b": 1, "a": [2]}, [], {}, "(không biết)", "x" * 600, "a\x0bb", "\ufeffbom", "[clear", "e\u00a0f",
    ),
    "long_text": (
        "một dòng", "a\r\nb", "a\nb", "a\rb", "\n\n  thụt\n", None, "", "=A1\n=B1", ["dòng", 2],
        {"k": None}, 7,
        "y" * 499 + "…", "z" * 700,
    ),
    "number": (
        "12", 12, 0, "0", -3, 1.5, "1.50", "1.250", "0.0000001", "12345678901234567890", 12345678901234567890,
        "1e3", "không rõ", None, "", "+5", True, "007",
    ),
    "date": (
        "2026-12-05", "1899-12-31", "1900-02-28", "0001-01-01", "9999-12-31", "2026-02-30", "", None,
        "20261205",
    ),
    "epoch_date": ("1748192400", 1748192400, 0, "0", 1735689600000, "-1", "abc", None, 253402300799),
    "select": ("1", 1, 2.0, ["1"], "A", "khác", "", None, True, {"id": 1}),
    "multi_select": (["1", "2"], [1, 2], "1", [], None, ["A", ""], ["khác", "1"], "1, 2", [";"], [{"x": 1}]),
    "yes_no": ("1", "0", 1, 0, True, False, "có", "Yes", "", None, "có lẽ"),
    "phone": (),
}  # fmt: skip
STANDARD = (
    {"ticket_title": "=HYPERLINK(1)", "emergency_phone": "0912345678", "account_email": "a@b.vn"},
    {"ticket_title": "Dòng một\r\nDòng hai 👩‍💻", "emergency_phone": "+84 (0) 912", "account_email": ""},
    {"ticket_title": " Lề ", "emergency_phone": "", "expected_at": ""},
    {"ticket_title": "1.250", "expected_at": "2026-12-05", "account_email": "không phải thư"},
    {
        "ticket_title": "Tie\u0302\u0301ng",
        "emergency_phone": "0001",
        "cate_name": "",
        "expected_at": "0000-00-00",
    },
)
KINDS = [kind for kind, values in VALUES.items() if values]
COLUMNS = "title,status,category,customer,email,phone,expected,created,updated," + ",".join(
    f"custom_fields.f_{kind}" for kind in KINDS
)
MARK = "[shortened: this cell is not taken back]"
# What the CRM holds, by code, and what is stored in the cell (None: nothing). _x005F_ is an underscore there.
CONTENTS: dict[str, tuple[Any, str | None]] = {
    "C-PLAIN": ("dòng một", "dòng một"),
    "C-HTML": ('<p>Chào <b>bạn</b> &amp; "tôi"</p>', '<p>Chào <b>bạn</b> &amp; "tôi"</p>'),
    "C-UNCLEAN": ("<p onclick='x()'>a</p><script>b</script>", "<p onclick='x()'>a</p><script>b</script>"),
    "C-FORMULA": ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    "C-LINES": ("<p>a</p>\r\n\r\n<p>b</p>", "<p>a</p>\r\n\r\n<p>b</p>"),
    "C-CR": ("a\rb", "a\rb"),
    "C-ESCAPE": ("_x0041_ _x000D_", "_x005F_x0041_ _x005F_x000D_"),
    "C-NFD": ("Tie\u0302\u0301ng \u00a0Việt", "Tie\u0302\u0301ng \u00a0Việt"),
    "C-CLEAR": ("[clear]", "[clear]"),
    "C-EMPTY": ("", None),
    "C-NULL": (None, None),
    "C-CONTROL": ("a\x0bb", "ab"),
    "C-FULL": ("😀" * 16_383, "😀" * 16_383),
    "C-LONG": ("x" * 40_000, f"{'x' * 32_726} {MARK}"),
    "C-EMOJI": ("a" + "😀" * 20_000, f"a{'😀' * 16_362} {MARK}"),
}


def describe_fields() -> None:
    """Describe and list a custom field of every kind."""
    for order, kind in enumerate(KINDS):
        options = OPTIONS if kind in {"select", "multi_select"} else ""
        CustomField.objects.create(
            key=f"f_{kind}",
            label=f"Trường {kind}",
            kind=kind,
            order=order,
            choices_text=options,
            is_listed=True,
        )


def fill_crm(sandbox: Sandbox, count: int) -> list[str]:
    """Give the stand-in so many tickets with odd values, each value in at least one; return their codes."""
    model = sandbox.ticket("ABCXYZ1234")
    values = [itertools.cycle(VALUES[kind]) for kind in KINDS]
    codes = [f"ODD-{number:04}" for number in range(count)]
    for number, code in enumerate(codes):
        custom = {f"f_{kind}": next(of_kind) for kind, of_kind in zip(KINDS, values, strict=True)}
        standard = STANDARD[number % len(STANDARD)]
        ticket = {**model, **standard, "custom_fields": custom, "ticket_code": code, "id": 100_000 + number}
        sandbox.store(code, ticket)
    return codes


def fill_contents(sandbox: Sandbox, contents: dict[str, Any]) -> list[str]:
    """Give the test CRM a ticket for each content, let the index learn of them, and return their codes."""
    model = sandbox.ticket("ABCXYZ1234")
    for number, (code, content) in enumerate(contents.items()):
        ticket = {**model, "ticket_content": content, "ticket_code": code, "id": 200_000 + number}
        sandbox.store(code, ticket)
    index(*contents)
    sandbox.forget_log()
    return list(contents)


def index(*codes: str) -> None:
    """Let the index learn of these tickets from the CRM."""
    began, choices = database_now(), get_choices()
    read = [read_ticket(code, choices, announce=False) for code in codes]  # all rows are written below
    seen = [seen_in_ticket(one, listed_fields()) for one in read]
    write_rows(current_index(), seen, began_at=began, read_from=ReadFrom.TICKET)


def export(web: Client, *codes: str, columns: str = COLUMNS, **posted: str) -> bytes:
    """Return the Excel file of these tickets."""
    asked = {"matching": f"columns={columns}&sort=code", "code": codes, **posted}
    answer: Any = web.post("/list/tickets.xlsx", asked)
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content)


def change(content: bytes, edit: Callable[[Any], object]) -> bytes:
    """Return the file after `edit` was made to its workbook by openpyxl."""
    book = load_workbook(io.BytesIO(content))
    edit(book)
    changed = io.BytesIO()
    book.save(changed)
    return changed.getvalue()


def cell(book: Any, code: str, heading: str) -> Any:
    """Return the cell of a ticket in a column of the first sheet."""
    sheet = book.worksheets[0]
    column = next(one.column for one in sheet[1] if one.value == heading)
    row = next(one.row for one in sheet["A"] if one.value == code)
    return sheet.cell(row, column)


def upload(web: Client, content: bytes, name: str = "tickets.xlsx") -> BulkUpdate:
    """Upload a file that is accepted, and return its bulk update."""
    answer = web.post("/bulk/new/", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 303, _problems(answer)
    return BulkUpdate.objects.latest("pk")


def dry_run(web: Client, bulk: BulkUpdate, **posted: str) -> BulkUpdate:
    """Choose the changes and do the dry run, as a worker does."""
    answer = web.post(f"/bulk/{bulk.uuid}/", posted)
    assert answer.status_code == 303, _problems(answer)
    return check(bulk)


def check(bulk: BulkUpdate) -> BulkUpdate:
    """Do the dry run of the waiting tickets, as a worker does."""
    bulk.refresh_from_db()
    assert bulk.state == BulkState.CHECKING
    assert bulk.owner
    work = work_on(bulk, bulk.owner)
    for item in bulk.items.filter(state="waiting"):
        item.bulk = bulk
        plan_item(work, item)
    bulk.state, bulk.seal = BulkState.READY, seal_of(bulk)
    bulk.save()
    return bulk


def send(web: Client, bulk: BulkUpdate) -> None:
    """Confirm the dry run and send its tickets, as a worker does."""
    answer = web.post(f"/bulk/{bulk.uuid}/confirm/", {"seal": bulk.seal, "in_flight": "1"})
    assert answer.status_code == 303, _problems(answer)
    bulk.refresh_from_db()
    assert bulk.owner
    work = work_on(bulk, bulk.owner)
    for item in bulk.items.filter(state="waiting"):
        item.bulk = bulk
        send_item(work, item)
    bulk.state = BulkState.FINISHED
    bulk.save()


def _problems(answer: Any) -> str:
    """Return the sentences of the main part of a page, for a failed assertion."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())[:2_000]


def item_of(bulk: BulkUpdate, code: str) -> BulkItem:
    """Return the item of a ticket."""
    return bulk.items.get(ticket_code=code)
