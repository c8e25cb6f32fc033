"""Twenty files as programs and users write them, each with the result that a careful clerk would expect.

They were written before the code that reads them was looked at. Codes are those of seeded tickets; the custom
fields are those of `FIELDS`. What is expected is text: the value that would be stored.
"""

import io
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

# Kind, key, label and options of the custom fields that the files name.
FIELDS = (
    ("number", "chi_phi", "Chi phí", ""),
    ("yes_no", "bao_hanh", "Còn bảo hành", ""),
    ("select", "muc_do", "Mức độ", "1 = Thấp\n2 = Trung bình\n3 = Cao"),
    ("multi_select", "kenh", "Kênh", "zalo = Zalo\nfb = Facebook\ndt = Điện thoại\nch = Cửa hàng"),
    ("select", "chi_nhanh", "Chi nhánh", "lang = Láng\nlang2 = Lạng\nhue = Huế"),
    ("long_text", "ghi_chu", "Ghi chú", ""),
    ("epoch_date", "ngay_mua", "Ngày mua", ""),
    ("text", "so_serial", "Số sê-ri", ""),
)
MIDNIGHT = datetime(2026, 1, 1)  # noqa: DTZ001 - a day as Excel has it: a moment without a time zone
A, B, C, D = "TK240001", "TK240002", "TK240003", "TK240004"


@dataclass(frozen=True)
class ProgramFile:
    """A file, what is expected of it, and what its user answers.

    `planned` has the values to set by code and field name; `wrong` the columns of the cells that are errors;
    `answers` the reading chosen by label, where a question is expected; `agrees` what needs consent;
    `refused` a text of the refusal where nothing of the file is read.
    """

    name: str
    content: bytes
    planned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    agrees: frozenset[str] = frozenset()
    refused: str = ""


