"""Writes into a workbook what is wrong with its cells: a column of texts, and a colour on cells.

The file stays the user's: its parts are copied byte for byte, and new bytes are put between those of one
sheet and of the styles. A library that loads and saves workbooks would drop the stored results of formulas,
without which the file could not be uploaded again, and much of its looks.

Run as a process (`python -m ticketadmin.workbooks.marking`) with its limits, bytes of memory and seconds of
processor time, as arguments. Its input is a line of JSON, the fields of `Marks`, then the workbook; its
output the new workbook, or nothing where the workbook is written in a way that this module does not know.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import load_workbook
from openpyxl.utils import column_index_from_string, get_column_letter

from ticketadmin.workbooks.__main__ import limit_process
from ticketadmin.workbooks.checking import MAX_COLUMN, RefusedWorkbook, check_archive

MAX_TEXT = 32_000  # characters: Excel has 32,767 a cell
_COLOUR = "FFFFC7CE"  # Excel's own "bad"
_CONTENT_TYPES = "[Content_Types].xml"
_STYLES = re.compile(
    rb"""PartName=["']/([^"']+)["'][^>]*styles\+xml|styles\+xml["'][^>]*PartName=["']/([^"']+)["']"""
)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SPANS = re.compile(rb"""\sspans=("[^"]*"|'[^']*')""")
_STYLE = re.compile(rb"""\ss=("[^"]*"|'[^']*')""")
_FILL = re.compile(rb"""\s(fillId|applyFill)=("[^"]*"|'[^']*')""")
_COUNT = re.compile(rb"""\scount=("[^"]*"|'[^']*')""")


class UnknownSpelling(Exception):
    """The workbook is sound, but written in a way that is not known here, such as UTF-16."""


@dataclass(frozen=True)
class Marks:
    """What to write: `heading` into `header_row`, `texts` into rows, all in one column; a colour on `cells`.

    Rows are those that the spreadsheet shows, columns count from 0. `column` is the one to write into, which
    is emptied first; None: the one behind all others.
    """

    sheet: str
    heading: str
    header_row: int
    column: int | None
    texts: Mapping[int, str]
    cells: frozenset[tuple[int, int]]

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Marks":
        """Return the marks that a JSON object spells."""
        texts = {int(row): text for row, text in given["texts"].items()}
        cells = frozenset((row, column) for row, column in given["cells"])
        return cls(**{**given, "texts": texts, "cells": cells})


@dataclass(frozen=True)
class _Edit:
    """Bytes of a part to be replaced by others."""

    start: int
    end: int
    new: bytes = b""


def mark_workbook(content: bytes, marks: Marks) -> bytes:
    """Return the workbook with the marks. Raises RefusedWorkbook or UnknownSpelling."""
    with ZipFile(BytesIO(content)) as archive:
        check_archive(archive)
        book = load_workbook(BytesIO(content), read_only=True, keep_links=False)
        sheet: Any = book[marks.sheet]
        found = _STYLES.search(archive.read(_CONTENT_TYPES))
        styles = (found[1] or found[2]).decode() if found else ""
        before = archive.read(sheet._worksheet_path)
        scan = _Sheet(before, marks)
        marked: dict[int, int] = {}
        changed = {}
        if styles in archive.namelist():
            part = _Styles(archive.read(styles))
            marked = part.add_marked({style for _start, _end, style in scan.marked})
            changed[styles] = part.changed()
        changed[sheet._worksheet_path] = _replaced(before, scan.edits(marked))
        return _copied(archive, changed)


def _copied(archive: ZipFile, changed: Mapping[str, bytes]) -> bytes:
    copy = BytesIO()
    with ZipFile(copy, "w", ZIP_DEFLATED) as target:
        for part in archive.infolist():
            new = changed.get(part.filename)
            target.writestr(part.filename, archive.read(part) if new is None else new)
    return copy.getvalue()


def _replaced(content: bytes, edits: list[_Edit]) -> bytes:
    pieces = []
    at = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        pieces += [content[at : edit.start], edit.new]
        at = edit.end
    return b"".join([*pieces, content[at:]])


