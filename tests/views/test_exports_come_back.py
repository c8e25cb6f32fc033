"""An exported list that is uploaded: unchanged cells are kept, changed ones sent, nothing else."""

import csv
import io
from collections.abc import Callable
from copy import copy
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.base import ModelState
from django.db.models.signals import post_init
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from tests.exports import (
    VALUES,
    cell,
    change,
    check,
    describe_fields,
    dry_run,
    export,
    fill_crm,
    index,
    item_of,
    send,
    upload,
)
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    AuditEntry,
    BulkItem,
    BulkState,
    BulkUpdate,
    IndexedTicket,
    ItemReason,
    Plan,
    Role,
    User,
)
from ticketadmin.presenters.conflicts import MAX_CONFLICTS_COUNTED, MAX_CONFLICTS_SHOWN
from ticketadmin.services.spreadsheets.records import ExportedCell, RecordedColumn, RecordWriter


@pytest.fixture
def web(lead: User, sandbox: Sandbox, client_of: Callable[[User], Client]) -> Client:
    """A lead's browser, in an installation with a listed custom field of every kind."""
    describe_fields()
    return client_of(lead)


def same(content: bytes) -> bytes:
    return content


def rewritten(content: bytes) -> bytes:
    return change(content, lambda _book: None)


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_unchanged_tickets_send_nothing(count: int, web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, count)
    index(*codes)
    content = export(web, *codes)

    for way in (same, rewritten):
        run = upload(web, way(content))
        asked = {item.ticket_code: item.wishes for item in run.items.all() if item.wishes or item.file_base}
        assert asked == {}
        assert run.items.count() == count
        assert run.notes["error_rows"] == 0
        assert web.post(f"/bulk/{run.uuid}/", {}).status_code == 422


# Kind, what the ticket holds, the new cell, what is sent.
CHANGED: tuple[tuple[str, Any, Any, Any], ...] = (
    ("text", "cũ", "mới", "mới"),
    ("text", 5, 6, 6),
    ("text", True, "false", False),
    ("text", ["a"], '["b"]', ["b"]),
    ("text", "", "=1+1", "=1+1"),
    ("long_text", "a\r\nb", "a\nb\nc", "a\r\nb\r\nc"),
    ("number", "1.5", 2.5, "2.5"),
    ("number", 0, 7, 7),
    ("date", "2026-12-05", date(2026, 12, 6), "2026-12-06"),
    ("epoch_date", 1748192400, date(2025, 5, 27), 1748278800),
    ("select", 1, "Bạc", 2),
    ("select", ["1"], "Bạc", ["2"]),
    ("multi_select", [1], "Vàng; Bạc", [1, 2]),
    ("yes_no", True, "không", False),
    ("yes_no", "Yes", "no", "No"),
)


def test_a_changed_cell_sends_only_its_field_with_the_type_that_the_ticket_holds(
    web: Client, sandbox: Sandbox
) -> None:
    """One row of CHANGED a ticket, and one ticket more that was left alone, in one file."""
    *codes, other = fill_crm(sandbox, len(CHANGED) + 1)
    wanted, plain = {}, sandbox.ticket(codes[0])["custom_fields"]
    for code, (kind, held, _typed, sent) in zip(codes, CHANGED, strict=True):
        before = {**plain, f"f_{kind}": held}
        sandbox.edit(code, custom_fields=before)
        # custom fields go along as they are, because the CRM may replace the object
        custom = {key: value for key, value in before.items() if value is not None}
        wanted[code] = {"ticket_code": code, "custom_fields": {**custom, f"f_{kind}": sent}}
    index(*codes, other)
    content = export(web, *codes, other)

    def edit(book: Any) -> None:
        for code, (kind, _held, typed, _sent) in zip(codes, CHANGED, strict=True):
            found = cell(book, code, f"Trường {kind}")
            found.value = typed
            found.data_type = "s" if isinstance(typed, str) else "d" if isinstance(typed, date) else "n"

    run = dry_run(web, upload(web, change(content, edit)))
    send(web, run)

    sent_of = {body["ticket_code"]: body for body in sandbox.puts()}
    assert [sent_of.get(code) for code in codes] == [wanted[code] for code in codes]
    assert len(sandbox.puts()) == len(codes)
    assert (item_of(run, other).plan, item_of(run, other).reason) == (
        Plan.ALREADY,
        ItemReason.UNCHANGED_IN_FILE,
    )


