"""An uploaded table as a plan for each ticket: columns known, values checked, errors by row and column."""

import csv
import io
import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.utils import timezone, translation
from hypothesis import given, strategies
from openpyxl import load_workbook

from ticketadmin.services.bulk.cells import read_cell
from ticketadmin.services.bulk.columns import InvalidColumns
from ticketadmin.services.bulk.notation import Notation
from ticketadmin.services.bulk.rows import MAX_ERRORS, BulkTable, ReadAs, plan_rows
from ticketadmin.services.bulk.template import explain_columns, template_csv, template_xlsx
from ticketadmin.services.saving.edit import CLEAR, Set
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.spreadsheets.table import CellProblem, Table, TableRow, UnreadableFile
from ticketadmin.services.values.choices import ChoiceList, Choices
from ticketadmin.services.values.fields import STANDARD, Field, Kind
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.tickets import Choice

OPTIONS = (("1", "Một"), ("2", "Hai, ba"), ("x", "Mót"))
CUSTOM = (
    Field("custom_fields.so_serial", "Số sê-ri", Kind.TEXT),
    Field("custom_fields.ngay_mua", "Ngày mua", Kind.EPOCH_DATE),
    Field("custom_fields.so_luong", "Số lượng", Kind.NUMBER),
    Field("custom_fields.goi", "Gói", Kind.SELECT, choices=OPTIONS),
    Field("custom_fields.nhan", "Nhãn", Kind.MULTI_SELECT, choices=OPTIONS),
    Field("custom_fields.bao_hanh", "Bảo hành", Kind.YES_NO, clearable=False),
    Field("custom_fields.ghi_chu", "=Ghi chú", Kind.LONG_TEXT, help_text="Nội bộ."),
)
FIELDS = {field.name: field for field in (*STANDARD, *CUSTOM)}
CHOICES = Choices(
    ChoiceList((Choice(1, "Bảo hành"), Choice(2, "Khác")), timezone.now()),
    ChoiceList((Choice(1, "Mới"), Choice(2, "Đang xử lý")), timezone.now()),
)
SCHEMA = TicketSchema(FIELDS, CHOICES)


def table_of(header: list[str], *rows: list[str], problems: tuple[CellProblem, ...] = ()) -> Table:
    numbered = tuple(TableRow(number, tuple(row)) for number, row in enumerate(rows, start=2))
    return Table(tuple(header), numbered, problems=problems)


def read(header: list[str], *rows: list[str]) -> BulkTable:
    return plan_rows(table_of(header, *rows), SCHEMA)


def wish(name: str, text: str) -> Any:
    """Return the wish of a cell, or the first error's message."""
    read_table_of_one = read(["ticket_code", name], ["TK-1", text])
    if read_table_of_one.errors:
        return read_table_of_one.errors[0].message
    return read_table_of_one.rows[0].values.get(name)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("ticket_title", "ticket_title"), ("TICKET_TITLE", "ticket_title"), ("Title", "ticket_title"),
        ("tiêu đề", "ticket_title"), ("Tieu  de *", "ticket_title"), ("\ufeffTitle:", "ticket_title"),
        (unicodedata.normalize("NFD", "Tiêu đề"), "ticket_title"), ("emergency phone", "emergency_phone"),
        ("custom_fields.so_serial", "custom_fields.so_serial"), ("Số sê-ri", "custom_fields.so_serial"),
        ("so se-ri", "custom_fields.so_serial"), ("so_serial", "custom_fields.so_serial"),
    ],
)  # fmt: skip
def test_a_column_is_recognised_by_name_and_by_label_in_either_language(heading: str, name: str) -> None:
    for language in ("en", "vi"):
        with translation.override(language):
            assert [field.name for field in read(["Mã", heading], ["TK-1", ""]).fields] == [name]


