"""Writes errors into a workbook: a column of texts, and a colour on the wrong cells.

The file stays the user's: one sheet and the styles are rewritten element by element, every other part is
copied byte for byte. A library that loads and saves workbooks would drop the stored results of formulas,
without which the file could not be uploaded again, and much of its formatting.

Run as a process (`python -m ticketadmin.workbooks.marking`) with its limits, bytes of memory and seconds of
processor time, as arguments. Its input is a line of JSON, the fields of `AddedColumn`, then the workbook; its
output the new workbook, or nothing if the workbook cannot be marked.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string, get_column_letter

from ticketadmin.workbooks.__main__ import limit_process
from ticketadmin.workbooks.checking import MAX_COLUMN, Code, RefusedWorkbook, check_archive

MAX_CELL_TEXT = 32_000  # characters: Excel has 32,767 a cell
_COLOUR = "FFFFC7CE"  # Excel's own "bad"
_CONTENT_TYPES = "[Content_Types].xml"
_STYLES = re.compile(
    rb"""PartName=["']/([^"']+)["'][^>]*styles\+xml|styles\+xml["'][^>]*PartName=["']/([^"']+)["']"""
)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# Unless written as a reference, a line end would be read as another one, or as a space.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_CORNER = re.compile(r"(?<=:)[A-Z]+")


@dataclass(frozen=True)
class AddedColumn:
    """A column to add: its heading, the header's row and the texts by row, as the spreadsheet numbers them.

    `column` is the place, from 0, of such a column that the file has already: it is replaced; None: the new
    one comes behind all others. `cells` are the places (row, column) to colour where the format has colours;
    `sheet` is the sheet of a workbook.
    """

    heading: str
    header_row: int
    texts: Mapping[int, str]
    column: int | None = None
    cells: frozenset[tuple[int, int]] = frozenset()
    sheet: str = ""

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "AddedColumn":
        """Return the column that a JSON object spells."""
        texts = {int(row): text for row, text in given["texts"].items()}
        cells = frozenset((row, column) for row, column in given["cells"])
        return cls(**{**given, "texts": texts, "cells": cells})


def mark_workbook(content: bytes, added: AddedColumn) -> bytes:
    """Return the workbook with the column. Raises RefusedWorkbook, or ExpatError for XML that is damaged."""
    with ZipFile(BytesIO(content)) as archive:
        facts = check_archive(archive)
        book = load_workbook(BytesIO(content), read_only=True, keep_links=False)
        sheet: Any = book[added.sheet]
        path: str = sheet._worksheet_path
        found = _STYLES.search(archive.read(_CONTENT_TYPES))
        styles = (found[1] or found[2]).decode() if found else ""
        before = archive.read(styles) if styles in archive.namelist() else b""
        column = facts[path].width if added.column is None else added.column
        marked = _Sheet(archive.read(path), added, column, len(_lists_of(before)[1]))
        changed = {path: marked.content()}
        if marked.coloured:
            changed[styles] = _with_colour(before, marked.coloured)
        return _copied(archive, changed)


def _lists_of(styles: bytes) -> tuple[Any, Any]:
    """Return the lists of fills and of formats of cells; empty ones where either is missing."""
    root = ElementTree.fromstring(styles or b"<none/>")  # noqa: S314 - checked: no document type
    fills, formats = root.find("{*}fills"), root.find("{*}cellXfs")
    return ([], []) if fills is None or formats is None else (fills, formats)


def _with_colour(styles: bytes, originals: Iterable[int]) -> bytes:
    """Return the styles with a coloured copy of each of these formats after all others."""
    fills, formats = _lists_of(styles)
    namespace = fills.tag[1:].partition("}")[0]
    pattern = f'<patternFill patternType="solid"><fgColor rgb="{_COLOUR}"/></patternFill>'
    for number in originals:
        formats[number].attrib |= {"fillId": str(len(fills)), "applyFill": "1"}
    copies = (ElementTree.tostring(formats[number], "unicode") for number in originals)
    added = {"fills": f'<fill xmlns="{namespace}">{pattern}</fill>', "cellXfs": "".join(copies)}
    return _Styles(styles, added).content()


def _copied(archive: ZipFile, changed: Mapping[str, bytes]) -> bytes:
    copy = BytesIO()
    with ZipFile(copy, "w", ZIP_DEFLATED) as target:
        for part in archive.infolist():
            new = changed.get(part.filename)
            target.writestr(part.filename, archive.read(part) if new is None else new)
    return copy.getvalue()


