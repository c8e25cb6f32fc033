"""The rows of a workbook's first visible sheet, as the spreadsheet shows them, by openpyxl.

Formulas are never evaluated: what counts is the result that was stored with them.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook

from ticketadmin.workbooks.cells import displayed_text
from ticketadmin.workbooks.checking import (
    MAX_CELLS,
    CellPlace,
    Code,
    RefusedWorkbook,
    SheetFacts,
    check_archive,
)

MAX_CHARACTERS = 32_000_000  # of all cells together
_UNNAMED_COLUMNS = 10  # behind the last named one, so that a value there is an error
_FIRST_ROWS = 10  # filled ones, the column names among them: lines of a title may come before
_RECORD_COLUMNS = 200
_MAX_TITLE = 31  # characters of a sheet's title, by Excel
# What openpyxl and the standard library raise for parts that are not what they claim to be.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, BadZipFile, EOFError, LookupError, NotImplementedError,
    OSError, RuntimeError, struct.error, SyntaxError, TypeError, ValueError, zlib.error,
)  # fmt: skip


def read_sheet(
    content: bytes, *, rows: int, columns: int, record: str = "", title: str = ""
) -> dict[str, Any]:
    """Return all that is needed of the first visible sheet, or of the one with this title.

    That is its title, rows and hidden rows, and the places (row as shown, column from 0) of formulas without
    a result, of cells that are merged with another before them and stay empty (`merged`) or take the value
    above (`repeated`: those in the first column of the merged ones), and of numbers with three decimals; also
    the titles of the other visible sheets that hold anything, and the day that serial numbers count from.
    The sheet whose title is `record` is none of these: its rows are texts, whether it is visible or not.

    `rows` are lists of a row number and its texts, filled ones only: at most `rows` + 2 of them, each at most
    `columns` + 1 wide, so that the caller sees that a limit was passed. Raises RefusedWorkbook.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and pictures that it leaves out
            return _read_sheet(content, rows, columns, record, title)
    except MemoryError:
        raise RefusedWorkbook(Code.TOO_MUCH_INSIDE) from None
    except _DAMAGE as error:
        raise RefusedWorkbook(Code.DAMAGED) from error


def _read_sheet(content: bytes, rows: int, columns: int, record: str, title: str) -> dict[str, Any]:
    with ZipFile(BytesIO(content)) as archive:
        facts = check_archive(archive)
    book = load_workbook(BytesIO(content), read_only=True, data_only=True, keep_links=False)
    sheets: list[Any] = [one for one in book.worksheets if one.title != record] or book.worksheets
    visible = [one for one in sheets if one.sheet_state == "visible"]
    sheet: Any = next((one for one in visible if title in {"", one.title[:_MAX_TITLE]}), sheets[0])
    sheet.reset_dimensions()  # a file may claim a million empty rows as its size
    known = facts.get(sheet._worksheet_path, SheetFacts())
    found: list[tuple[int, list[str]]] = []
    three_decimals: list[tuple[int, int]] = []
    characters = 0
    for number, texts in _filled_rows(sheet, known, columns, three_decimals):
        characters += sum(map(len, texts))
        if characters > MAX_CHARACTERS:
            raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        found.append((number, texts))
        if len(found) > rows + 1:
            break
    numbers = {number for number, _texts in found}
    merged = _merged_away(known, found)
    repeated = _repeat_values(merged, dict(found), three_decimals, characters)
    return {
        "sheet": sheet.title,
        "rows": found,
        "hidden": sorted(known.hidden & numbers),
        "without_result": sorted(place for place in known.without_result if place[0] in numbers),
        "merged": sorted(merged.keys() - repeated),
        "repeated": sorted(repeated),
        "three_decimals": three_decimals,
        "other_sheets": [
            other.title[:_MAX_TITLE]
            for other in sheets
            if other is not sheet and other.sheet_state == "visible" and _has_values(facts, other)
        ],
        "day_zero": book.epoch.date().isoformat(),
        "record": [
            row for one in book.worksheets if one not in sheets for row in _record(one, rows, characters)
        ],
    }