STANDARD_CHANGED = {
    "Title": ("ticket_title", "Tiêu đề mới"),
    "Status": ("status_name", "Đang xử lý"),
    "Category": ("cate_name", "Bảo hành"),
    "Customer e-mail": ("account_email", "c@d.vn"),
    "Emergency phone": ("emergency_phone", "0988 777 666"),
    "Expected date": ("expected_at", "2027-01-31"),
}


def test_a_changed_standard_field_is_sent_alone(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, len(STANDARD_CHANGED))
    for code in codes:
        sandbox.edit(code, ticket_title="cũ", expected_at="2026-12-05", emergency_phone="")
    index(*codes)
    changes = dict(zip(codes, STANDARD_CHANGED.items(), strict=True))

    def edit(book: Any) -> None:
        for code, (heading, (_name, value)) in changes.items():
            cell(book, code, heading).value = value

    send(web, dry_run(web, upload(web, change(export(web, *codes), edit))))

    wanted = [{"ticket_code": code, name: value} for code, (_heading, (name, value)) in changes.items()]
    assert sorted(sandbox.puts(), key=lambda body: str(body["ticket_code"])) == wanted


def test_rows_and_columns_may_be_sorted_removed_and_added(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 6)
    index(*codes)

    def edit(book: Any) -> None:
        sheet = book.worksheets[0]
        rows = [[one.value for one in row] for row in sheet.iter_rows()]
        shown = [rows[0], *rows[:0:-1]][:-2]  # the other way round, without the first two tickets
        status = rows[0].index("Status")
        notes = ["Ghi chú", *(f"Xem lại {at}" for at in range(len(shown)))]
        kept = [[row[1], row[status], note, row[0]] for row, note in zip(shown, notes, strict=False)]
        sheet.delete_rows(1, 10)
        sheet.delete_cols(1, 30)
        for row in [*kept, ["Thêm", "Mới", "x", "ABCXYZ1234"]]:
            sheet.append(row)
        sheet.cell(2, 1).value = "Đổi"

    run = upload(web, change(export(web, *codes), edit))
    page = web.get(f"/bulk/{run.uuid}/").content.decode()

    assert item_of(run, codes[-1]).wishes["ticket_title"]["set"] == "Đổi"
    added = item_of(run, "ABCXYZ1234")
    assert (set(added.wishes), added.file_base) == ({"ticket_title", "status_name"}, {})
    assert run.items.filter(wishes__isnull=True).count() == 3
    assert [one for one in EDITED if one not in page] == []
    assert 'name="as_read"' in page


EDITED = (
    "1 ticket has changed cells.",
    "3 tickets have no changed cells",
    "1 row was added",
    "2 tickets of the export no longer have a row",
    "1 column is not a field of the export and is not read: “Ghi chú”.",
)


def test_a_ticket_in_two_rows_is_an_error_in_both(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 3)
    index(*codes)

    def edit(book: Any) -> None:
        book.worksheets[0]["A3"].value = codes[0]

    run = upload(web, change(export(web, *codes), edit))

    assert {one["row"] for one in run.notes["errors"]} == {2, 3}
    assert "This ticket is also in row 3." in web.get(f"/bulk/{run.uuid}/").content.decode()


def test_a_value_that_the_crm_changed_since_is_a_conflict_and_nothing_is_sent(
    web: Client, sandbox: Sandbox
) -> None:
    codes = fill_crm(sandbox, 3)
    index(*codes)
    content = export(web, *codes)
    sandbox.edit(codes[0], ticket_title="Của người khác", emergency_phone="0999999999")
    sandbox.edit(codes[1], emergency_phone="0999999999")

    def edit(book: Any) -> None:
        for code in codes:
            cell(book, code, "Title").value = "Của tôi"

    run = dry_run(web, upload(web, change(content, edit)))

    found = {item.ticket_code: (item.plan, item.reason) for item in run.items.all()}
    assert found == {
        codes[0]: (Plan.CANNOT, ItemReason.CHANGED_SINCE_EXPORT),
        codes[1]: (Plan.SEND, ""),
        codes[2]: (Plan.SEND, ""),
    }
    send(web, run)
    assert sorted(body["ticket_code"] for body in sandbox.puts()) == codes[1:]
    assert item_of(run, codes[0]).outcome == "conflict"


