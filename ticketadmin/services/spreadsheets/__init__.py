"""Tables that users upload: CSV in the ways spreadsheets write it, and XLSX.

A file becomes a `Table` of texts as the spreadsheet shows them, or an `UnreadableFile` that says what
to do. Its first bytes tell what it is: a renamed picture is still a picture. What the columns mean is not
known here: see `bulk.rows`.

    table       the values, the limits and the errors
    delimited   bytes to text to cells
    records     what an exported workbook says of itself
    writing     XLSX, for exports
    workbooks   XLSX, read by a process of its own: ticketadmin.workbooks
"""

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.services.spreadsheets.delimited import read_delimited
from ticketadmin.services.spreadsheets.table import MAX_FILE, MEBIBYTE, Table, UnreadableFile, unreadable
from ticketadmin.services.spreadsheets.workbooks import is_workbook, read_workbook

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel 97-2003, and the wrapper of encrypted workbooks
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BINARY = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"RIFF", b"%PDF", b"\x1f\x8b",
    b"7z\xbc\xaf", b"Rar!", b"{\\rtf", b"\x7fELF", b"MZ\x90", b"SQLite format 3",
)  # fmt: skip
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<svg", b"<head", b"<meta")


def read_table(content: bytes, filename: str, sheet: str = "") -> Table:
    """Return the table in an uploaded CSV or XLSX file; its first bytes count, not its name.

    Of a workbook that is the sheet with this title, without one the first visible sheet.

    Raises UnreadableFile with a code and a message for the user, and nothing else.
    """
    refuse_other_kinds(content, filename)
    return read_workbook(content, sheet) if is_workbook(content) else read_delimited(content)


def refuse_other_kinds(content: bytes, filename: str) -> None:
    """Raise UnreadableFile for what is too large, empty, or plainly neither CSV nor XLSX."""
    if len(content) > MAX_FILE:
        size = number_format(len(content) / MEBIBYTE, 1)
        raise unreadable("too_large", size=size, most=MAX_FILE // MEBIBYTE)
    if not content.strip(b"\0\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise unreadable("empty")
    if content.startswith(_COMPOUND):
        raise unreadable("password" if _ENCRYPTED in content else "old_excel")
    if content.startswith(_BINARY) and filename:
        message = _("“%(name)s” is not a table, whatever its name says. Upload a .csv or .xlsx file.")
        raise UnreadableFile(message, code="not_a_table", params={"name": filename[-80:]})
    if content.startswith(_BINARY):
        raise unreadable("not_a_table")
    if content.lstrip(b"\xef\xbb\xbf\r\n\t ")[:16].lower().startswith(_MARKUP):
        raise unreadable("web_page")