@pytest.mark.parametrize(
    "heading", ["ticket_code", "Code", "Mã", "Mã phiếu", "ma phieu", "TICKET CODE", "Ticket"]
)
def test_the_code_column_is_recognised_by_its_usual_names(heading: str) -> None:
    assert read([heading, "Title"], ["TK-1", "x"]).rows[0].code == "TK-1"


def column_errors(header: list[str], *rows: list[str], fields: dict[str, Field] = FIELDS) -> dict[str, str]:
    with pytest.raises(InvalidColumns) as caught:
        plan_rows(table_of(header, *rows), TicketSchema(fields, CHOICES))
    return {str(error.code): error.messages[0] for error in caught.value.error_list}


def test_all_unknown_columns_are_named_at_once() -> None:
    errors = column_errors(
        ["code", "Titel", "wholly else", "Title", "Tiêu đề", "", "mã"], ["TK-1", *"abcde", "TK-2"]
    )

    assert set(errors) == {"unknown_column", "doubled_column", "unnamed_column"}
    assert "F" in errors["unnamed_column"]
    assert "Did you mean “Title”?" in column_errors(["code", "Titel"], ["TK-1"])["unknown_column"]
    assert "wholly else" in column_errors(["code", "wholly else"], ["TK-1"])["unknown_column"]
    assert "B “Title”, C “tiêu đề”" in column_errors(["code", "Title", "tiêu đề"], ["TK-1"])["doubled_column"]
    assert "ticket_code" in column_errors(["Title"], ["x"])["no_code_column"]


@pytest.mark.parametrize(
    ("first", "seen"),
    [
        (["TK240014"], "“TK240014”"),
        (["TK240014", "Máy in tầng 3", ""], "“TK240014”, “Máy in tầng 3”"),
        (["", "TK240014"], "“TK240014”"),
        (["x" * 99, "1", "2", "3", "4"], "“" + "x" * 39 + "…”, “1”, “2”, “3”, …"),
    ],
)
def test_a_first_row_of_values_is_reported_as_having_no_column_names(first: list[str], seen: str) -> None:
    errors = column_errors(first, ["TK-1", "a", "b", "c", "d"][: len(first)])

    assert set(errors) == {"no_header"}
    assert f"no name that is known here: {seen}. " in errors["no_header"]
    assert "such as: ticket_code, Title, Status. " in errors["no_header"]


@pytest.mark.parametrize("first", [["code", "TK-1"], ["Titel", "TK-1"], ["Title", "TK-1"]])
def test_a_first_row_with_any_name_is_read_as_names(first: list[str]) -> None:
    assert "no_header" not in column_errors(first, ["TK-1", "a"])


def test_an_unnamed_column_without_values_is_ignored() -> None:
    assert read(["code", "", "Title"], ["TK-1", " ", "x"]).rows[0].values == {"ticket_title": Set("x")}


def test_the_more_exact_match_of_a_heading_wins_and_a_tie_is_an_error() -> None:
    ma, title = Field("custom_fields.a", "Má", Kind.TEXT), Field("custom_fields.b", "Title", Kind.TEXT)
    fields = FIELDS | {ma.name: ma, title.name: title}

    errors = column_errors(["code", "Title"], ["TK-1"], fields=fields)

    assert "custom_fields.b / ticket_title" in errors["ambiguous_column"]


def test_an_empty_cell_keeps_the_clear_word_clears_and_anything_else_sets() -> None:
    row = read(
        ["code", "Title", "Content", "Expected date", "Status"],
        ["TK-1", "  Máy in hỏng ", "[xóa]", "", "đang XỬ LÝ"],
    ).rows[0]

    assert row.values == {
        "ticket_title": Set("Máy in hỏng"), "ticket_content": CLEAR, "status_name": Set("Đang xử lý"),
    }  # fmt: skip