def test_a_value_that_changed_to_what_the_file_wants_is_no_conflict(web: Client, sandbox: Sandbox) -> None:
    (code,) = fill_crm(sandbox, 1)
    index(code)
    content = export(web, code)
    sandbox.edit(code, ticket_title="Như nhau")

    def edit(book: Any) -> None:
        cell(book, code, "Title").value = "Như nhau"

    assert item_of(dry_run(web, upload(web, change(content, edit))), code).plan == Plan.ALREADY


@pytest.mark.parametrize("kind", ["text", "multi_select", "number", "select"])
def test_no_value_as_it_was_stored_looks_changed_since(kind: str, web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, len(VALUES[kind]))
    index(*codes)
    typed = {"number": 99, "select": "Bạc", "multi_select": "Bạc"}.get(kind, '"99"')

    def edit(book: Any) -> None:
        for code in codes:
            cell(book, code, f"Trường {kind}").value = typed

    run = dry_run(web, upload(web, change(export(web, *codes), edit)), leave_out="on")

    wanted = run.items.exclude(wishes__isnull=True)
    assert wanted.count() > len(codes) / 2
    assert not wanted.filter(reason=ItemReason.CHANGED_SINCE_EXPORT).exists()


def remove_record(book: Any) -> None:
    del book["ticketadmin record"]


def damage_record(book: Any) -> None:
    book["ticketadmin record"].delete_rows(1)


def age_record(book: Any) -> None:
    sheet = book["ticketadmin record"]
    last = sheet.cell(sheet.max_row, 2)
    last.value = last.value.replace('"format":1', '"format":0')


def show_record(book: Any) -> None:
    book["ticketadmin record"].sheet_state = "visible"
    book["ticketadmin record"].protection.sheet = False


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove_record, "without its hidden sheet"),
        (damage_record, "was changed or cut off"),
        (age_record, "by another version"),
    ],
)
def test_a_file_without_a_fitting_record_is_an_ordinary_upload_after_consent(
    damage: Callable[[Any], None], said: str, web: Client, sandbox: Sandbox
) -> None:
    codes = fill_crm(sandbox, 2)
    index(*codes)

    run = upload(web, change(export(web, *codes, columns="title,customer,updated"), damage))
    page = web.get(f"/bulk/{run.uuid}/").content.decode()

    assert said in page
    assert "every filled cell is set" in page
    assert {tuple(item.wishes) for item in run.items.all()} == {("ticket_title",)}
    assert web.post(f"/bulk/{run.uuid}/", {}).status_code == 422
    assert web.post(f"/bulk/{run.uuid}/", {"as_read": "on"}).status_code == 303


def test_a_file_of_another_crm_is_reported(web: Client, sandbox: Sandbox, settings: Any) -> None:
    codes = fill_crm(sandbox, 1)
    index(*codes)
    here, settings.TICKET_API_URL = settings.TICKET_API_URL, "https://other.example.com"
    record = RecordWriter(
        [RecordedColumn("Title", "ticket_title")], address=settings.TICKET_API_URL, at=timezone.now()
    )
    settings.TICKET_API_URL = here

    def edit(book: Any) -> None:
        sheet = book["ticketadmin record"]
        sheet.delete_rows(1, 9)
        sheet.append(record.row_of(codes[0], [ExportedCell("a", "a")]))
        sheet.append(record.last_row())

    run = upload(web, change(export(web, *codes), edit))

    assert "exported from another CRM" in web.get(f"/bulk/{run.uuid}/").content.decode()
    assert item_of(run, codes[0]).wishes


def test_an_old_export_says_its_age_and_sends_no_undecided_conflict(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 3)
    for code in codes:
        sandbox.edit(code, ticket_title="năm ngoái")
    index(*codes)
    columns = [RecordedColumn("Title", "ticket_title")]
    record = RecordWriter(columns, address=settings.TICKET_API_URL, at=timezone.now() - timedelta(days=370))

    def edit(book: Any) -> None:
        sheet = book["ticketadmin record"]
        sheet.delete_rows(1, 9)
        for code in codes:
            sheet.append(record.row_of(code, [ExportedCell("năm ngoái", "năm ngoái")]))
        sheet.append(record.last_row())
        for code in codes[:2]:
            cell(book, code, "Title").value = "của tôi"

    content = change(export(web, *codes, columns="title"), edit)
    for code in (codes[0], codes[2]):
        sandbox.edit(code, ticket_title="năm nay")
    run = upload(web, content)
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    vietnamese = web.get(f"/bulk/{run.uuid}/", headers={"accept-language": "vi"}).content.decode()
    send(web, dry_run(web, run))

    assert "The export was made 370 days ago." in page
    assert "Danh sách này được xuất 370 ngày trước." in vietnamese
    assert item_of(run, codes[0]).reason == ItemReason.CHANGED_SINCE_EXPORT
    assert sandbox.puts() == [{"ticket_code": codes[1], "ticket_title": "của tôi"}]


