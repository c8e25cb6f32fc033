"""XLSX files. The attacker: somebody whose small archive unpacks into gigabytes, or into endless XML.

An archive is looked at before openpyxl sees it: the sizes that it declares (zipfile reads no more than those)
are summed and bounded, so that no ratio needs a bound of its own; its parts are ordinary deflated ones, have
no document type and with it no entities, and no more elements than a full table. Formulas are
never evaluated: what counts is the result that was stored with them.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from ticketadmin.services.spreadsheets.cells import shown
from ticketadmin.services.spreadsheets.table import (
    MEBIBYTE,
    MOST_COLUMNS,
    CellProblem,
    Table,
    UnreadableFile,
    damaged,
    filled_rows,
)

MOST_UNPACKED = 64 * MEBIBYTE
MOST_PARTS = 1_000
MOST_ELEMENTS = 4_000_000  # where one begins or ends
_CHUNK = 256 * 1024
_UNNAMED_COLUMNS = 10  # behind the last named one, so that a value there is an error
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_ROW = re.compile(rb"<row\b[^<>]*>")
_HIDDEN = re.compile(rb'\shidden="(?:1|true)"')
_NUMBER = re.compile(rb'\sr="(\d{1,7})"')
# What openpyxl and the standard library raise for parts that are not what they claim to be.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, BadZipFile, EOFError, LookupError, OSError, RuntimeError,
    struct.error, SyntaxError, TypeError, ValueError, zlib.error,
)  # fmt: skip
Row = tuple[Any, ...]
Places = frozenset[tuple[int, int]]  # row as shown, column from 0


def is_workbook(content: bytes) -> bool:
    """Tell whether the file is an archive, as XLSX files are."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_workbook(content: bytes) -> Table:
    """Return the table on the first visible sheet of an XLSX file. Raises UnreadableFile."""
    problems: list[CellProblem] = []
    with _damage_reported():
        has_formulas = _look_into(content)
        sheet = _first_sheet(content, data_only=True)
        formulas = _formula_places(content) if has_formulas else Places()
        header, rows = filled_rows(_texts(sheet, formulas, problems))
        hidden = _hidden_rows(content, sheet).intersection(row.number for row in rows)
    return Table(header, rows, sheet=sheet.title, problems=tuple(problems), hidden=hidden)


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and pictures that it leaves out
            yield
    except UnreadableFile:
        raise
    except _DAMAGE as error:
        raise damaged() from error


def _look_into(content: bytes) -> bool:
    """Tell whether the workbook holds formulas. Raises UnreadableFile for what must not be unpacked."""
    with ZipFile(BytesIO(content)) as archive:
        parts = archive.infolist()
        _refuse_other_archives({part.filename for part in parts})
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise _too_much_inside()
        if any(part.flag_bits & 0x1 for part in parts):
            raise damaged()
        xml = [part for part in parts if part.filename.lower().endswith((".xml", ".rels"))]
        return _look_at_parts(archive, xml)


def _look_at_parts(archive: ZipFile, parts: list[ZipInfo]) -> bool:
    elements, has_formulas = 0, False
    for part in parts:
        if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise damaged()
        text = archive.read(part)
        elements += text.count(b"<")
        if elements > MOST_ELEMENTS:
            raise _too_much_inside()
        if b"\0" in text or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise damaged()
        has_formulas = has_formulas or bool(_FORMULA.search(text) and "/worksheets/" in part.filename)
    return has_formulas


def _refuse_other_archives(names: set[str]) -> None:
    if "xl/workbook.bin" in names:
        message = _("This is a binary Excel file. Save it as .xlsx and upload that file.")
        raise UnreadableFile(message, code="binary_excel")
    if any(name.startswith("xl/") for name in names):
        return
    message = _("This is not an Excel file. Save or export the table as .xlsx or .csv and upload that file.")
    raise UnreadableFile(message, code="other_spreadsheet")


def _too_much_inside() -> UnreadableFile:
    message = _(
        "The file unpacks into more than a table of tickets. Copy its cells into a new file and upload that."
    )
    return UnreadableFile(message, code="too_much_inside")


def _first_sheet(content: bytes, *, data_only: bool) -> Any:
    book = load_workbook(BytesIO(content), read_only=True, data_only=data_only, keep_links=False)
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    sheets[0].reset_dimensions()  # what a file claims about its size may be a million empty rows
    return sheets[0]


def _rows(sheet: Any) -> Iterator[tuple[int, Row]]:
    """Yield the numbered rows that the file has, not much wider than the first filled one."""
    width = next(filter(None, map(_width, sheet.iter_rows(max_col=MOST_COLUMNS + 1))), 0)
    previous: Row | None = None
    for number, row in enumerate(sheet.iter_rows(max_col=width + _UNNAMED_COLUMNS), start=1):
        if row is not previous:  # a gap of a million rows is the same empty row, a million times
            yield number, row
        previous = row


def _width(row: Row) -> int:
    return max((place for place, cell in enumerate(row, start=1) if cell.value is not None), default=0)


def _texts(sheet: Any, formulas: Places, problems: list[CellProblem]) -> Iterator[tuple[int, list[str]]]:
    """Yield the texts of each row; a formula that was stored without its result is added to the problems."""
    for number, row in _rows(sheet):
        texts = []
        for column, cell in enumerate(row):
            value = cell.value
            # A result that is an empty text has the type "str"; no result leaves the type at "n".
            if value is None and formulas and (number, column) in formulas and cell.data_type == "n":
                problems.append(CellProblem(number, column, _no_result()))
            texts.append("" if value is None else shown(value, cell.number_format))
        yield number, texts


def _no_result() -> str:
    return _(
        "This formula was stored without its result. Open the file in your spreadsheet program and save it."
    )


def _formula_places(content: bytes) -> Places:
    rows = _rows(_first_sheet(content, data_only=False))
    return frozenset(
        (number, column)
        for number, row in rows
        for column, cell in enumerate(row)
        if cell.value is not None and cell.data_type == "f"
    )


def _hidden_rows(content: bytes, sheet: Any) -> frozenset[int]:
    with ZipFile(BytesIO(content)) as archive:
        rows = _ROW.findall(archive.read(sheet._worksheet_path))
    numbers = (_NUMBER.search(row) for row in rows if _HIDDEN.search(row))
    return frozenset(int(number[1]) for number in numbers if number)
