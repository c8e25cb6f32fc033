"""What an uploaded file is, told by its first bytes: a renamed picture is still a picture."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.services.spreadsheets.table import LARGEST_FILE, MEBIBYTE, UnreadableFile

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel 97-2003, and the wrapper of encrypted workbooks
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BINARY = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"RIFF", b"%PDF", b"\x1f\x8b",
    b"7z\xbc\xaf", b"Rar!", b"{\\rtf", b"\x7fELF", b"MZ\x90", b"SQLite format 3",
)  # fmt: skip
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<svg", b"<head", b"<meta")


def refuse_other_kinds(content: bytes, filename: str) -> None:
    """Raise UnreadableFile for what is too large, empty, or plainly neither CSV nor XLSX."""
    if len(content) > LARGEST_FILE:
        message = _("The file has %(size)s MB; at most %(most)d MB are possible.")
        params = {"size": number_format(len(content) / MEBIBYTE, 1), "most": LARGEST_FILE // MEBIBYTE}
        raise UnreadableFile(message, code="too_large", params=params)
    if not content.strip(b"\0\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile(_("The file is empty."), code="empty")
    if content.startswith(_COMPOUND):
        raise _compound_file(content)
    if content.startswith(_BINARY):
        raise not_a_table(filename)
    if content.lstrip(b"\xef\xbb\xbf\r\n\t ")[:16].lower().startswith(_MARKUP):
        message = _("This is a web page, not a spreadsheet. Open it, save it as .xlsx, and upload that file.")
        raise UnreadableFile(message, code="web_page")


def not_a_table(filename: str = "") -> UnreadableFile:
    """Return the error for a file that holds no text."""
    if filename:
        message = _("“%(name)s” is not a table, whatever its name says. Upload a .csv or .xlsx file.")
        return UnreadableFile(message, code="not_a_table", params={"name": filename[-80:]})
    return UnreadableFile(_("This is not a table. Upload a .csv or .xlsx file."), code="not_a_table")


def _compound_file(content: bytes) -> UnreadableFile:
    if _ENCRYPTED in content:
        message = _("The file is protected by a password. Save it without one and upload it again.")
        return UnreadableFile(message, code="password")
    message = _("This is the old Excel format. Save the file as .xlsx or .csv and upload it again.")
    return UnreadableFile(message, code="old_excel")