def test_a_recent_export_does_not_say_its_age(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 1)
    index(*codes)

    run = upload(web, export(web, *codes))

    assert "The export was made" not in web.get(f"/bulk/{run.uuid}/").content.decode()


def test_an_unhidden_record_sheet_is_not_read_as_tickets(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 2)
    index(*codes)

    run = upload(web, change(export(web, *codes), show_record))

    assert run.notes["reading"]["other_sheets"] == []
    assert not run.items.exclude(wishes__isnull=True).exists()


def test_a_csv_file_of_the_list_says_that_it_cannot_be_compared(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 1)
    index(*codes)
    answer: Any = web.post("/list/tickets.csv", {"matching": "columns=title", "code": codes})

    run = upload(web, b"".join(answer.streaming_content), "tickets.csv")

    assert "without its hidden sheet" in web.get(f"/bulk/{run.uuid}/").content.decode()


def test_emptied_and_unknown_cells_keep_their_values(web: Client, sandbox: Sandbox) -> None:
    (code,) = fill_crm(sandbox, 1)
    index(code)
    IndexedTicket.objects.filter(code=code).update(values={"ticket_title": "cũ", "account_email": "a@b.vn"})

    def edit(book: Any) -> None:
        cell(book, code, "Title").value = None
        cell(book, code, "Customer e-mail").value = "[clear]"
        assert cell(book, code, "Emergency phone").value == "(not known)"

    run = upload(web, change(export(web, code), edit))

    item = item_of(run, code)
    assert item.wishes == {"account_email": {"clear": True}}
    assert item.file_base == {"ticket_title": "cũ", "account_email": "a@b.vn"}
    assert "Title: 1 emptied cell." in web.get(f"/bulk/{run.uuid}/").content.decode()


def test_a_shortened_cell_is_marked_and_never_accepted_back(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 2)
    for code in codes:
        sandbox.edit(code, custom_fields={"f_long_text": "z" * 700})
    index(*codes)
    content = export(web, *codes)

    def edit(book: Any) -> None:
        found = cell(book, codes[0], "Trường long_text")
        assert found.value.endswith("[shortened: this cell is not taken back]")
        found.value = "ngắn"

    run = upload(web, change(content, edit))
    assert [one["column"] for one in run.notes["errors"]] == ["Trường long_text"]
    assert item_of(run, codes[1]).wishes is None

    answer = web.post("/bulk/new/", {"file": SimpleUploadedFile("t.xlsx", change(content, remove_record))})
    assert "Empty the cell to keep it." in answer.content.decode()


def test_a_common_change_applies_to_unchanged_rows_too(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 2)
    index(*codes)

    run = upload(web, export(web, *codes, columns="title"))
    run = dry_run(web, run, **{"action.cate_name": "set", "cate_name": "Bảo hành"})

    assert set(run.items.values_list("plan", flat=True)) == {Plan.SEND}


def test_a_colleague_uploads_with_their_own_permissions(
    web: Client,
    sandbox: Sandbox,
    staff: User,
    make_person: Callable[..., User],
    client_of: Callable[..., Client],
) -> None:
    codes = fill_crm(sandbox, 1)
    index(*codes)
    content = export(web, *codes)
    file = {"file": SimpleUploadedFile("t.xlsx", content)}

    assert client_of(staff).post("/bulk/new/", file).status_code == 403
    other = client_of(make_person(Role.LEAD, "other"))
    other.cookies["django_language"] = "vi"
    assert not upload(other, content).items.exclude(wishes__isnull=True).exists()


def test_an_export_with_codes_only_can_be_uploaded_again(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 2)
    index(*codes)
    IndexedTicket.objects.filter(code__in=codes).update(values={})

    run = upload(web, export(web, *codes))

    assert not run.items.exclude(wishes__isnull=True).exists()