def _record(sheet: Any, rows: int, characters: int) -> Iterator[list[str]]:
    """Yield the rows of a sheet of texts, its empty cells left out; `characters` were read before."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows(max_row=rows + 1, max_col=_RECORD_COLUMNS, values_only=True):
        texts = [displayed_text(value) for value in row if value is not None]
        characters += sum(map(len, texts))
        if characters > MAX_CHARACTERS:
            raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        if texts:
            yield texts


def _has_values(facts: dict[str, SheetFacts], sheet: Any) -> bool:
    return facts.get(sheet._worksheet_path, SheetFacts()).has_values


def _repeat_values(
    merged: dict[CellPlace, CellPlace],
    rows: dict[int, list[str]],
    three_decimals: list[CellPlace],
    characters: int,
) -> set[CellPlace]:
    """Write the value of merged cells into the cells below the first, and return the places of these.

    A value merged over rows is meant for all of them; what is merged over columns belongs to the first.
    """
    numbers = set(three_decimals)
    places = set()
    for place, origin in merged.items():
        if place[1] != origin[1] or origin[0] not in rows or not rows[origin[0]][origin[1]].strip():
            continue
        text = rows[origin[0]][origin[1]]
        characters += len(text)
        if characters > MAX_CHARACTERS:
            raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        rows[place[0]][place[1]] = text
        places.add(place)
        if origin in numbers:
            three_decimals.append(place)
    return places


def _merged_away(known: SheetFacts, found: list[tuple[int, list[str]]]) -> dict[CellPlace, CellPlace]:
    """Return the places of cells that are merged with one before them, each with the place of that one.

    Only in rows that hold something.

    No more than a table has cells: merged cells of a sound workbook do not overlap.
    """
    widths = {number: len(texts) for number, texts in found}
    last = max(widths, default=0)
    places: dict[CellPlace, CellPlace] = {}
    left = MAX_CELLS
    for first_row, first_column, last_row, last_column in known.merged:
        for row in range(first_row, min(last_row, last) + 1):
            covered = range(first_column, min(last_column + 1, widths.get(row, 0)))
            left -= 1 + len(covered)
            if left < 0:
                raise RefusedWorkbook(Code.DAMAGED)
            places |= {(row, at): (first_row, first_column) for at in covered}
        places.pop((first_row, first_column), None)
    return places


def _has_three_decimals(value: Any, text: str) -> bool:
    return isinstance(value, float) and len(text.partition(".")[2]) == len("000")


def _filled_rows(
    sheet: Any, known: SheetFacts, columns: int, three_decimals: list[CellPlace]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something, not much wider than the widest of the first of them."""
    with_formula = {row for row, _column in known.without_result}
    for number, row in _numbered_rows(sheet, columns):
        texts = ["" if cell.value is None else displayed_text(cell.value, cell.number_format) for cell in row]
        three_decimals += [
            (number, at)
            for at, (cell, text) in enumerate(zip(row, texts, strict=True))
            if _has_three_decimals(cell.value, text)
        ]
        if any(text.strip() for text in texts) or number in with_formula:
            yield number, texts


def _numbered_rows(sheet: Any, columns: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    first = (_width(row) for _number, row in _without_gaps(sheet, columns + 1))
    width = max(islice(filter(None, first), _FIRST_ROWS), default=0)
    yield from _without_gaps(sheet, min(width + _UNNAMED_COLUMNS, columns + 1))


def _without_gaps(sheet: Any, width: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    previous: tuple[Any, ...] | None = None
    for number, row in enumerate(sheet.iter_rows(max_col=width), start=1):
        if row is not previous:  # a gap of a million rows is the same empty row, a million times
            yield number, row
        previous = row


def _width(row: tuple[Any, ...]) -> int:
    return max((place for place, cell in enumerate(row, start=1) if cell.value is not None), default=0)