class _Copy:
    """A part, rewritten while it is read, with the names and the order that it has."""

    def __init__(self, content: bytes) -> None:
        self._written = BytesIO()
        self._out = TextIOWrapper(self._written, "utf-8", newline="")
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler = self.text
        self.spelled('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n')
        parser.Parse(content, True)
        self._out.flush()

    def content(self) -> bytes:
        """Return the new part."""
        return self._written.getvalue()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Write the start of an element."""
        given = "".join([f' {key}="{value.translate(_IN_ATTRIBUTE)}"' for key, value in attributes.items()])
        self._out.write(f"<{name}{given}>")

    def text(self, text: str) -> None:
        """Write a text."""
        self._out.write(text.translate(_IN_TEXT))

    def spelled(self, xml: str) -> None:
        """Write XML as it is."""
        self._out.write(xml)

    def end(self, name: str) -> None:
        """Write the end of an element."""
        self._out.write(f"</{name}>")


class _Sheet(_Copy):
    """A sheet with the column. `coloured` are the styles that cells got, by the styles that they had."""

    def __init__(self, content: bytes, added: AddedColumn, place: int, formats: int) -> None:
        if place >= MAX_COLUMN:
            raise RefusedWorkbook(Code.TOO_MUCH_INSIDE)
        self.coloured: dict[int, int] = {}
        self._formats = formats
        self._place, self._is_replaced = place, added.column is not None
        self._cells = added.cells
        self._texts = {**added.texts, added.header_row: added.heading}
        self._row = self._column = 0
        self._due: str | None = None  # the text of this row, until it is written
        self._is_left_out = False
        super().__init__(content)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "dimension":
            attributes["ref"] = self._wider(attributes.get("ref", ""))
        elif local == "row":
            self._row, self._column = int(attributes.get("r") or self._row + 1), -1
            self._due = self._texts.get(self._row)
            attributes.pop("spans", None)
        elif local == "c":
            self._start_cell(name, attributes)
        if not self._is_left_out:
            super().start(name, attributes)

    def _start_cell(self, name: str, attributes: dict[str, str]) -> None:
        letters = attributes.get("r", "").rstrip("0123456789")
        self._column = column_index_from_string(letters) - 1 if letters else self._column + 1
        self._is_left_out = self._is_replaced and self._column == self._place
        if self._column > self._place:
            self._write_due(name[:-1])
        style = int(attributes.get("s") or 0)
        if (self._row, self._column) in self._cells and style < self._formats:
            attributes["s"] = str(self.coloured.setdefault(style, self._formats + len(self.coloured)))

    def text(self, text: str) -> None:
        if not self._is_left_out:
            super().text(text)

    def end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            self._write_due(name[:-3])
        if not self._is_left_out:
            super().end(name)
        self._is_left_out = self._is_left_out and local != "c"

    def _write_due(self, p: str) -> None:
        """Write the cell with this row's text, if it is due; `p` is the prefix of the sheet's elements."""
        if self._due is not None:
            place = f"{get_column_letter(self._place + 1)}{self._row}"
            self.spelled(f'<{p}c r="{place}" t="inlineStr"><{p}is><{p}t xml:space="preserve">')
            super().text(_ILLEGAL.sub("", self._due)[:MAX_CELL_TEXT])
            self.spelled(f"</{p}t></{p}is></{p}c>")
            self._due = None

    def _wider(self, dimension: str) -> str:
        """Return the claimed dimension up to the new column; some programs read no further than it says."""
        found = _CORNER.search(dimension)
        if found and column_index_from_string(found[0]) <= self._place:
            return _CORNER.sub(get_column_letter(self._place + 1), dimension)
        return dimension


class _Styles(_Copy):
    """The styles with more elements at the end of some of their lists, by the lists' names."""

    def __init__(self, content: bytes, added: Mapping[str, str]) -> None:
        self._added = added
        super().__init__(content)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] in self._added:
            attributes.pop("count", None)  # optional, and no longer right
        super().start(name, attributes)

    def end(self, name: str) -> None:
        self.spelled(self._added.get(name.rpartition(":")[2], ""))
        super().end(name)


def main(arguments: list[str]) -> int:
    """Mark the workbook. Returns 0, also if it cannot be done, which an empty output says."""
    limit_process(*map(int, arguments))
    first, _line, content = sys.stdin.buffer.read().partition(b"\n")
    try:
        marked = mark_workbook(content, AddedColumn.from_json(json.loads(first)))
    except (RefusedWorkbook, expat.ExpatError):
        return 0
    sys.stdout.buffer.write(marked)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