class _Part:
    """A part parsed by expat, which tells at which byte each tag begins."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self.start
        self._parser.EndElementHandler = self.end
        self._parser.XmlDeclHandler = self._declaration
        self._parser.Parse(content, True)

    def _declaration(self, _version: str, encoding: str | None, _alone: int) -> None:
        if (encoding or "utf-8").lower() not in {"utf-8", "us-ascii"}:
            raise UnknownSpelling

    @property
    def at(self) -> int:
        """The byte at which the present tag begins."""
        return self._parser.CurrentByteIndex

    def tag(self) -> tuple[int, int, bool]:
        """Return where the present start tag begins and ends, and whether its element is empty."""
        start = self.at
        quote, at = 0, start
        while quote or self.content[at] != ord(">"):
            letter = self.content[at]
            if letter in b"\"'" and quote in {0, letter}:
                quote = 0 if quote else letter
            at += 1
        return start, at + 1, self.content[at - 1] == ord("/")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""


@dataclass
class _Row:
    number: int
    prefix: bytes
    start: int
    tag_end: int
    is_empty: bool
    insert_at: int | None = None


class _Sheet(_Part):
    """The places in a sheet's part that marks concern."""

    def __init__(self, content: bytes, marks: Marks) -> None:
        self.marks = marks
        self.marked: list[tuple[int, int, int]] = []  # start tags of cells to colour, with their style
        self._rows: list[_Row] = []
        self._removed: list[tuple[int, int]] = []
        self._removing: tuple[int, int, bool] | None = None
        self._dimension: tuple[int, int] | None = None
        self._row: _Row | None = None
        self._number = self._column = 0
        self._last = 0 if marks.column is None else marks.column
        self._wanted = {marks.header_row, *marks.texts}
        super().__init__(content)
        if self._last >= MAX_COLUMN:
            raise UnknownSpelling

    def start(self, name: str, attributes: dict[str, str]) -> None:
        prefix, _colon, local = name.rpartition(":")
        if local == "dimension":
            self._dimension = self.tag()[:2]
        elif local == "row":
            self._number = int(attributes.get("r") or self._number + 1)
            self._column = -1
            start, end, is_empty = self.tag()
            name_before = f"{prefix}:".encode() if prefix else b""
            self._row = _Row(self._number, name_before, start, end, is_empty)
        elif local == "c" and self._row:
            self._start_cell(self._row, attributes)

    def _start_cell(self, row: _Row, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "").rstrip("0123456789")
        self._column = column_index_from_string(reference) - 1 if reference else self._column + 1
        start, end, is_empty = self.tag()
        target = self.marks.column
        if target is None:
            self._last = max(self._last, self._column + 1)
        elif self._column == target:
            self._removing = start, end, is_empty
        elif self._column > target and row.insert_at is None:
            row.insert_at = start
        if (self._number, self._column) in self.marks.cells:
            self.marked.append((start, end, int(attributes.get("s") or 0)))

    def end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "c" and self._removing is not None:
            start, end, is_empty = self._removing
            self._removed.append((start, end if is_empty else self.content.index(b">", self.at) + 1))
            self._removing = None
        elif local == "row" and self._row:
            if self._row.number in self._wanted:
                self._row.insert_at = self._row.insert_at or (None if self._row.is_empty else self.at)
                self._rows.append(self._row)
            self._row = None

    def edits(self, marked: Mapping[int, int]) -> list[_Edit]:
        """Return what to change; `marked` are the styles with the colour, by those without."""
        found = [_Edit(start, end) for start, end in self._removed]
        for start, end, style in self.marked:
            if style in marked:
                found.append(_Edit(start, end, self._with_style(start, end, marked[style])))
        for row in self._rows:
            found += self._edits_of(row)
        if self._dimension:
            found.append(self._wider(*self._dimension))
        return found

    def _with_style(self, start: int, end: int, style: int) -> bytes:
        tag = _STYLE.sub(b"", self.content[start:end])
        close = b"/>" if tag.endswith(b"/>") else b">"
        return tag[: -len(close)] + f' s="{style}"'.encode() + close

    def _edits_of(self, row: _Row) -> Iterator[_Edit]:
        is_header = row.number == self.marks.header_row
        text = self.marks.heading if is_header else self.marks.texts[row.number]
        cell = self._cell(row, text)
        tag = _SPANS.sub(b"", self.content[row.start : row.tag_end])
        if row.is_empty:
            name = row.prefix + b"row"
            yield _Edit(row.start, row.tag_end, tag[:-2] + b">" + cell + b"</" + name + b">")
            return
        yield _Edit(row.start, row.tag_end, tag)
        if row.insert_at is not None:
            yield _Edit(row.insert_at, row.insert_at, cell)

    def _cell(self, row: _Row, text: str) -> bytes:
        p = row.prefix.decode()
        place = quoteattr(f"{get_column_letter(self._last + 1)}{row.number}")
        shown = escape(_ILLEGAL.sub("", text)[:MAX_TEXT])
        cell = (
            f'<{p}c r={place} t="inlineStr"><{p}is><{p}t xml:space="preserve">{shown}</{p}t></{p}is></{p}c>'
        )
        return cell.encode()

    def _wider(self, start: int, end: int) -> _Edit:
        """Return the claimed dimension up to the new column; some programs read no further than it says."""
        tag = self.content[start:end]
        found = re.search(rb':([A-Z]+)(\d+)["\']', tag)
        if found and column_index_from_string(found[1].decode()) <= self._last:
            letters = get_column_letter(self._last + 1).encode()
            tag = tag[: found.start(1)] + letters + tag[found.end(1) :]
        return _Edit(start, end, tag)