def conflicting(web: Client, sandbox: Sandbox, count: int) -> tuple[BulkUpdate, list[str]]:
    """Return a dry run in which title and phone of so many tickets are conflicts, and their codes."""
    codes = fill_crm(sandbox, count)
    for code in codes:
        sandbox.edit(code, ticket_title="lúc xuất", emergency_phone="0911111111", cate_name="Khác")
    index(*codes)
    content = export(web, *codes)
    for code in codes:
        sandbox.edit(code, ticket_title="của họ", emergency_phone="0922222222")

    def edit(book: Any) -> None:
        for code in codes:
            cell(book, code, "Title").value = "của tôi"
            cell(book, code, "Emergency phone").value = "0933333333"
            cell(book, code, "Category").value = "Bảo hành"

    return dry_run(web, upload(web, change(content, edit))), codes


def choose(web: Client, run: BulkUpdate, **choices: str) -> Any:
    return web.post(f"/bulk/{run.uuid}/choose/", {"seal": run.seal, **choices})


def test_a_conflict_shows_three_values_and_is_decided_by_ticket_or_column(
    web: Client, sandbox: Sandbox
) -> None:
    run, codes = conflicting(web, sandbox, 4)
    pks = [item_of(run, code).pk for code in codes]
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    assert [text for text in ("lúc xuất", "của họ", "của tôi") if text not in page] == []
    assert run.items.filter(plan=Plan.CANNOT).count() == 4

    answer = choose(
        web,
        run,
        **{f"ticket.{pks[0]}": "mine", f"ticket.{pks[1]}": "theirs", "column.ticket_title": "mine"},
    )
    assert answer.status_code == 303
    check(run)

    sent = {"ticket_title": "của tôi", "emergency_phone": "0933333333", "cate_name": "Bảo hành"}
    assert [item_of(run, code).plan for code in codes] == [Plan.SEND, Plan.SEND, Plan.CANNOT, Plan.CANNOT]
    choose(web, run, **{"column.emergency_phone": "theirs"})
    send(web, check(run))
    bodies = {body.pop("ticket_code"): body for body in sandbox.puts()}
    title = {name: sent[name] for name in ("ticket_title", "cate_name")}
    assert bodies == {codes[0]: sent, codes[1]: {"cate_name": "Bảo hành"}, codes[2]: title, codes[3]: title}


def test_a_value_that_changes_again_after_the_choice_is_a_conflict_again(
    web: Client, sandbox: Sandbox
) -> None:
    run, (code,) = conflicting(web, sandbox, 1)
    choose(web, run, **{f"ticket.{item_of(run, code).pk}": "mine"})
    sandbox.edit(code, ticket_title="lần nữa")

    check(run)

    assert item_of(run, code).reason == ItemReason.CHANGED_SINCE_EXPORT
    assert "lần nữa" in web.get(f"/bulk/{run.uuid}/").content.decode()


def test_a_choice_for_another_dry_run_or_for_nothing_is_refused(web: Client, sandbox: Sandbox) -> None:
    run, (code,) = conflicting(web, sandbox, 1)

    nothing = choose(web, run)
    old = web.post(f"/bulk/{run.uuid}/choose/", {"seal": "x" * 64, "column.ticket_title": "mine"})

    assert (nothing.status_code, old.status_code) == (422, 409)
    run.refresh_from_db()
    assert (run.state, item_of(run, code).file_choices) == (BulkState.READY, None)


def test_emptied_cells_clear_the_field_only_if_chosen_for_their_column(web: Client, sandbox: Sandbox) -> None:
    codes = fill_crm(sandbox, 3)
    for code in codes:
        sandbox.edit(code, ticket_title="có", emergency_phone="0911111111", account_email="a@b.vn")
    index(*codes)

    def edit(book: Any) -> None:
        for code in codes[:2]:
            for heading in ("Title", "Emergency phone", "Customer e-mail"):
                cell(book, code, heading).value = None

    run = upload(web, change(export(web, *codes), edit))
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    assert "Emergency phone: 2 emptied cells" in page
    assert "Title: 2 emptied cells. This field cannot be empty" in page
    assert web.post(f"/bulk/{run.uuid}/", {}).status_code == 422

    answers = {"emptied.emergency_phone": "clear", "emptied.ticket_title": "clear"}
    send(web, dry_run(web, run, **answers))

    assert sandbox.puts() == [{"ticket_code": code, "emergency_phone": ""} for code in codes[:2]]


