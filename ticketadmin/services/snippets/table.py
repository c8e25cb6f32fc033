"""Snippets as a CSV file: exporting them, and reading such a file. Nothing is written here.

A file that is exported and read again holds the same texts: no cell acts as a formula, and the apostrophe
added for that is removed again (`spreadsheets/formulas.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.formats import number_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from ticketadmin.models import Snippet, User
from ticketadmin.services.history.export import csv_lines
from ticketadmin.services.recipes.sharing import SHARING
from ticketadmin.services.spreadsheets import refuse_other_kinds
from ticketadmin.services.spreadsheets.delimited import read_delimited
from ticketadmin.services.spreadsheets.formulas import armed_inside
from ticketadmin.services.spreadsheets.table import Table, UnreadableFile, unreadable
from ticketadmin.services.spreadsheets.workbooks import is_workbook
from ticketadmin.text import heading

COLUMNS = ("name", "shared", "owner", "content")
REQUIRED = frozenset({"name", "content"})
MAX_SNIPPET_FILE_BYTES = 1_048_576
MAX_SNIPPET_ROWS = 1_000
YES, NO = "yes", "no"
# Errors whose advice is meant for pages that also take workbooks, which are refused here.
OTHER_KINDS = frozenset({"not_a_table", "web_page", "old_excel", "password"})


@dataclass(frozen=True)
class FileRow:
    """One row of a file: its number as a spreadsheet shows it, and its cells as they are there."""

    number: int
    name: str
    shared: str = ""
    owner: str = ""
    content: str = ""


def exported_snippets(user: User) -> QuerySet[Snippet]:
    """Return what a user's file holds: their own snippets; with the right to share, all that are shared."""
    wanted = Q(owner=user) | Q(is_shared=True) if user.may(SHARING) else Q(owner=user)
    return Snippet.objects.filter(wanted).select_related("owner").order_by("owner__username", "name", "pk")


def file_lines(snippets: Iterable[Snippet]) -> Iterator[str]:
    """Yield the file line by line."""
    rows = ((one.name, YES if one.is_shared else NO, one.owner.username, one.content) for one in snippets)
    return csv_lines(COLUMNS, rows)


def read_file(content: bytes, filename: str) -> tuple[FileRow, ...]:
    """Return the rows of an uploaded file. Raises UnreadableFile, before any work on what is too large."""
    if len(content) > MAX_SNIPPET_FILE_BYTES:
        message = _("The file is larger than %(most)s KB. Split it into several files.")
        params = {"most": number_format(MAX_SNIPPET_FILE_BYTES // 1024, force_grouping=True)}
        raise UnreadableFile(message, code="too_large", params=params)
    table = _read(content, filename).below_title(lambda header: set(map(heading, header)) >= REQUIRED)
    if len(table.rows) > MAX_SNIPPET_ROWS:
        raise unreadable("too_many_rows", most=number_format(MAX_SNIPPET_ROWS, force_grouping=True))
    places = _places(table.header)
    return tuple(_row(row.number, row.cells, places) for row in table.rows)


def _read(content: bytes, filename: str) -> Table:
    try:
        refuse_other_kinds(content, filename)
        if is_workbook(content):
            raise unreadable("not_a_table")
        return read_delimited(content)
    except UnreadableFile as error:
        if error.code in OTHER_KINDS:
            message = _("This is not a CSV file. Save the table as “CSV UTF-8” and upload that file.")
            raise UnreadableFile(message, code="not_a_table") from error
        if error.code == "no_rows":
            message = _(
                "The file has a single row, which has to name the columns. Add a row below for each snippet."
            )
            raise UnreadableFile(message, code="no_rows") from error
        raise


def _places(header: Sequence[str]) -> dict[str, int]:
    """Return where each column is. Raises UnreadableFile for one that is missing, unknown or there twice."""
    names = [heading(name) for name in header]
    expected = ", ".join(COLUMNS)
    if not set(names) & set(COLUMNS):
        message = _("The first row has to name the columns: %(columns)s. It holds: %(seen)s")
        params = {"columns": expected, "seen": Truncator(", ".join(header)).chars(120)}
        raise UnreadableFile(message, code="no_header", params=params)
    for name, shown in zip(names, header, strict=True):
        if name not in COLUMNS:
            message = _("The column “%(name)s” is not known. The columns are: %(columns)s.")
            params = {"name": shown[:60], "columns": expected}
            raise UnreadableFile(message, code="unknown_column", params=params)
        if names.count(name) > 1:
            message = _("The column “%(name)s” occurs twice.")
            raise UnreadableFile(message, code="column_twice", params={"name": name})
    if missing := sorted(REQUIRED - set(names)):
        message = _("The column “%(name)s” is missing. The columns are: %(columns)s.")
        params = {"name": missing[0], "columns": expected}
        raise UnreadableFile(message, code="no_column", params=params)
    return {name: place for place, name in enumerate(names)}


def _row(number: int, cells: Sequence[str], places: dict[str, int]) -> FileRow:
    texts = {name: armed_inside(cells[place]) for name, place in places.items() if place < len(cells)}
    return FileRow(number, **{"name": "", **texts})