@pytest.mark.parametrize("word", ["[clear]", "[CLEAR]", " [xóa] ", "[xoá]", "[xoa]"])
def test_the_word_that_clears_is_the_same_in_both_languages(word: str) -> None:
    assert wish("account_email", word) == CLEAR
    assert wish("ticket_title", word) == "This field cannot be empty."
    assert wish("custom_fields.bao_hanh", word) == "This field cannot be empty."


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("emergency_phone", "0123456789", "0123456789"),
        ("emergency_phone", "0901\u2011234\u00a0567\u200e", "0901-234 567"),
        ("expected_at", "2026-12-31", "2026-12-31"),
        ("expected_at", "31/12/2026", "2026-12-31"),
        ("expected_at", "1-2-2026", "2026-02-01"),
        ("expected_at", "5.12.2026", "2026-12-05"),
        ("expected_at", "2026-12-31 09:30:00", "2026-12-31"),
        ("expected_at", "2026/12/05", "2026-12-05"),
        ("expected_at", "2026.1.5", "2026-01-05"),
        ("expected_at", "05/12/26", "2026-12-05"),
        ("expected_at", "12/31/2026", "2026-12-31"),
        ("expected_at", "12/31/26", "2026-12-31"),
        ("expected_at", "05-Dec-26", "2026-12-05"),
        ("custom_fields.so_luong", "1.250.000 ₫", "1250000"),
        ("custom_fields.so_luong", "1.250,50-", "-1250.50"),
        ("expected_at", "05/12/99 8:30", "1999-12-05"),
        ("custom_fields.so_luong", "1.250.000", "1250000"),
        ("status_name", "dang xu ly", "Đang xử lý"),
        ("status_name", "MOI", "Mới"),
        ("custom_fields.ngay_mua", "26/05/2025", "1748192400"),
        ("custom_fields.so_luong", "3,5", "3.5"),
        ("custom_fields.so_luong", "1E+3", "1000"),
        ("custom_fields.goi", "1", "1"),
        ("custom_fields.goi", "một", "1"),
        ("custom_fields.nhan", "Hai, ba", ["2"]),
        ("custom_fields.nhan", "Một; hai, BA", ["1", "2"]),
        ("custom_fields.nhan", "1,2", ["1", "2"]),
        ("custom_fields.bao_hanh", "Có", "1"),
        ("custom_fields.bao_hanh", "FALSE", "0"),
        ("custom_fields.so_serial", "00012", "00012"),
        ("ticket_title", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("ticket_title", "👩\u200d💻 lỗi", "👩\u200d💻 lỗi"),
        ("ticket_content", "một & hai", "một &amp; hai"),
        ("ticket_content", "một\r\nhai <3", "<p>một<br>hai &lt;3</p>"),
        ("ticket_content", "<p>một</p>\n<p>hai<script>x</script></p>", "<p>một</p>\n<p>hai</p>"),
        ("custom_fields.ghi_chu", "một\r\nhai", "một\nhai"),
        ("cate_name", "khác", "Khác"),
    ],
)  # fmt: skip
def test_values_are_understood_as_written_in_spreadsheets(name: str, text: str, value: Any) -> None:
    assert wish(name, text) == Set(value)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("expected_at", "30/02/2026", "calendar date"),
        ("expected_at", "46361", "31/12/26"),
        ("expected_at", "2026/13/05", "2026/12/31"),
        ("custom_fields.so_luong", "1.250", "1250"),
        ("emergency_phone", "9,01E+08", "shortened"),
        ("custom_fields.so_serial", "1.23457E+14", "shortened"),
        ("ticket_title", "#N/A", "#N/A"),
        ("ticket_title", "########", "####"),
        ("custom_fields.so_luong", "1,234", "1234"),
        ("custom_fields.goi", "mot", "mot"),
        ("account_email", "lan", "e-mail"),
        ("status_name", "Đang sử lý", "Đang xử lý"),
        ("ticket_title", "x" * 256, "255"),
        ("ticket_content", "<script>x</script>", "Nothing"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_sent_is_a_helpful_error(name: str, text: str, hint: str) -> None:
    assert hint in str(wish(name, text))


def test_one_month_first_date_decides_for_its_column() -> None:
    table = read(
        ["code", "Expected date", "Ngày mua"],
        ["TK-1", "12/31/2026", "05/12/2026"],
        ["TK-2", "05/12/2026", ""],
        ["TK-3", "2026-12-05", ""],
        ["TK-4", "05.12.2026", ""],
    )

    days = [row.values["expected_at"] for row in table.rows]
    assert days == [Set("2026-12-31"), Set("2026-05-12"), Set("2026-12-05"), Set("2026-12-05")]
    assert table.rows[0].values["custom_fields.ngay_mua"] == Set("1796403600")
    assert [(one.column, one.notation, one.row) for one in table.decided] == [
        ("Expected date", Notation.MONTH_FIRST, 2)
    ]


def test_contradicting_dates_are_errors_if_no_user_can_be_asked() -> None:
    rows = [["TK-1", "12/31/2026"], ["TK-2", "31/12/2026"], ["TK-3", "05/12/2026"], ["TK-4", "05/05/2026"]]

    table = read(["code", "Expected date"], *rows)

    assert [error.row for error in table.errors] == [4]
    assert [row.code for row in table.rows] == ["TK-1", "TK-2", "TK-4"]


@pytest.mark.parametrize(
    ("others", "text", "value"),
    [
        (["1.250.000"], "1.250", "1250"),
        (["2,5"], "1.250", "1250"),
        (["1,250,000"], "1,250", "1250"),
        (["2.5"], "1,250", "1250"),
        (["2.5"], "1.250", None),
        (["1.250.000", "1,250,000"], "1.250", None),
        (["2,5", "2.5"], "1.250", None),
        (["7"], "1.250", None),
    ],
)
def test_an_ambiguous_number_is_read_as_its_column_decides(
    others: list[str], text: str, value: str | None
) -> None:
    rows = [[f"TK-{number}", other] for number, other in enumerate(others)]

    table = read(["code", "Số lượng"], ["TK-X", text], *rows)

    planned = {row.code: row.values for row in table.rows}
    assert planned.get("TK-X") == ({"custom_fields.so_luong": Set(value)} if value else None)
    assert bool(table.errors) is (value is None)


def test_a_number_in_a_workbook_says_nothing_about_notation() -> None:
    rows = [["TK-1", "2.5"], ["TK-2", "1,250"]]

    table = plan_rows(
        replace(table_of(["code", "Số lượng"], *rows), sheet="Sheet1", day_zero=date(1899, 12, 30)), SCHEMA
    )

    assert [error.row for error in table.errors] == [3]


@pytest.mark.parametrize(("day_zero", "day"), [("1899-12-30", "2026-12-05"), ("1904-01-01", "2030-12-06")])
def test_a_serial_number_in_a_workbook_is_a_date_of_its_date_system(day_zero: str, day: str) -> None:
    rows = table_of(["code", "Expected date"], ["TK-1", "46361"], ["TK-2", "46361.75"], ["TK-3", "463"])

    table = plan_rows(replace(rows, day_zero=date.fromisoformat(day_zero)), SCHEMA)

    assert [row.values for row in table.rows] == [{"expected_at": Set(day)}] * 2
    assert [error.row for error in table.errors] == [4]


def test_a_name_without_diacritics_is_accepted_if_one_fits_and_reported_once() -> None:
    statuses = (Choice(1, "Mở"), Choice(2, "Mỡ"), Choice(3, "Đóng"))
    lists = Choices(statuses=ChoiceList(statuses, timezone.now()))
    rows = [["TK-1", "dong"], ["TK-2", "mo"], ["TK-3", "dong"], ["TK-4", "ĐÓNG"]]

    table = plan_rows(table_of(["code", "status_name"], *rows), TicketSchema(FIELDS, lists))

    assert {row.code: row.values["status_name"] for row in table.rows} == dict.fromkeys(
        ["TK-1", "TK-3", "TK-4"], Set("Đóng")
    )
    assert [error.row for error in table.errors] == [3]
    assert table.read_as == (ReadAs("status_name", "dong", "Đóng", 2),)


@pytest.mark.parametrize("above", [[["Phiếu tháng 12"]], [["Ticket"], ["A", "B"]], [["x"]] * 9])
def test_lines_above_the_column_names_are_ignored(above: list[list[str]]) -> None:
    table = read(*above, ["Mã phiếu", "Title"], ["TK-1", "a"])

    assert [(row.code, row.values) for row in table.rows] == [("TK-1", {"ticket_title": Set("a")})]
    assert (table.table.title_lines, table.table.header_row) == (len(above), len(above) + 1)


def test_column_names_are_searched_for_in_the_first_ten_rows_only() -> None:
    with pytest.raises(InvalidColumns):
        read(*[["x"]] * 10, ["Mã phiếu", "Title"], ["TK-1", "a"])


def test_a_title_and_column_names_alone_are_not_a_table() -> None:
    with pytest.raises(UnreadableFile, match="has to name the columns"):
        read(["Phiếu"], ["Mã phiếu", "Title"])


def test_all_errors_are_found_at_once_and_valid_rows_can_run() -> None:
    table = plan_rows(
        table_of(
            ["Mã phiếu", "E-mail", "Trạng thái"],
            ["TK-1", "a@b.vn", "Mới"],
            ["TK 2", "không", "Chưa"],
            ["", "a@b.vn"],
            ["TK-4", "a@b.vn", "Mới", "too far"],
            ["TK-5", "", ""],
            ["1E+10", ""],
            ["tk-5", "x" * 500],
            problems=(CellProblem(6, 2, "no result"),),
        ),
        TicketSchema(FIELDS | {"account_email": Field("account_email", "E-mail", Kind.EMAIL)}, CHOICES),
    )

    assert [(error.row, error.column) for error in table.errors] == [
        (3, "Mã phiếu"), (3, "E-mail"), (3, "Trạng thái"), (4, "Mã phiếu"), (5, "D"), (6, "Trạng thái"),
        (6, "Mã phiếu"), (7, "Mã phiếu"), (8, "E-mail"), (8, "Mã phiếu"),
    ]  # fmt: skip
    assert table.error_rows == {3, 4, 5, 6, 7, 8}
    assert [(row.row_number, row.code) for row in table.rows] == [(2, "TK-1")]
    assert max(len(error.value) for error in table.errors) < 130


def test_a_row_without_values_changes_nothing_and_is_not_an_error() -> None:
    table = read(["code", "Title"], ["TK-1", ""], ["123"])

    assert [(row.code, dict(row.values)) for row in table.rows] == [("TK-1", {}), ("123", {})]


def test_a_ticket_in_several_rows_is_an_error_in_each_whatever_its_case() -> None:
    table = read(["code", "Title"], ["TK-1", "a"], ["TK-2", "b"], ["tk-1", "c"])

    assert [(error.row, error.value) for error in table.errors] == [(2, "TK-1"), (4, "tk-1")]
    assert "4" in table.errors[0].message
    assert "2" in table.errors[1].message


def test_errors_beyond_what_a_page_shows_are_only_counted() -> None:
    table = read(["code", "Expected date"], *[[f"TK-{number}", "x"] for number in range(2_000)])

    assert (len(table.errors), len(table.error_rows)) == (MAX_ERRORS, 2_000)
    assert table.rows == ()


def test_a_mobile_number_without_its_zero_is_questioned_and_not_changed() -> None:
    table = read(
        ["code", "Emergency phone"], ["TK-1", "901234567"], ["TK-2", "0901234567"], ["TK-3", "1900 1234"]
    )

    assert [(warning.row, warning.value) for warning in table.warnings] == [(2, "901234567")]
    assert table.rows[0].values == {"emergency_phone": Set("901234567")}


def test_names_are_free_text_without_a_list_from_the_crm() -> None:
    unknown = TicketSchema(FIELDS)

    assert read_cell(FIELDS["status_name"], "Gì đó", unknown) == Set("Gì đó")


@given(strategies.sampled_from(list(FIELDS)), strategies.text(max_size=40))
def test_any_text_in_any_column_is_a_value_or_an_error(name: str, text: str) -> None:
    table = read(["ticket_code", name], ["TK-1", text])

    assert len(table.rows) + len(table.error_rows) == 1


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_filled_template_is_read_back(language: str) -> None:
    with translation.override(language):
        book = load_workbook(io.BytesIO(template_xlsx(SCHEMA)))
        lines = "".join(template_csv(SCHEMA))
        headings = [column.heading for column in explain_columns(SCHEMA)]
    sheet = book.worksheets[0]
    sheet.append(["0012", "Máy in", None, "a@b.vn", "Khác", "Mới", "31/12/2026", "0901234567"])
    content = io.BytesIO()
    book.save(content)

    table = plan_rows(read_table(content.getvalue(), "x.xlsx"), SCHEMA)

    assert [field.name for field in table.fields] == list(FIELDS)
    assert table.rows[0].code == "0012"
    assert table.rows[0].values["emergency_phone"] == Set("0901234567")
    assert table.rows[0].values["expected_at"] == Set("2026-12-31")
    # The label that begins like a formula is a text in the one and disarmed in the other.
    assert sheet.cell(1, len(headings)).data_type == "s"
    assert next(csv.reader(io.StringIO(lines.removeprefix("\ufeff")))) == [*headings[:-1], "'=Ghi chú"]
    assert plan_rows(read_table((lines + "TK-1\r\n").encode(), "x.csv"), SCHEMA).rows[0].code == "TK-1"


def test_the_template_formats_columns_as_text_and_offers_the_crms_names() -> None:
    book = load_workbook(io.BytesIO(template_xlsx(SCHEMA)))

    table, explanations, lists = book.worksheets
    offers = {str(offer.sqref): offer.formula1 for offer in table.data_validations.dataValidation}
    assert {dimension.number_format for dimension in table.column_dimensions.values()} == {"@"}
    assert offers["F2:F10001"] == "'Lists'!$F$2:$F$3"
    assert [lists.cell(row, 6).value for row in (2, 3)] == ["Mới", "Đang xử lý"]
    assert lists.sheet_state == "hidden"
    assert "[clear]" in str(explanations.cell(7, 2).value)
    assert "Nội bộ." in str(explanations.cell(explanations.max_row, 2).value)


def test_a_field_whose_label_is_ambiguous_is_headed_by_its_name() -> None:
    fields = FIELDS | {
        "custom_fields.a": Field("custom_fields.a", "Title", Kind.TEXT),
        "custom_fields.b": Field("custom_fields.b", "Mã", Kind.TEXT),
    }
    headings = [column.heading for column in explain_columns(TicketSchema(fields, CHOICES))]

    assert {"ticket_title", "custom_fields.a", "custom_fields.b"} <= set(headings)
    assert len(plan_rows(table_of(headings, ["TK-1"]), TicketSchema(fields, CHOICES)).fields) == len(fields)


@pytest.mark.parametrize("kind", Kind)
def test_the_template_has_a_line_for_every_kind(kind: Kind) -> None:
    field = Field("custom_fields.a", "Mã", kind, choices=OPTIONS)

    assert len(explain_columns(TicketSchema({field.name: field}, CHOICES))) == 2


def test_more_content_than_one_upload_may_clean_is_refused() -> None:
    rows = [[f"TK{number}", "<p>" + "x" * 40_000] for number in range(60)]

    with pytest.raises(InvalidColumns) as refused:
        read(["ticket_code", "ticket_content"], *rows)

    assert refused.value.code == "too_much_content"
    assert "Split the file." in refused.value.messages[0]
