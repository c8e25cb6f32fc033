"""Writing XLSX: one table with typed cells, a frozen header and lists to choose from.

openpyxl's write-only mode keeps no row in memory, only the compressed file. No cell can act as a formula:
every text is stored as a text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, cast

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from ticketadmin.services.spreadsheets.table import MOST_ROWS

MAX_CELL = 32_767  # characters, by Excel
_TEXT, _DAY, _MOMENT = "@", "yyyy-mm-dd", "yyyy-mm-dd hh:mm"
CellValue = str | int | float | Decimal | date | datetime | None


@dataclass(frozen=True)
class SheetColumn:
    """One column: its heading, its width in characters, and the texts to choose its cells from."""

    heading: str
    width: int = 20
    options: tuple[str, ...] = ()


def write_workbook(
    title: str, columns: Sequence[SheetColumn], rows: Iterable[Sequence[CellValue]]
) -> BytesIO:
    """Return a workbook of one visible sheet, to be read from its beginning.

    A row has a value for each column; None is an empty cell. Days and moments are written as such (a moment
    without its time zone), numbers as numbers, texts as texts of at most MAX_CELL characters.
    """
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    for at, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = column.width
    _offer_options(book, sheet, columns)
    sheet.append([_cell(sheet, column.heading, is_bold=True) for column in columns])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    content = BytesIO()
    book.save(content)
    content.seek(0)
    return content


def _cell(sheet: Any, value: CellValue, *, is_bold: bool = False) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:MAX_CELL])
        cell.data_type = "s"  # also where it begins like a formula or an error
        cell.number_format = _TEXT
    else:
        cell = WriteOnlyCell(sheet, cast("Any", value))
        if isinstance(value, date):
            cell.number_format = _MOMENT if isinstance(value, datetime) else _DAY
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _offer_options(book: Workbook, sheet: Any, columns: Sequence[SheetColumn]) -> None:
    """Write the options to a hidden sheet and offer them; other texts stay possible."""
    with_options = [(at, column) for at, column in enumerate(columns, start=1) if column.options]
    if not with_options:
        return
    lists: Any = book.create_sheet(_("Lists"))
    lists.sheet_state = "hidden"
    for at, (place, column) in enumerate(with_options, start=1):
        source, target = get_column_letter(at), get_column_letter(place)
        formula = f"'{lists.title}'!${source}$1:${source}${len(column.options)}"
        offer = DataValidation(type="list", formula1=formula, showErrorMessage=False)
        offer.add(f"{target}2:{target}{MOST_ROWS + 1}")
        sheet.data_validations.append(offer)
    longest = max(len(column.options) for _place, column in with_options)
    for row in range(longest):
        lists.append(
            [
                _cell(lists, column.options[row] if row < len(column.options) else None)
                for _place, column in with_options
            ]
        )