def test_going_back_to_the_changes_keeps_emptied_cells_again(web: Client, sandbox: Sandbox) -> None:
    (code,) = fill_crm(sandbox, 1)
    index(code)

    def edit(book: Any) -> None:
        cell(book, code, "Emergency phone").value = None
        cell(book, code, "Title").value = "khác"
        cell(book, code, "Category").value = "[clear]"

    run = dry_run(web, upload(web, change(export(web, code), edit)), **{"emptied.emergency_phone": "clear"})
    assert set(item_of(run, code).wishes) == {"emergency_phone", "ticket_title", "cate_name"}

    web.post(f"/bulk/{run.uuid}/change/")
    dry_run(web, run)

    assert set(item_of(run, code).wishes) == {"ticket_title", "cate_name"}


def test_results_are_the_same_file_with_the_outcome_of_each_row(web: Client, sandbox: Sandbox) -> None:
    run, codes = conflicting(web, sandbox, 2)
    choose(web, run, **{f"ticket.{item_of(run, codes[0]).pk}": "mine"})
    send(web, check(run))
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "vi"

    content = web.get(f"/bulk/{run.uuid}/outcomes/").content

    book = load_workbook(io.BytesIO(content))
    found = {code: cell(book, code, "ticketadmin: kết quả").value for code in codes}
    assert found == {codes[0]: "Đã xác minh", codes[1]: "Đã bị sửa trong lúc đó"}
    assert "CRM" in cell(book, codes[1], "ticketadmin: chi tiết").value
    assert cell(book, codes[0], "ticketadmin: kiểm tra lúc").value
    assert cell(book, codes[0], "Title").value == "của tôi"
    again = upload(web, content)
    assert again.notes["reading"]["passed_over"] == []
    plans = dict(dry_run(web, again).items.values_list("ticket_code", "plan"))
    assert plans == {codes[0]: Plan.ALREADY, codes[1]: Plan.CANNOT}


def test_rows_that_were_not_part_of_a_run_say_why(web: Client, sandbox: Sandbox) -> None:
    lines = "code;Status;Title\r\nTK240012;Không có;a\r\nTK240072;;b\r\n"
    bulk = upload(web, lines.encode())
    run = dry_run(web, bulk, leave_out="on")
    send(web, run)

    answer = web.get(f"/bulk/{run.uuid}/outcomes/")

    header, wrong, sent = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert header[3:] == ["ticketadmin: outcome", "ticketadmin: detail", "ticketadmin: checked at"]
    assert wrong[3] == "Not part of the run"
    assert wrong[4].startswith("Status: The CRM has no “Không có”.")
    assert sent[3] == "Verified"
    assert AuditEntry.objects.latest("pk").details["rows"] == 2


def test_a_page_examines_a_limited_number_of_conflicts(web: Client, sandbox: Sandbox) -> None:
    run, codes = conflicting(web, sandbox, 1)
    first = item_of(run, codes[0])
    run.items.bulk_create(copy_of(first, number) for number in range(1, 2 * MAX_CONFLICTS_COUNTED + 5))
    made: list[int] = []

    def count(instance: BulkItem, **_kwargs: object) -> None:
        made.append(instance.position)

    post_init.connect(count, sender=BulkItem)
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    post_init.disconnect(count, sender=BulkItem)

    assert len(made) < 1.5 * MAX_CONFLICTS_COUNTED
    assert f"{2 * MAX_CONFLICTS_COUNTED + 5:,} tickets changed in the CRM after the export" in page
    assert 'name="column.ticket_title"' in page
    assert page.count('name="ticket.') == MAX_CONFLICTS_SHOWN


def copy_of(item: BulkItem, number: int) -> BulkItem:
    """Return one more ticket of a run with the same conflicts."""
    new = copy(item)
    new.pk, new.position, new.ticket_code = None, item.position + number, f"COPY-{number}"
    new._state = ModelState()
    return new


def test_a_ticket_with_an_emptied_cell_alone_counts_as_changed(web: Client, sandbox: Sandbox) -> None:
    emptied, same = fill_crm(sandbox, 2)
    sandbox.edit(emptied, emergency_phone="0911111111")
    index(emptied, same)

    def edit(book: Any) -> None:
        cell(book, emptied, "Emergency phone").value = None

    run = upload(web, change(export(web, emptied, same), edit))
    page = web.get(f"/bulk/{run.uuid}/").content.decode()

    assert "1 ticket has changed cells." in page
    assert "1 ticket has no changed cells" in page
