"""The values that a file is read into, its limits, and the error that says why it cannot be used."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

MEBIBYTE = 1024 * 1024
MAX_FILE = 10 * MEBIBYTE
MAX_TABLE_ROWS = 10_000
MAX_COLUMNS = 200
FIRST_ROWS = 10  # filled ones, in which the column names are looked for
_LOWEST_ROW = 1_048_576  # a spreadsheet has no more


class UnreadableFile(ValidationError):
    """The file cannot be used as it is; nothing was taken from it. Its codes are those of `_SENTENCES`."""


_SENTENCES = {
    "empty": _("The file is empty."),
    "no_rows": _(
        "The file has a single row, which has to name the columns. Add a row below for each ticket."
    ),
    "too_large": _("The file has %(size)s MB; at most %(most)d MB are possible."),
    "too_many_rows": _("The file has more than %(most)s rows. Split it into several files."),
    "too_many_columns": _("Row %(row)s has more than %(most)s columns. Remove those that are not needed."),
    "long_cell": _("Row %(row)s holds a cell that is too long, or a quotation mark that is never closed."),
    "quotes": _(
        "The quotation marks in row %(row)s do not match. Inside a quoted cell each is written twice."
    ),
    "encoding": _("The characters of this file cannot be read. Save it as “CSV UTF-8” and upload it again."),
    "web_page": _("This is a web page, not a spreadsheet. Open it, save it as .xlsx, and upload that file."),
    "not_a_table": _("This is not a table. Upload a .csv or .xlsx file."),
    "password": _("The file is protected by a password. Save it without one and upload it again."),
    "old_excel": _("This is the old Excel format. Save the file as .xlsx or .csv and upload it again."),
    "binary_excel": _("This is a binary Excel file. Save it as .xlsx and upload that file."),
    "other_spreadsheet": _(
        "This is not an Excel file. Save or export the table as .xlsx or .csv and upload that file."
    ),
    "damaged": _("The file is damaged. Open it in your spreadsheet program, save it again, and try again."),
    "too_much_inside": _(
        "The file unpacks into far more than a table of tickets needs. Copy its cells into a new file and "
        "upload that."
    ),
    "busy": _("Other files are being read at the moment. Nothing was changed. Upload this one again."),
    "unavailable": _(
        "Excel files cannot be read on this server at the moment. Nothing was changed. Save the table as "
        "“CSV UTF-8” and upload that file, or tell an administrator."
    ),
    "not_markable": _(
        "Errors cannot be written into this workbook. Save it as “CSV UTF-8”, upload that file, and "
        "download it with its errors."
    ),
}


def unreadable(code: str, **params: object) -> UnreadableFile:
    """Return the error with the sentence of a code; `params` are what the sentence names."""
    return UnreadableFile(_SENTENCES[code], code=code, params=params)


class SheetWithoutRows(UnreadableFile):
    """A sheet of a workbook is empty or holds one row only, a title or column names.

    `other_sheets` are the further visible sheets that hold values.
    """

    def __init__(self, reason: UnreadableFile, other_sheets: Sequence[str]) -> None:
        super().__init__(reason.messages[0], code=reason.code)
        self.other_sheets = tuple(other_sheets)


@dataclass(frozen=True)
class TableRow:
    """One row. `number` is the one that the spreadsheet shows; cells after the last filled one are absent."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class CellProblem:
    """A cell whose value cannot be used; `column` counts from 0."""

    row: int
    column: int
    message: str


@dataclass(frozen=True)
class Table:
    """A file's table: its first filled row as the header, then every other filled row.

    `encoding` and `separator` tell how a CSV file was read, `sheet` which sheet of a workbook. Rows
    hidden by a filter are rows like others; `hidden` has their numbers, so that a page can say so.
    `repeated` are the places (row as shown, column from 0) of cells that repeat the value of the cell above
    with which they are merged.
    `three_decimals` are the places (row as shown, column from 0) of cells that a workbook stores as a number
    with three decimals: as a text, 1.255 could also mean 1255. `other_sheets` are further visible sheets of
    a workbook, which are not read; `day_zero` is the day that its serial numbers count from.
    `record` are the rows of the sheet on which an export says what it holds (`records`).
    `title_lines` is how many filled rows are above the header, `header_row` the number of its row, as shown.
    """

    header: tuple[str, ...]
    rows: tuple[TableRow, ...]
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    problems: tuple[CellProblem, ...] = ()
    hidden: frozenset[int] = frozenset()
    repeated: frozenset[tuple[int, int]] = frozenset()
    three_decimals: frozenset[tuple[int, int]] = frozenset()
    other_sheets: tuple[str, ...] = ()
    day_zero: date | None = None
    header_row: int = 1
    title_lines: int = 0
    record: tuple[tuple[str, ...], ...] = ()

    def below_title(self, is_header: Callable[[tuple[str, ...]], bool]) -> "Table":
        """Return the table whose header is the first of its first rows for which `is_header` is true.

        Where the present header fits, or no row does, that is this table. Raises UnreadableFile if nothing
        is below the header.
        """
        if is_header(self.header):
            return self
        for above, row in enumerate(self.rows[: FIRST_ROWS - 1], start=1):
            if is_header(header := as_header(row.cells)):
                rows = self.rows[above:]
                if not rows:
                    raise unreadable("no_rows")
                return replace(self, header=header, rows=rows, header_row=row.number, title_lines=above)
        return self


def as_header(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the cells of a row as column names: white space inside is single spaces."""
    return tuple(" ".join(cell.split()) for cell in cells)


def filled_rows(
    rows: Iterable[tuple[int, Sequence[str]]],
) -> tuple[int, tuple[str, ...], tuple[TableRow, ...]]:
    """Return the header's row number, the header and the rows below it, empty ones left out.

    Raises UnreadableFile over a limit.
    """
    header: tuple[str, ...] | None = None
    header_row = 0
    found: list[TableRow] = []
    for number, texts in rows:
        cells = _without_empty_end(texts)
        if number > _LOWEST_ROW or (cells and len(found) == MAX_TABLE_ROWS):
            raise unreadable("too_many_rows", most=number_format(MAX_TABLE_ROWS, force_grouping=True))
        if len(cells) > MAX_COLUMNS:
            raise unreadable("too_many_columns", row=number, most=MAX_COLUMNS)
        if cells and header is None:
            header_row, header = number, as_header(cells)
        elif cells:
            found.append(TableRow(number, cells))
    if header is None:
        raise unreadable("empty")
    if not found:
        raise unreadable("no_rows")
    return header_row, header, tuple(found)


def _without_empty_end(texts: Sequence[str]) -> tuple[str, ...]:
    end = len(texts)
    while end and not texts[end - 1].strip():
        end -= 1
    return tuple(texts[:end])
