"""Writing XLSX: one table with typed cells, a frozen header, lists to choose from, and a record of itself.

openpyxl's write-only mode keeps no row in memory, only the compressed file. No cell can act as a formula:
every text is stored as a text.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import zip_longest
from typing import Any, cast

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from ticketadmin.services.spreadsheets.records import RECORD_SHEET, ExportedCell, RecordWriter
from ticketadmin.services.spreadsheets.table import MAX_TABLE_ROWS

MAX_CELL = 32_767  # UTF-16 code units, by Excel: an emoji is two
AS_TEXT, AS_DAY, AS_MOMENT, GENERAL = "@", "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "General"
_NO_XML = re.compile("[\ufffe\uffff]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # ECMA-376, ST_Xstring: _x0041_ in a cell is A
_FIRST_DAY = date(1900, 3, 1)  # spreadsheets disagree about serial numbers before it
CellValue = str | int | float | Decimal | date | datetime | None


@dataclass(frozen=True)
class SheetColumn:
    """One column: its heading, its width in characters, and the texts to choose its cells from.

    `number_format` is that of its empty cells: what is typed into a column of texts stays a text.
    """

    heading: str
    width: int = 20
    options: tuple[str, ...] = ()
    number_format: str = AS_TEXT


@dataclass(frozen=True)
class SheetRow:
    """One row: a value for each column, None for an empty cell, and what the record keeps of it."""

    cells: Sequence[CellValue]
    code: str = ""
    recorded: Sequence[ExportedCell] = ()


@dataclass(frozen=True)
class HelpSheet:
    """A sheet of explanations: sentences, then a table of two columns with its headings."""

    title: str
    rules: Sequence[str] = ()
    headings: tuple[str, str] = ("", "")
    columns: Sequence[tuple[str, str]] = field(default_factory=list)


def write_workbook(
    title: str,
    columns: Sequence[SheetColumn],
    rows: Iterable[SheetRow],
    *,
    explained: HelpSheet | None = None,
    record: RecordWriter | None = None,
) -> BytesIO:
    """Return a workbook whose first sheet is the table, to be read from its beginning.

    Days and moments are written as such (a moment without its time zone), numbers as numbers, texts as texts
    of at most MAX_CELL code units. The record is on a protected sheet that spreadsheets do not offer to show.
    """
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    for at, column in enumerate(columns, start=1):
        dimension = sheet.column_dimensions[get_column_letter(at)]
        dimension.width, dimension.number_format = column.width, column.number_format
    if explained:
        _explain(book.create_sheet(explained.title), explained)
    _offer_options(book, sheet, columns)
    sheet.append([_cell(sheet, column.heading, is_bold=True) for column in columns])
    kept: Any = _record_sheet(book) if record else None
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row.cells])
        if record:
            kept.append([_cell(kept, text) for text in record.row_of(row.code, row.recorded)])
    if record:
        kept.append([_cell(kept, text) for text in record.last_row()])
    content = BytesIO()
    book.save(content)
    content.seek(0)
    return content


def _record_sheet(book: Workbook) -> Any:
    sheet: Any = book.create_sheet(RECORD_SHEET)
    sheet.sheet_state = "veryHidden"
    sheet.protection.sheet = True
    return sheet


def cell_text(value: CellValue) -> str:
    """Return the text that reading a written cell returns."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else str(value)


def code_units(text: str) -> int:
    """Return the length of a text as spreadsheets count it, in UTF-16 code units."""
    return len(_utf16(text)) // 2


def fitting(text: str, most: int) -> str:
    """Return the text, or as much of its beginning as fits into `most` UTF-16 code units.

    A character of two units is never split.
    """
    if 2 * len(text) <= most:  # no character has more than two units
        return text
    return _utf16(text)[: 2 * most].decode("utf-16-le", "ignore")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "replace")


def writable_day(day: date) -> date | str:
    """Return a day as a cell can hold it: as a text if it is before the first day that spreadsheets count."""
    return day if day >= _FIRST_DAY else day.isoformat()


def _storable(text: str) -> str:
    return fitting(_NO_XML.sub("", ILLEGAL_CHARACTERS_RE.sub("", text)), MAX_CELL)


def _cell(sheet: Any, value: CellValue, *, is_bold: bool = False) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, _ESCAPE.sub("_x005F_", _storable(value)))
        cell.data_type = "s"  # also if it begins like a formula or an error
        cell.number_format = AS_TEXT
    else:
        cell = WriteOnlyCell(sheet, cast("Any", value))
        if isinstance(value, date):
            cell.number_format = AS_MOMENT if isinstance(value, datetime) else AS_DAY
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _explain(sheet: Any, explained: HelpSheet) -> None:
    def wrapped(text: str, *, is_bold: bool = False) -> Any:
        cell = _cell(sheet, text, is_bold=is_bold)
        if cell is not None:
            cell.alignment = Alignment(vertical="top", wrap_text=True)
        return cell

    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 32, 90
    for rule in explained.rules:
        sheet.append([_cell(sheet, rule)])
    sheet.append([])
    sheet.append([wrapped(text, is_bold=True) for text in explained.headings])
    for row in explained.columns:
        sheet.append([wrapped(text) for text in row])


def _offer_options(book: Workbook, sheet: Any, columns: Sequence[SheetColumn]) -> None:
    """Write the options below their headings on a hidden sheet, and offer them; other texts stay possible."""
    if not any(column.options for column in columns):
        return
    lists: Any = book.create_sheet(_("Lists"))
    lists.sheet_state = "hidden"
    for at, column in enumerate(columns, start=1):
        if column.options:
            place = get_column_letter(at)
            formula = f"'{lists.title}'!${place}$2:${place}${len(column.options) + 1}"
            offer = DataValidation(type="list", formula1=formula, showErrorMessage=False)
            offer.add(f"{place}2:{place}{MAX_TABLE_ROWS + 1}")
            sheet.data_validations.append(offer)
    listed = [(column.heading, *column.options) if column.options else () for column in columns]
    for row in zip_longest(*listed):
        lists.append([_cell(lists, text) for text in row])
