"""What an archive must be before openpyxl sees it: ordinary parts, no document type, Excel's own limits.

Every part that can be XML is read once by expat, whatever its name is, because a relationship can name any
part as a sheet or as the shared strings. A part that is not well-formed is accepted here: it is checked up to
the place where every other parser stops, too. Limits of Excel are from Microsoft's "Excel specifications
and limits"; a file beyond them comes from no spreadsheet program and counts as damaged.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from openpyxl.utils import column_index_from_string

_MEBIBYTE = 1024 * 1024
# Limits of this product: more than a table of tickets needs.
MAX_UNPACKED = 64 * _MEBIBYTE
MAX_PARTS = 1_000
MAX_ELEMENTS = 4_000_000
MAX_CELLS = 1_000_000
MAX_WORKBOOK_SHEETS = 200
MAX_MERGED = 20_000
# Excel's.
MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
MAX_CELL_CHARACTERS = 2 * 32_767  # as escapes such as _x000D_ lengthen what Excel counts
MAX_FORMAT_CHARACTERS = 255
MAX_STYLES = 65_490
# Beyond what any program writes.
MAX_DEPTH = 64
MAX_XML_ATTRIBUTES = 500
MAX_ATTRIBUTE_CHARACTERS = 32_767

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_ROW, _CELL, _FORMULA, _VALUE = _MAIN + "row", _MAIN + "c", _MAIN + "f", _MAIN + "v"
_STRING, _INLINE, _FORMAT = _MAIN + "si", _MAIN + "is", _MAIN + "numFmt"
_MERGED = _MAIN + "mergeCell"
_WITH_TEXT = frozenset({_FORMULA, _VALUE, _STRING, _INLINE})
_LIMITS = {
    _CELL: MAX_CELLS,
    _STRING: MAX_CELLS,
    _MERGED: MAX_MERGED,
    _ROW: MAX_ROW,
    _MAIN + "sheet": MAX_WORKBOOK_SHEETS,
    **{_MAIN + name: MAX_STYLES for name in ("xf", "numFmt", "font", "fill", "border", "cellStyle", "dxf")},
}
_CHUNK = 64 * 1024
_BEGINNINGS = (b"<", b"\xff\xfe", b"\xfe\xff", b"\0<")
_ROW_NUMBER = re.compile(r"[0-9]{1,7}(\.0+)?")
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.IGNORECASE)


class Code(StrEnum):
    """Why a workbook is refused."""

    BINARY_EXCEL = "binary_excel"
    OTHER_SPREADSHEET = "other_spreadsheet"
    TOO_MUCH_INSIDE = "too_much_inside"
    DAMAGED = "damaged"


class RefusedWorkbook(Exception):
    """The workbook must not be read; `code` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


CellPlace = tuple[int, int]  # row as shown, column from 0


@dataclass
class SheetFacts:
    """What openpyxl does not report about a sheet.

    Hidden rows, formulas that were stored without a result, merged cells as (row, column, row, column) of
    their corners, the number of columns, and whether any cell holds a value.
    """

    hidden: set[int] = field(default_factory=set)
    without_result: set[CellPlace] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    width: int = 0
    has_values: bool = False


def check_archive(archive: ZipFile) -> dict[str, SheetFacts]:
    """Look into every part, and return the facts of each by its name. Raises RefusedWorkbook."""
    parts = archive.infolist()
    _check_names([part.filename for part in parts])
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
    counts = dict.fromkeys([*_LIMITS, ""], 0)
    return {part.filename: _check_part(archive, part, counts) for part in parts}


def _check_names(names: list[str]) -> None:
    if "xl/workbook.bin" in names:
        raise RefusedWorkbook(Code.BINARY_EXCEL)
    if not any(name.startswith("xl/") for name in names):
        raise RefusedWorkbook(Code.OTHER_SPREADSHEET)
    if len(set(names)) < len(names):
        raise RefusedWorkbook(Code.DAMAGED)  # readers disagree on which of two parts of one name counts


