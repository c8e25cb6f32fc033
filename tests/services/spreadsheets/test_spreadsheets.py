"""Files as spreadsheets write them become tables; everything else becomes an error that says what to do."""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import example, given, strategies
from openpyxl import Workbook

from tests.services.excel import EXCEL, SHEET, STRINGS
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.spreadsheets.table import MAX_COLUMNS, MAX_TABLE_ROWS, Table, UnreadableFile
from ticketadmin.workbooks.cells import displayed_text
from ticketadmin.workbooks.checking import RefusedWorkbook
from ticketadmin.workbooks.reading import read_sheet

VIETNAMESE = "Mã;Tiêu đề;Trạng thái\r\nTK-1;Máy in hỏng, giấy kẹt;Đã xử lý\r\nTK-2;Phần mềm lỗi;Đang chờ\r\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def windows_1258(text: str) -> bytes:
    """Write Vietnamese as Windows does: the tone is a mark of its own after the letter."""
    tones = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
    written = b""
    for letter in text:
        try:
            written += letter.encode("cp1258")
        except UnicodeEncodeError:
            marks = unicodedata.normalize("NFD", letter)
            tone = next(mark for mark in marks if mark in tones)
            written += unicodedata.normalize("NFC", marks.replace(tone, "")).encode("cp1258") + tone.encode(
                "cp1258"
            )
    return written


def workbook(*rows: list[Any], change: Callable[[Workbook], None] | None = None) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def archive(parts: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as written:
        for name, text in parts.items():
            written.writestr(name, text)
    return content.getvalue()


def with_part(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return the workbook with one of its parts rewritten."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == name else old.read(part))
    return result.getvalue()


def error_of(content: bytes, filename: str = "tickets.csv") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        read_table(content, filename)
    assert caught.value.messages[0]
    return caught.value


def is_table_or_error(content: bytes) -> bool:
    try:
        return bool(read_table(content, "x").rows)
    except UnreadableFile as error:
        return bool(error.code and error.messages)


def texts(table: Table) -> list[tuple[str, ...]]:
    return [table.header, *(row.cells for row in table.rows)]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (VIETNAMESE.encode("utf-8-sig"), "UTF-8"),
        (VIETNAMESE.encode(), "UTF-8"),
        (unicodedata.normalize("NFD", VIETNAMESE).encode(), "UTF-8"),
        (VIETNAMESE.encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + VIETNAMESE.encode("utf-16-be"), "UTF-16"),
        (VIETNAMESE.encode("utf-16-le"), "UTF-16"),
        (VIETNAMESE.encode("utf-16-be"), "UTF-16"),
        (windows_1258(VIETNAMESE), "Windows-1258"),
    ],
)
def test_vietnamese_is_read_in_every_encoding_that_excel_writes(content: bytes, encoding: str) -> None:
    table = read_table(content, "phiếu.csv")

    assert table.encoding == encoding
    assert texts(table) == [
        ("Mã", "Tiêu đề", "Trạng thái"),
        ("TK-1", "Máy in hỏng, giấy kẹt", "Đã xử lý"),
        ("TK-2", "Phần mềm lỗi", "Đang chờ"),
    ]


