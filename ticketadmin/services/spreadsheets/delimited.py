"""CSV in the ways that spreadsheets write it: several encodings, several separators, quoted line ends.

Encodings are tried in an order that makes each reading certain where it can be: a byte order mark, the
zero bytes of UTF-16, strict UTF-8, Windows-1258 if the result is Vietnamese, Windows-1252. The last two are a
guess, so a table names its encoding, and a page can show it.
"""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from ticketadmin.services.spreadsheets.formulas import armed
from ticketadmin.services.spreadsheets.table import Table, filled_rows, unreadable
from ticketadmin.text import normalize

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NAMES = {
    "utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", "cp1258": "Windows-1258", "cp1252": "Windows-1252",
}  # fmt: skip
_SEPARATORS = (",", ";", "\t", "|")
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t|]*(?:\r\n|\n|\r)', re.IGNORECASE)
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")
_LOOKED_AT = 65_536
_SAMPLE_ROWS = 20
_AS_TEXT = re.compile(r'="([^"]*)"')  # ="0123": a common way to make Excel keep a leading zero


def read_delimited(content: bytes) -> Table:
    """Return the table in a CSV file. Raises UnreadableFile."""
    text, encoding = decode(content)
    separator, text = separator_of(text)
    number, header, rows = filled_rows(_records(text, separator))
    return Table(header, rows, encoding=_NAMES[encoding], separator=separator, header_row=number)


def decode(content: bytes) -> tuple[str, str]:
    """Return the text, composed (NFC), and the name of the codec that read it. Raises UnreadableFile."""
    for encoding in _encodings(content):
        try:
            text = normalize("NFC", content.decode(encoding))
        except UnicodeDecodeError:
            continue
        if encoding == "cp1258" and not _is_vietnamese(text):
            continue
        return _without_control(text.removeprefix("\ufeff")), encoding
    raise unreadable("encoding")


def _encodings(content: bytes) -> Iterator[str]:
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if marked:
        yield marked
        return
    if b"\0" in content:
        yield _utf_16_without_mark(content[:_LOOKED_AT])
        return
    yield "utf-8"
    if not _is_damaged_utf_8(content):
        yield from ("cp1258", "cp1252")


def _without_control(text: str) -> str:
    """Return the text without stray control characters. Raises UnreadableFile where there are many."""
    cleaned, count = _CONTROL.subn("", text)
    if "\0" in text.rstrip("\0") or count * 100 > len(text) + 100:
        raise unreadable("not_a_table")
    return cleaned.rstrip("\0")


def _is_damaged_utf_8(content: bytes) -> bool:
    """Return whether most non-ASCII text is valid UTF-8, so that no other encoding can be right."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(not letter.isascii() for letter in text) - wrong > wrong


def _utf_16_without_mark(content: bytes) -> str:
    """Return the codec for UTF-16 without a mark: ordinary letters and separators have zero bytes.

    Raises UnreadableFile if the zero bytes do not fit either byte order.
    """
    low, high = content[0::2].count(0), content[1::2].count(0)
    if 10 * max(low, high) < len(content) or min(low, high) * 5 > max(low, high):
        raise unreadable("not_a_table")
    return "utf-16-le" if high > low else "utf-16-be"


def _is_vietnamese(text: str) -> bool:
    """Return whether text read as Windows-1258 has Vietnamese letters and hardly any lone combining mark."""
    letters = len(re.findall("[ăđơưĂĐƠƯ\u1ea0-\u1ef9]", text))
    return letters > 10 * len(re.findall("[\u0300\u0301\u0303\u0309\u0323]", text))


def separator_of(text: str) -> tuple[str, str]:
    """Return the separator and the text without the line that declares it to Excel."""
    if named := _NAMED_SEPARATOR.match(text):
        return "," if named[1] in '"\r\n ' else named[1], text[named.end() :]
    return max(_SEPARATORS, key=lambda separator: _fitness(text, separator)), text


def _fitness(text: str, separator: str) -> tuple[float, int]:
    """Rate a separator: how many of the first rows share the commonest width above one, then that width.

    A title of one cell or of several may be above the rest.
    """
    reader = csv.reader(io.StringIO(text[:_LOOKED_AT], newline=""), delimiter=separator)
    try:
        widths = [len(row) for row in itertools.islice(reader, _SAMPLE_ROWS) if any(row)]
    except csv.Error:
        return 0, 0
    times = Counter(width for width in widths if width > 1)
    if not times:
        return 0, 0
    width = max(times, key=lambda one: (times[one], one))
    return times[width] / len(widths), width


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the row number that a spreadsheet shows: quoted line ends do not count."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            code = "long_cell" if "field larger" in str(error) else "quotes"
            raise unreadable(code, row=number) from error
        yield number, [_as_typed(cell) for cell in record]


def _as_typed(cell: str) -> str:
    if cell.startswith("="):
        return _AS_TEXT.sub(r"\1", cell) if _AS_TEXT.fullmatch(cell) else cell
    return armed(cell)