@dataclass
class _List:
    """A list in the styles: its start tag, its elements, and where it ends."""

    tag: tuple[int, int] = (0, 0)
    items: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    prefix: str = ""


class _Styles(_Part):
    """The fills and the formats of cells, with more of them on request."""

    def __init__(self, content: bytes) -> None:
        self._lists: dict[str, _List] = {}
        self._path: list[str] = []
        self._edits: list[_Edit] = []
        super().__init__(content)

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        prefix, colon, local = name.rpartition(":")
        self._path.append(local)
        if len(self._path) == 2 and local in {"fills", "cellXfs"}:
            start, end, is_empty = self.tag()
            if not is_empty:
                self._lists[local] = _List((start, end), prefix=prefix + colon)
        elif len(self._path) == 3 and (known := self._lists.get(self._path[1])):
            start, end, is_empty = self.tag()
            known.items.append((start, end if is_empty else 0))

    def end(self, _name: str) -> None:
        known = self._lists.get(self._path[1]) if len(self._path) > 1 else None
        if known and len(self._path) == 3 and not known.items[-1][1]:
            known.items[-1] = (known.items[-1][0], self.content.index(b">", self.at) + 1)
        elif known and len(self._path) == 2:
            known.end = self.at
        self._path.pop()

    def add_marked(self, styles: set[int]) -> dict[int, int]:
        """Add a coloured copy of each style, and return its number by that of the original."""
        fills, formats = self._lists.get("fills"), self._lists.get("cellXfs")
        if not fills or not formats:
            return {}
        p = fills.prefix
        pattern = f'<{p}patternFill patternType="solid"><{p}fgColor rgb="{_COLOUR}"/></{p}patternFill>'
        self._add(fills, [f"<{p}fill>{pattern}</{p}fill>".encode()])
        known = [style for style in sorted(styles) if style < len(formats.items)]
        self._add(formats, [self._coloured(formats.items[style], len(fills.items)) for style in known])
        return {style: len(formats.items) + at for at, style in enumerate(known)}

    def _add(self, to: _List, items: list[bytes]) -> None:
        start, end = to.tag
        count = f' count="{len(to.items) + len(items)}"'.encode()
        tag = _COUNT.sub(b"", self.content[start:end])
        self._edits += [_Edit(start, end, tag[:-1] + count + b">"), _Edit(to.end, to.end, b"".join(items))]

    def _coloured(self, place: tuple[int, int], fill: int) -> bytes:
        whole = self.content[place[0] : place[1]]
        close = whole.index(b">")
        tag, rest = whole[:close], whole[close:]
        slash = b"/" if tag.endswith(b"/") else b""
        plain = _FILL.sub(b"", tag.removesuffix(b"/"))
        return plain + f' fillId="{fill}" applyFill="1"'.encode() + slash + rest

    def changed(self) -> bytes:
        """Return the part with what was added."""
        return _replaced(self.content, self._edits)


def main(arguments: list[str]) -> int:
    """Mark the workbook. Returns 0, also where it cannot be done, which an empty output says."""
    limit_process(*map(int, arguments))
    first, _line, content = sys.stdin.buffer.read().partition(b"\n")
    try:
        marked = mark_workbook(content, Marks.from_json(json.loads(first)))
    except (RefusedWorkbook, UnknownSpelling, expat.ExpatError):
        return 0
    sys.stdout.buffer.write(marked)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