def test_western_letters_are_not_mistaken_for_vietnamese() -> None:
    table = read_table("code,title\nTK-1,Café Müller “50 €”\n".encode("cp1252"), "x.csv")

    assert (table.encoding, table.rows[0].cells) == ("Windows-1252", ("TK-1", "Café Müller “50 €”"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_each_separator_and_line_end_is_recognised(separator: str, line_end: str) -> None:
    written = io.StringIO()
    rows = [
        ("code", "title, or name", "x"),
        ("TK-1", "a;b,c|d", "0123"),
        ("TK-2", 'says "hi"\nthen goes', ""),
    ]
    csv.writer(written, delimiter=separator, lineterminator=line_end).writerows(rows)

    table = read_table(written.getvalue().encode(), "x.csv")

    assert table.separator == separator
    assert texts(table) == [rows[0], rows[1], rows[2][:2]]


def test_excels_separator_line_is_not_a_row() -> None:
    table = read_table(b"\xef\xbb\xbfsep=;\r\ncode;title\r\nTK-1;a,b,c\r\n", "x.csv")

    assert (table.separator, table.header, table.rows[0].number) == (";", ("code", "title"), 2)


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    table = read_table(b'code,title\nTK-1,"one\r\ntwo\nthree"\n\n,,\nTK-2,four\n', "x.csv")

    assert [(row.number, row.cells) for row in table.rows] == [
        (2, ("TK-1", "one\r\ntwo\nthree")),
        (5, ("TK-2", "four")),
    ]


def test_formulas_in_a_csv_file_are_texts_and_only_a_disarmed_one_loses_its_apostrophe() -> None:
    table = read_table(
        b'code,title,phone\nTK-1,=cmd|\' /C calc\'!A0,"=""0123"""\n"\'=1",\'0123,\'tis\n', "x.csv"
    )

    assert [row.cells for row in table.rows] == [
        ("TK-1", "=cmd|' /C calc'!A0", "0123"),
        ("=1", "'0123", "'tis"),
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx", "x", ""])
def test_the_content_of_a_file_decides_and_not_its_name(name: str) -> None:
    assert read_table(workbook(["code"], ["TK-1"]), name).header == ("code",)
    assert read_table(b"code\nTK-1\n", name).header == ("code",)
    assert error_of(PNG, name).code == "not_a_table"


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "empty"),
        (b",,\n,,\n", "empty"),
        (b"code,title\r\n\r\n,,\r\n", "no_rows"),
        (b"code,title\n" + b"TK-1,x\n" * (MAX_TABLE_ROWS + 1), "too_many_rows"),
        (b"code\n" + b"x" * 11 * 1024 * 1024, "too_large"),
        (b"code\n" + b"," * (MAX_COLUMNS + 1) + b"x", "too_many_columns"),
        (b"code,title\nTK-1," + b"x" * 200_000, "long_cell"),
        (b'code,title\nTK-1,"never closed\nTK-2,x\n', "quotes"),
        (b'code,title\nTK-1,"24" screen"\n', "quotes"),
        (b"code,title\nTK-1,\x81\x8d\n", "encoding"),
        (b"code,title\nTK-1,\x00\x01\x02\n", "not_a_table"),
        (b"code,title\nTK-1,\x1b\x02\n", "not_a_table"),
        ("code,title\nTK-1,Đã xử lý".encode() + b"\xff\n", "encoding"),
        (b"\xef\xbb\xbfcode,title\nTK-1,\xff\n", "encoding"),
        (PNG, "not_a_table"),
        (b"%PDF-1.7\n", "not_a_table"),
        (b"\x1f\x8b\x08rest", "not_a_table"),
        (COMPOUND, "old_excel"),
        (COMPOUND + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"<html><table><tr><td>code</td></tr></table></html>", "web_page"),
        (b'\xef\xbb\xbf <?xml version="1.0"?><Workbook/>', "web_page"),
        (b"PK\x03\x04 no archive", "damaged"),
        (b"PK,code", "no_rows"),
        (lambda: archive({"Index/Document.iwa": "x"}), "other_spreadsheet"),
        (lambda: archive({"content.xml": "<office/>"}), "other_spreadsheet"),
        (lambda: archive({"xl/workbook.bin": "x"}), "binary_excel"),
        (lambda: archive({"xl/workbook.xml": "<x/>"}), "damaged"),
        (workbook, "empty"),
        (lambda: workbook(["code"]), "no_rows"),
        (lambda: workbook(["code"], *(["TK"] for _ in range(MAX_TABLE_ROWS + 1))), "too_many_rows"),
        (lambda: workbook(["code", *[""] * (MAX_COLUMNS - 1), "x"], ["TK"]), "too_many_columns"),
        (lambda: archive(EXCEL | {STRINGS: BOMB}), "damaged"),
        (lambda: with_part(archive(EXCEL), STRINGS, lambda _part: BOMB.encode("utf-16")), "damaged"),
        (lambda: archive(EXCEL | {STRINGS: " " * 70_000_000}), "too_much_inside"),
        pytest.param(
            lambda: archive(EXCEL | {STRINGS: f"<sst>{'<si/>' * 4_100_000}</sst>"}),
            "too_much_inside",
            marks=pytest.mark.slow,
        ),
        (lambda: archive(EXCEL | {f"xl/media/{number}": "" for number in range(1_001)}), "too_much_inside"),
        (lambda: archive(EXCEL | {STRINGS: "<sst/>"}), "damaged"),
        (lambda: archive(EXCEL | {SHEET: EXCEL[SHEET][:-30]}), "damaged"),
        (lambda: archive(EXCEL)[:-40], "damaged"),
        (lambda: archive(EXCEL)[:400], "damaged"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(file: bytes | Callable[[], bytes], code: str) -> None:
    """A workbook is made in its test: to make all of them took each test process a second at collection."""
    assert error_of(file() if callable(file) else file).code == code


def test_the_row_with_the_wrong_quotation_mark_is_named() -> None:
    assert "3" in error_of(b'code,title\nTK-1,"two\nlines"\nTK-2,"24" screen"\n').messages[0]


def test_the_maximum_number_of_rows_is_read() -> None:
    rows = [[f"TK-{number}", number] for number in range(MAX_TABLE_ROWS)]

    assert len(read_table(workbook(["code", "x"], *rows), "x.xlsx").rows) == MAX_TABLE_ROWS
    assert len(read_table(b"code\n" + b"TK-1\n" * MAX_TABLE_ROWS, "x.csv").rows) == MAX_TABLE_ROWS


def test_a_workbook_is_read_as_the_spreadsheet_shows_it() -> None:
    table = read_table(archive(EXCEL), "x.xlsx")

    assert (table.sheet, table.header) == ("Phiếu", ("Mã", "Điện thoại", "Ngày", "Tiêu đề", "E", "F", "G"))
    assert [(row.number, row.cells) for row in table.rows] == [
        (3, ("TK-1", "0901234567", "2026-12-31", "Máy in", "TRUE", "#N/A")),
        (4, ("1234567", "", "", "2")),
    ]


def test_a_stray_control_character_is_left_out_of_a_text() -> None:
    table = read_table(b"code,title\n" + b"TK-1,a long enough title\n" * 9 + b"TK-2,a\x08b\n\x1a", "x.csv")

    assert table.rows[-1].cells == ("TK-2", "ab")


def test_a_value_right_of_the_named_columns_is_kept_for_the_error() -> None:
    assert read_table(workbook(["code"], ["TK-1", None, "x"]), "x.xlsx").rows[0].cells == ("TK-1", "", "x")


def test_rows_hidden_by_a_filter_are_read_and_named() -> None:
    assert read_table(archive(EXCEL), "x.xlsx").hidden == {3}


def test_many_row_beginnings_in_a_comment_are_scanned_in_linear_time() -> None:
    # Quadratic work would take this test minutes.
    path = next(name for name in EXCEL if "sheet1" in name)
    endless = '<!-- hidden="1" ' + "<row " * 40_000 + "--></sheetData>"
    table = read_table(archive({**EXCEL, path: EXCEL[path].replace("</sheetData>", endless)}), "x.xlsx")

    assert table.hidden == {3}


def test_a_formula_without_a_result_is_a_problem_but_not_one_with_an_empty_result() -> None:
    problems = read_table(archive(EXCEL), "x.xlsx").problems

    assert [(one.row, one.column) for one in problems if "formula" in one.message] == [(4, 4)]
    assert [(one.row, one.column) for one in problems if "merged" in one.message] == [(4, 2)]


def test_the_first_visible_sheet_is_read_regardless_of_its_declared_size() -> None:
    def change(book: Workbook) -> None:
        book.create_sheet("Hidden", 0).sheet_state = "hidden"

    def moved_far_right(part: bytes) -> bytes:
        part = part.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"')
        return part.replace(b"</sheetData>", b'<row r="1048576"><c r="A1048576" s="0"/></row></sheetData>')

    content = with_part(
        workbook(["code", "x"], ["TK-1", 1], change=change), "xl/worksheets/sheet2.xml", moved_far_right
    )

    assert texts(read_table(content, "x.xlsx")) == [("code", "x"), ("TK-1", "1")]


def test_a_merged_value_applies_to_each_row_and_to_the_first_column() -> None:
    def change(book: Workbook) -> None:
        assert book.active is not None
        book.active.merge_cells("B2:C4")

    rows = [["code", "x", "y"], ["TK-1", 1.255, None], ["TK-2", None, None], ["TK-3", None, None]]
    table = read_table(workbook(*rows, change=change), "x.xlsx")

    assert [row.cells for row in table.rows] == [(f"TK-{at}", "1.255") for at in (1, 2, 3)]
    assert table.repeated == {(3, 1), (4, 1)}
    assert table.three_decimals == {(2, 1), (3, 1), (4, 1)}
    assert [(problem.row, problem.column) for problem in table.problems] == [(2, 2), (3, 2), (4, 2)]
    assert "merged" in table.problems[0].message


def test_a_number_with_three_decimals_is_marked_so_that_it_is_not_read_as_thousands() -> None:
    table = read_table(workbook(["code", "x", "y"], ["TK-1", 1.255, "1.255"], ["TK-2", 1.25, 1255]), "x.xlsx")

    assert table.three_decimals == {(2, 1)}


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (901234567, "General", "901234567"),
        (901234567, "0000000000", "0901234567"),
        (901234567, "0000\\-000\\-000", "0901-234-567"),
        (901234567, '"+84 "000 000 000', "+84 901 234 567"),
        (84901234567, "0000000000", "84901234567"),
        (7, '"TK-"0000', "TK-0007"),
        (7, "00000;[Red]-00000", "00007"),
        (1234567, "#,##0", "1234567"),
        (12.0, "0.00", "12"),
        (0.1 + 0.2, "General", "0.3"),
        (1e15, "General", "1000000000000000"),
        (-5, "00", "-5"),
        (0.5, "0%", "0.5"),
        (datetime.fromisoformat("2026-12-31"), "dd/mm/yyyy", "2026-12-31"),
        (datetime.fromisoformat("2026-12-31T09:30"), "General", "2026-12-31 09:30:00"),
        (time(9, 30), "h:mm", "09:30:00"),
        (timedelta(hours=26), "[h]:mm:ss", "26:00:00"),
        (timedelta(minutes=-90), "[h]:mm:ss", "-1:30:00"),
        (False, "General", "FALSE"),
        ("a_x000D_\nb", "General", "a\nb"),
        (None, "General", ""),
    ],
)  # fmt: skip
def test_a_value_is_written_as_it_is_shown(value: Any, number_format: str, text: str) -> None:
    assert displayed_text(value, number_format) == text


@given(strategies.binary(max_size=400) | strategies.text(max_size=200).map(str.encode))
@example(b"PK\x05\x06" + b"\0" * 18)
@example(b'sep="\n"a"\n')
@example(b"sep=\r\na\n")
def test_any_bytes_are_a_table_or_a_user_error(content: bytes) -> None:
    assert is_table_or_error(content)


WORKBOOK = workbook(["code", "x"], ["TK-1", date(2026, 1, 1)], ["TK-2", 1.5])


@given(strategies.sampled_from(zipfile.ZipFile(io.BytesIO(WORKBOOK)).namelist()), strategies.data())
def test_a_damaged_workbook_is_read_or_refused(name: str, data: strategies.DataObject) -> None:
    def damage(part: bytes) -> bytes:
        start = data.draw(strategies.integers(0, len(part)))
        length = data.draw(strategies.integers(0, 60))
        return part[:start] + data.draw(strategies.binary(max_size=8)) + part[start + length :]

    with suppress(RefusedWorkbook):
        assert read_sheet(with_part(WORKBOOK, name, damage), rows=9, columns=9)["sheet"]
