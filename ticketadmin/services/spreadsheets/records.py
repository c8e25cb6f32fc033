"""The record in an exported workbook, on a sheet that spreadsheets hide, which an upload reads back.

The record holds when and from which CRM the list was exported, which column shows which field, and for each
ticket and field the value that was known and the text that its cell showed. A digest finds accidents, such as
a sheet that was sorted or cut off. It is no protection against users: a user who may upload a file may also
set the same values by hand.

    row of a ticket    its code, then a JSON list with one entry for each field, split over cells
    last row           MARK, then what holds for all rows, as JSON

An entry is the text where value and cell are the same, else `[text, value]`; `[text, null]` where the value
was not known, `[text]` where it was too long, so that only its beginning is known.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils import timezone

from ticketadmin.services.spreadsheets.table import MAX_COLUMNS
from ticketadmin.text import heading, normalize

RECORD_SHEET = "ticketadmin record"
MARK = "#ticketadmin"
FORMAT = 1
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # ECMA-376, ST_Xstring; LibreOffice saves it unescaped
_PART = 8_000  # characters of a cell: far below what any program keeps
_NO_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}  # characters that JSON allows and XML cannot hold


class RecordProblem(StrEnum):
    """Why a file that seems to be an export cannot be compared with what was exported."""

    MISSING = "missing"
    DAMAGED = "damaged"
    OTHER_CRM = "other_crm"
    OTHER_FORMAT = "other_format"


@dataclass(frozen=True)
class ExportedCell:
    """One cell of an export: the text that it showed, and the value behind it, None if it was not known.

    If `is_cut`, the file holds only the beginning of the value.
    """

    text: str
    value: str | None
    is_cut: bool = False

    def is_left_alone(self, text: str) -> bool:
        """Return whether a cell still shows what was exported, apart from its line ends."""
        return _plain(text) == _plain(self.text)

    def as_json(self) -> Any:
        """Return the entry of the record."""
        if self.is_cut:
            return [self.text]
        return self.text if self.text == self.value else [self.text, self.value]

    @classmethod
    def from_json(cls, entry: Any) -> "ExportedCell":
        """Return the cell of an entry. Raises ValueError or TypeError for what `as_json` does not make."""
        if isinstance(entry, str):
            return cls(entry, entry)
        text, *value = entry
        if not isinstance(text, str) or not all(one is None or isinstance(one, str) for one in value[:1]):
            raise TypeError(entry)
        return cls(text, value[0] if value else None, is_cut=not value)


@dataclass(frozen=True)
class RecordedColumn:
    """A column of an export; `field` is the API's name, "" for a column that only informs."""

    heading: str
    field: str


class RecordWriter:
    """Makes the rows of the record while an export is written."""

    def __init__(self, columns: Sequence[RecordedColumn], *, address: str, at: datetime) -> None:
        self._about = {
            "format": FORMAT,
            "crm": fingerprint(address),
            "at": at.isoformat(timespec="seconds"),
            "columns": [[one.heading, one.field] for one in columns],
        }
        self._digests: list[bytes] = []

    def row_of(self, code: str, cells: Sequence[ExportedCell]) -> list[str]:
        """Return the row of a ticket; `cells` are those of the columns with a field, in their order."""
        text = _spelled([cell.as_json() for cell in cells])
        self._digests.append(_digest_of_row(code, text))
        return [code, *_parts(text)]

    def last_row(self) -> list[str]:
        """Return the last row, which applies to all."""
        about = {**self._about, "rows": len(self._digests)}
        return [MARK, *_parts(_spelled({**about, "digest": _digest(about, self._digests)}))]


@dataclass(frozen=True)
class ExportRecord:
    """What a file's record says: its columns, when it was exported, and the cells of its tickets."""

    columns: tuple[RecordedColumn, ...]
    at: datetime
    rows: Mapping[str, str]  # by code, as JSON

    def field_of(self, name: str) -> str | None:
        """Return the field that a heading of this export shows, "" for information, None for others."""
        wanted = heading(name)
        return next((one.field for one in self.columns if heading(one.heading) == wanted), None)

    def cells_of(self, code: str) -> Mapping[str, ExportedCell]:
        """Return what was exported of a ticket by field; empty for a ticket that was not."""
        if code not in self.rows:
            return {}
        names = [one.field for one in self.columns if one.field]
        entries = json.loads(self.rows[code])
        return {name: ExportedCell.from_json(one) for name, one in zip(names, entries, strict=True)}


def fingerprint(address: str) -> str:
    """Return a digest that identifies a CRM's address."""
    plain = address.rstrip("/").rpartition("@")[2].casefold()
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def read_record(rows: Sequence[Sequence[str]], *, address: str) -> ExportRecord | RecordProblem:
    """Return what the rows of a record say, or why they cannot be used for the CRM at `address`."""
    if not rows:
        return RecordProblem.MISSING
    try:
        return _read(rows, address)
    except (ValueError, TypeError, KeyError, RecursionError):
        return RecordProblem.DAMAGED


def _read(rows: Sequence[Sequence[str]], address: str) -> ExportRecord | RecordProblem:
    texts = {row[0]: "".join(row[1:]) for row in rows if row}
    about = json.loads(texts.pop(MARK))
    if about["format"] != FORMAT:
        return RecordProblem.OTHER_FORMAT
    digest = about.pop("digest")
    if digest != _digest(about, [_digest_of_row(code, text) for code, text in texts.items()]):
        return RecordProblem.DAMAGED
    if about["crm"] != fingerprint(address):
        return RecordProblem.OTHER_CRM
    columns = tuple(RecordedColumn(str(name), str(field)) for name, field in about["columns"][:MAX_COLUMNS])
    at = datetime.fromisoformat(about["at"])
    return ExportRecord(columns, at if timezone.is_aware(at) else timezone.make_aware(at), texts)


def _plain(text: str) -> str:
    """Return a text without what programs alter: line ends, composition, escapes such as _x0041_."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    text = normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if text.strip() else ""


def _spelled(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_NO_XML)
    return text.replace("_x", "_\\u0078")  # LibreOffice saves _x0041_ so that it is read as A


def _parts(text: str) -> Iterator[str]:
    return (text[start : start + _PART] for start in range(0, len(text), _PART))


def _digest_of_row(code: str, text: str) -> bytes:
    return hashlib.sha256(f"{code}\n{text}".encode()).digest()


def _digest(about: Mapping[str, Any], rows: Sequence[bytes]) -> str:
    """Return the digest of a record, whatever the order of its rows."""
    whole = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for row in sorted(rows):
        whole.update(row)
    return whole.hexdigest()