def _check_part(archive: ZipFile, part: ZipInfo, counts: dict[str, int]) -> SheetFacts:
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or part.flag_bits & 0x1:
        raise RefusedWorkbook(Code.DAMAGED)
    check = _PartCheck(counts)
    with archive.open(part) as content:
        beginning = content.read(_CHUNK)
        if beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(_BEGINNINGS):
            check.read(beginning, content)
    return check.facts


class _PartCheck:
    """The handlers of one part's parser. `counts` is shared by all parts; "" counts every element."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.facts = SheetFacts()
        self._counts = counts
        self._depth = self._row = self._column = 0
        self._text_of, self._characters = "", 0  # the element of a cell's text, and its length so far
        self._is_number = False
        self._lacks_result = False

    def read(self, beginning: bytes, content: IO[bytes]) -> None:
        """Parse the part to its end, or up to where it is not well-formed."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            while beginning:
                parser.Parse(beginning)
                beginning = content.read(_CHUNK)
            parser.Parse(b"", True)
        except expat.ExpatError:
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._counts[""] += 1
        if self._depth > MAX_DEPTH or len(attributes) > MAX_XML_ATTRIBUTES:
            raise RefusedWorkbook(Code.DAMAGED)
        if self._counts[""] > MAX_ELEMENTS:
            raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        if max(map(len, attributes.values()), default=0) > MAX_ATTRIBUTE_CHARACTERS:
            raise RefusedWorkbook(Code.DAMAGED)
        if name in _LIMITS:
            self._counts[name] += 1
            if self._counts[name] > _LIMITS[name]:
                raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        if name in _WITH_TEXT:
            self._text_of, self._characters = name, 0
        if handle := _STARTS.get(name):
            handle(self, attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._row = _row_number(attributes["r"]) if "r" in attributes else self._row + 1
        self._column = 0
        if not 0 < self._row <= MAX_ROW:
            raise RefusedWorkbook(Code.DAMAGED)
        if attributes.get("hidden") in {"1", "true"}:
            self.facts.hidden.add(self._row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._column = _place(attributes["r"])[1] + 1 if "r" in attributes else self._column + 1
        if self._column > MAX_COLUMN:
            raise RefusedWorkbook(Code.DAMAGED)
        self.facts.width = max(self.facts.width, self._column)
        self._lacks_result = False
        self._is_number = attributes.get("t", "n") == "n"

    def _start_formula(self, _attributes: dict[str, str]) -> None:
        self._lacks_result = self._is_number

    def _start_format(self, attributes: dict[str, str]) -> None:
        if len(attributes.get("formatCode", "")) > MAX_FORMAT_CHARACTERS:
            raise RefusedWorkbook(Code.DAMAGED)

    def _start_merged(self, attributes: dict[str, str]) -> None:
        first, _colon, last = attributes.get("ref", "").partition(":")
        self.facts.merged.append((*_place(first), *_place(last or first)))

    def _text(self, text: str) -> None:
        if not self._text_of:
            return
        self._characters += len(text)
        if self._text_of == _VALUE:
            self._lacks_result = False
        if self._text_of in {_VALUE, _INLINE}:
            self.facts.has_values = True
        if self._characters > MAX_CELL_CHARACTERS:
            raise RefusedWorkbook(Code.DAMAGED)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == self._text_of:
            self._text_of = ""
        elif name == _CELL and self._lacks_result:
            self.facts.without_result.add((self._row, self._column - 1))


_STARTS: dict[str, Callable[[_PartCheck, dict[str, str]], None]] = {
    _ROW: _PartCheck._start_row,
    _CELL: _PartCheck._start_cell,
    _FORMULA: _PartCheck._start_formula,
    _FORMAT: _PartCheck._start_format,
    _MERGED: _PartCheck._start_merged,
}


def _refuse(*_declaration: object) -> None:
    raise RefusedWorkbook(Code.DAMAGED)


def _row_number(text: str) -> int:
    if not _ROW_NUMBER.fullmatch(text):
        raise RefusedWorkbook(Code.DAMAGED)
    return int(float(text))


def _place(text: str) -> CellPlace:
    """Return the row and the column, from 0, of a cell named like B7."""
    place = _PLACE.fullmatch(text)
    if not place:
        raise RefusedWorkbook(Code.DAMAGED)
    return int(place[2]), column_index_from_string(place[1]) - 1
