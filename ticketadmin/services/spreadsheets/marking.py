"""Adds a column of texts to an uploaded file and changes nothing else: CSV here, XLSX in its own process."""

import csv
import io
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ticketadmin.services.spreadsheets.delimited import decode, separator_of
from ticketadmin.services.spreadsheets.formulas import disarmed
from ticketadmin.services.spreadsheets.table import Table, unreadable
from ticketadmin.services.spreadsheets.workbooks import (
    MAX_CPU_SECONDS,
    MAX_MEMORY,
    is_workbook,
    run_process,
)
from ticketadmin.text import normalize
from ticketadmin.workbooks.marking import AddedColumn

logger = logging.getLogger(__name__)
_TONES = "\u0300\u0301\u0303\u0309\u0323"  # the combining marks of Windows-1258


@dataclass(frozen=True)
class MarkedFile:
    """A file with added columns, in pieces, how many rows it has, and whether it is a workbook."""

    pieces: tuple[bytes, ...]
    rows: int
    is_workbook: bool


def with_columns(content: bytes, table: Table, columns: Iterable[AddedColumn]) -> MarkedFile:
    """Return a CSV or XLSX file that was read as this table, with columns added. Raises UnreadableFile."""
    for added in columns:
        content = (_marked_workbook if is_workbook(content) else _marked_text)(content, added)
    return MarkedFile((content,), len(table.rows), is_workbook=bool(table.sheet))


def _marked_workbook(content: bytes, added: AddedColumn) -> bytes:
    marks = json.dumps({**asdict(added), "cells": sorted(added.cells)}).encode()
    limits = [str(MAX_MEMORY), str(MAX_CPU_SECONDS)]
    status, marked = run_process("ticketadmin.workbooks.marking", limits, marks + b"\n" + content)
    if status or not marked:
        logger.warning("A workbook could not be marked: status %s.", status)
        raise unreadable("not_markable")
    return marked


def _marked_text(content: bytes, added: AddedColumn) -> bytes:
    text, encoding = decode(content)
    separator, table = separator_of(text)
    records = list(csv.reader(io.StringIO(table, newline=""), delimiter=separator))
    place = added.column
    if place is None:
        place = max(map(len, records), default=0)
    written = io.StringIO(newline="")
    written.write(text[: len(text) - len(table)])  # the line that declares the separator to Excel
    writer = csv.writer(written, delimiter=separator, lineterminator="\r\n" if "\r\n" in text else "\n")
    for number, record in enumerate(records, start=1):
        new = added.heading if number == added.header_row else added.texts.get(number, "")
        writer.writerow(_with_cell(record, place, disarmed(new)))
    return _encoded(written.getvalue(), encoding)


def _with_cell(record: list[str], place: int, text: str) -> list[str]:
    if not text:
        return [*record[:place], *([""] if len(record) > place else []), *record[place + 1 :]]
    padded = [*record, *[""] * (place + 1 - len(record))]
    return [*padded[:place], text, *padded[place + 1 :]]


def _encoded(text: str, encoding: str) -> bytes:
    """Return the text in its encoding, or as UTF-8 with a byte order mark if that encoding lacks a letter."""
    try:
        return ("".join(map(_in_windows_1258, text)) if encoding == "cp1258" else text).encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8-sig")


def _in_windows_1258(letter: str) -> str:
    """Return a letter as Windows-1258 has it: a precomposed vowel, with its tone as a combining mark."""
    parts = normalize("NFD", letter)
    tones = "".join(mark for mark in parts if mark in _TONES)
    if letter.isascii() or not tones or _is_in_windows_1258(letter):
        return letter
    return normalize("NFC", "".join(mark for mark in parts if mark not in _TONES)) + tones


def _is_in_windows_1258(letter: str) -> bool:
    try:
        return bool(letter.encode("cp1258"))
    except UnicodeEncodeError:
        return False