def _book(*rows: tuple[Any, ...], change: Callable[[Workbook, Worksheet], None] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if change:
        change(book, sheet)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _excel_vietnamese_csv() -> ProgramFile:
    text = (
        "Mã phiếu;Trạng thái;Ngày hẹn xong;Chi phí\r\n"
        f"{A};Đang xử lý;05/12/2026;1250000\r\n{B};Hủy;24/12/2026;12,5\r\n"
    )
    planned = {
        A: {"status_name": "Đang xử lý", "expected_at": "2026-12-05", "custom_fields.chi_phi": "1250000"},
        B: {"status_name": "Hủy", "expected_at": "2026-12-24", "custom_fields.chi_phi": "12.5"},
    }
    return ProgramFile("Excel, Vietnamese: CSV UTF-8 with semicolons", text.encode("utf-8-sig"), planned)


def _excel_unicode_text() -> ProgramFile:
    text = (
        "Mã phiếu\tTiêu đề\tĐiện thoại khẩn cấp\r\n"
        f'{A}\t"Máy in ""HP"" kẹt giấy"\t0901234567\r\n{B}\tĐổi mực\t028 3822 1234\r\n'
    )
    planned = {
        A: {"ticket_title": 'Máy in "HP" kẹt giấy', "emergency_phone": "0901234567"},
        B: {"ticket_title": "Đổi mực", "emergency_phone": "028 3822 1234"},
    }
    return ProgramFile("Excel: Unicode Text, UTF-16 and tabs", text.encode("utf-16"), planned)


def _excel_american_decided() -> ProgramFile:
    text = f"Ticket code,Expected date\r\n{A},12/5/2026\r\n{B},1/6/2027\r\n{C},12/31/2026\r\n"
    planned = {
        A: {"expected_at": "2026-12-05"},
        B: {"expected_at": "2027-01-06"},
        C: {"expected_at": "2026-12-31"},
    }
    return ProgramFile("Excel, American: one day over 12 decides the column", text.encode(), planned)


def _excel_american_open() -> ProgramFile:
    text = f"Ticket code,Expected date,Chi phí\r\n{A},5/12/26,12.5\r\n{B},6/1/27,3\r\n"
    planned = {
        A: {"expected_at": "2026-05-12", "custom_fields.chi_phi": "12.5"},
        B: {"expected_at": "2027-06-01", "custom_fields.chi_phi": "3"},
    }
    answers = {"Expected date": "month_first"}
    return ProgramFile(
        "Excel, American: short days that read two ways", text.encode(), planned, answers=answers
    )


def _google_csv() -> ProgramFile:
    text = (
        "Mã phiếu,Ghi chú,Còn bảo hành,Ngày hẹn xong\r\n"
        f'{A},"Gọi trước khi đến.\nGửi xe ở hầm B1, tầng 2",TRUE,2026-12-05\r\n{B},,FALSE,2027-01-06\r\n'
    )
    planned = {
        A: {
            "custom_fields.ghi_chu": "Gọi trước khi đến.\nGửi xe ở hầm B1, tầng 2",
            "custom_fields.bao_hanh": "1",
            "expected_at": "2026-12-05",
        },
        B: {"custom_fields.bao_hanh": "0", "expected_at": "2027-01-06"},
    }
    return ProgramFile("Google Sheets: CSV with check boxes and a cell of two lines", text.encode(), planned)


def _google_tsv() -> ProgramFile:
    text = f"Mã phiếu\tChi phí\tKênh\n{A}\t1.250.000 ₫\tZalo, Facebook\n{B}\t85.000 ₫\tĐiện thoại\n"
    planned = {
        A: {"custom_fields.chi_phi": "1250000", "custom_fields.kenh": "zalo, fb"},
        B: {"custom_fields.chi_phi": "85000", "custom_fields.kenh": "dt"},
    }
    return ProgramFile("Google Sheets: TSV with amounts in dong", text.encode(), planned)


def _libreoffice_csv() -> ProgramFile:
    text = (
        '"Mã phiếu","Trạng thái","Mức độ","Ngày hẹn xong"\n'
        f'"{A}","dang xu ly","trung binh",05.12.2026\n"{B}","HUY","Cao",24.12.2026\n'
    )
    planned = {
        A: {"status_name": "Đang xử lý", "custom_fields.muc_do": "2", "expected_at": "2026-12-05"},
        B: {"status_name": "Hủy", "custom_fields.muc_do": "3", "expected_at": "2026-12-24"},
    }
    return ProgramFile(
        "LibreOffice: CSV with quotes, days with points, no diacritics", text.encode(), planned
    )


def _numbers_csv() -> ProgramFile:
    text = (
        "Bảng 1;;;;\r\nMã phiếu;Còn bảo hành;Chi phí;;\r\n"
        f"{A};có;1.250;;\r\n{B};không;3.400;;\r\n;;;;\r\n;;;;\r\n"
    )
    planned = {
        A: {"custom_fields.bao_hanh": "1", "custom_fields.chi_phi": "1250"},
        B: {"custom_fields.bao_hanh": "0", "custom_fields.chi_phi": "3400"},
    }
    answers = {"Chi phí": "decimal_comma"}
    return ProgramFile(
        "Numbers: CSV with the table's name, empty columns and amounts that read two ways",
        text.encode(),
        planned,
        answers=answers,
    )


def _numbers_workbook() -> ProgramFile:
    book = Workbook()
    summary = book.active
    assert summary is not None
    summary.title = "Tóm tắt xuất"
    summary.append(("Tài liệu này được xuất từ Numbers. Mỗi bảng được chuyển thành một trang tính Excel.",))
    summary.append(("Tên trang tính trong Numbers", "Tên bảng trong Numbers", "Tên trang tính trong Excel"))
    summary.append(("Trang tính 1", "Bảng 1", "Trang tính 1 - Bảng 1"))
    sheet = book.create_sheet("Trang tính 1 - Bảng 1")
    sheet.append(("Bảng 1", None, None))
    sheet.merge_cells("A1:C1")
    sheet.append(("Mã phiếu", "Trạng thái", "Ngày hẹn xong"))
    sheet.append((A, "Đã hoàn tất", MIDNIGHT.replace(2026, 12, 5)))
    sheet.append((B, "Mới", MIDNIGHT.replace(2027, 1, 6)))
    held = io.BytesIO()
    book.save(held)
    planned = {
        A: {"status_name": "Đã hoàn tất", "expected_at": "2026-12-05"},
        B: {"status_name": "Mới", "expected_at": "2027-01-06"},
    }
    return ProgramFile(
        "Numbers: XLSX whose first sheet only lists the tables",
        held.getvalue(),
        planned,
        agrees=frozenset({"other_sheets"}),
    )


def _sap_list() -> ProgramFile:
    text = (
        "28.11.2026\t\tDynamische Listenausgabe\t\t1\r\n\r\nTicketliste Vietnam\r\n\r\n"
        "\tTicket code\tChi phí\tExpected date\r\n\r\n"
        f"\t{A}\t1.250.000,00 \t05.12.2026\r\n\t{B}\t250,50-\t24.12.2026\r\n"
    )
    planned = {
        A: {"custom_fields.chi_phi": "1250000", "expected_at": "2026-12-05"},
        B: {"custom_fields.chi_phi": "-250.5", "expected_at": "2026-12-24"},
    }
    return ProgramFile(
        "SAP: a list saved as a spreadsheet, with an empty first column and a minus behind",
        text.encode("utf-16"),
        planned,
    )


def _crm_report() -> ProgramFile:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("A1:D1")
        sheet.freeze_panes = "A5"

    content = _book(
        ("DANH SÁCH PHIẾU HỖ TRỢ", None, None, None),
        ("Ngày xuất: 28/11/2026", None, None, None),
        (None, None, None, None),
        ("Mã phiếu", "Tiêu đề", "Ngày hẹn xong", "Chi phí"),
        (A, "Lỗi đăng nhập", "05/12/2026", "1,250,000"),
        (B, "Máy in kẹt giấy", "24/12/2026", "85,000"),
        ("Tổng cộng: 2", None, None, "1,335,000"),
        change=change,
    )
    planned = {
        A: {
            "ticket_title": "Lỗi đăng nhập",
            "expected_at": "2026-12-05",
            "custom_fields.chi_phi": "1250000",
        },
        B: {
            "ticket_title": "Máy in kẹt giấy",
            "expected_at": "2026-12-24",
            "custom_fields.chi_phi": "85000",
        },
    }
    return ProgramFile(
        "A report of a CRM: XLSX of texts, title, date of export, totals",
        content,
        planned,
        wrong=("Mã phiếu",),
    )


def _crm_html() -> ProgramFile:
    text = (
        '<html><head><meta charset="utf-8"></head><body><table border="1"><tr><th>Mã phiếu</th></tr>'
        f"<tr><td>{A}</td></tr></table></body></html>"
    )
    return ProgramFile(
        "A web page that a CRM calls .xls", text.encode(), refused="This is a web page, not a spreadsheet."
    )


def _pandas_workbook() -> ProgramFile:
    content = _book(
        ("ticket_code", "expected_at", "custom_fields.chi_phi", "custom_fields.bao_hanh", "emergency_phone"),
        (A, MIDNIGHT.replace(2026, 12, 5), 1250000.0, True, None),
        (B, date(2027, 1, 6), 12.5, False, "0901234567"),
    )
    planned = {
        A: {"expected_at": "2026-12-05", "custom_fields.chi_phi": "1250000", "custom_fields.bao_hanh": "1"},
        B: {
            "expected_at": "2027-01-06",
            "custom_fields.chi_phi": "12.5",
            "custom_fields.bao_hanh": "0",
            "emergency_phone": "0901234567",
        },
    }
    return ProgramFile("pandas: XLSX with the API's names", content, planned)


def _database_csv() -> ProgramFile:
    text = (
        '"ticket_code","expected_at","custom_fields.chi_phi"\n'
        f'"{A}","2026-12-05 00:00:00","1250000.00"\n"{B}","2027-01-06 00:00:00","85000.50"\n'
    )
    planned = {
        A: {"expected_at": "2026-12-05", "custom_fields.chi_phi": "1250000"},
        B: {"expected_at": "2027-01-06", "custom_fields.chi_phi": "85000.5"},
    }
    return ProgramFile("A database: CSV with midnight behind each day", text.encode(), planned)


def _macintosh_workbook() -> ProgramFile:
    def change(book: Workbook, sheet: Worksheet) -> None:
        book.epoch = CALENDAR_MAC_1904
        sheet.append((A, MIDNIGHT.replace(2026, 12, 5), 912345678))
        sheet.append((B, MIDNIGHT.replace(2027, 1, 6), 283822123))
        for row in (2, 3):
            sheet.cell(row, 2).number_format = "d/m/yy"
            sheet.cell(row, 3).number_format = "0000000000"

    planned = {
        A: {"custom_fields.ngay_mua": "2026-12-05", "emergency_phone": "0912345678"},
        B: {"custom_fields.ngay_mua": "2027-01-06", "emergency_phone": "0283822123"},
    }
    content = _book(("Mã phiếu", "Ngày mua", "Điện thoại khẩn cấp"), change=change)
    return ProgramFile("Excel for Mac: days from 1904, zeros before phones by format", content, planned)


def _merged_workbook() -> ProgramFile:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("B2:B4")

    content = _book(
        ("Mã phiếu", "Trạng thái", "Tiêu đề"),
        (A, "Đang xử lý", "Một"),
        (B, None, "Hai"),
        (C, None, "Ba"),
        (D, "Hủy", "Bốn"),
        change=change,
    )
    planned = {
        A: {"status_name": "Đang xử lý", "ticket_title": "Một"},
        B: {"status_name": "Đang xử lý", "ticket_title": "Hai"},
        C: {"status_name": "Đang xử lý", "ticket_title": "Ba"},
        D: {"status_name": "Hủy", "ticket_title": "Bốn"},
    }
    return ProgramFile(
        "A clerk's workbook: one status merged over three rows",
        content,
        planned,
        agrees=frozenset({"merged_cells"}),
    )


def _filtered_workbook() -> ProgramFile:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        sheet.auto_filter.ref = "A1:C4"
        sheet.row_dimensions[3].hidden = True

    content = _book(
        ("Mã phiếu", "Còn bảo hành", "Kênh"),
        (A, "Có", "Zalo; Cửa hàng"),
        (B, "Không", "facebook"),
        (C, "K", "dien thoai"),
        change=change,
    )
    planned = {
        A: {"custom_fields.bao_hanh": "1", "custom_fields.kenh": "zalo, ch"},
        B: {"custom_fields.bao_hanh": "0", "custom_fields.kenh": "fb"},
        C: {"custom_fields.bao_hanh": "0", "custom_fields.kenh": "dt"},
    }
    return ProgramFile(
        "A filtered workbook: a hidden row, an abbreviation of no",
        content,
        planned,
        answers={"Còn bảo hành": "0"},
        agrees=frozenset({"hidden_rows"}),
    )


def _old_windows_csv() -> ProgramFile:
    text = "sep=;\r\nMã phiếu;Tiêu đề\r\n" + f"{A};Lỗi đăng nhập hệ thống\r\n{B};Giải thích tính năng\r\n"
    decomposed = "".join(_cp1258(letter) for letter in text)
    planned = {A: {"ticket_title": "Lỗi đăng nhập hệ thống"}, B: {"ticket_title": "Giải thích tính năng"}}
    return ProgramFile("Old Excel: Windows-1258 with sep=;", decomposed.encode("cp1258"), planned)


def _cp1258(letter: str) -> str:
    """Return a letter as Windows-1258 has it: the vowel with its own sign, the tone as a combining mark."""
    try:
        letter.encode("cp1258")
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFD", letter)
        tone = next(mark for mark in parts if mark in "\u0300\u0301\u0303\u0309\u0323")
        rest = "".join(mark for mark in parts if mark != tone)
        return unicodedata.normalize("NFC", rest) + tone
    return letter


def _spaces_csv() -> ProgramFile:
    text = (
        "\ufeffMã phiếu ,Chi phí, Ngày hẹn xong\r\n"
        f"\u200b{A}\u00a0,1\u202f250\u202f000,5-12-2026\r\n {B} ,85\u00a0000,24-12-2026 \r\n"
    )
    planned = {
        A: {"custom_fields.chi_phi": "1250000", "expected_at": "2026-12-05"},
        B: {"custom_fields.chi_phi": "85000", "expected_at": "2026-12-24"},
    }
    return ProgramFile("Copied from a web page: hard spaces and invisible ones", text.encode(), planned)


def _oracle_csv() -> ProgramFile:
    text = (
        "Ticket code,Expected date,Chi nhánh\r\n"
        f"{A},05-Dec-26,lang\r\n{B},24-Dec-26,Lang\r\n{C},06-Jan-27,hue\r\n"
    )
    # "lang" is the stored value of one branch; the label "Lang" folds to two.
    planned = {
        A: {"expected_at": "2026-12-05", "custom_fields.chi_nhanh": "lang"},
        B: {"expected_at": "2026-12-24", "custom_fields.chi_nhanh": "lang2"},
        C: {"expected_at": "2027-01-06", "custom_fields.chi_nhanh": "hue"},
    }
    return ProgramFile(
        "Oracle: months as English words, a name that folds to two",
        text.encode(),
        planned,
        answers={"Chi nhánh": "lang2"},
    )


def all_files() -> tuple[ProgramFile, ...]:
    """Return the twenty files."""
    return (
        _excel_vietnamese_csv(),
        _excel_unicode_text(),
        _excel_american_decided(),
        _excel_american_open(),
        _google_csv(),
        _google_tsv(),
        _libreoffice_csv(),
        _numbers_csv(),
        _numbers_workbook(),
        _sap_list(),
        _crm_report(),
        _crm_html(),
        _pandas_workbook(),
        _database_csv(),
        _macintosh_workbook(),
        _merged_workbook(),
        _filtered_workbook(),
        _old_windows_csv(),
        _spaces_csv(),
        _oracle_csv(),
    )
