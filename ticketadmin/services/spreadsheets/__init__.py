"""Tables that people upload: CSV in the ways spreadsheets write it, and XLSX.

A file becomes a `Table` of texts as the spreadsheet shows them, or an `UnreadableFile` that says what
to do. What the columns mean is not known here: see `bulk.rows`.

    table       the values, the limits and the errors
    kinds       what a file is, by its first bytes, whatever its name says
    delimited   bytes to text to cells
    records     what an exported workbook says of itself
    writing     XLSX, for exports
    workbooks   XLSX, read by a process of its own: ticketadmin.workbooks
"""

from ticketadmin.services.spreadsheets.delimited import read_delimited
from ticketadmin.services.spreadsheets.kinds import refuse_other_kinds
from ticketadmin.services.spreadsheets.table import (
    MAX_COLUMNS,
    MAX_FILE,
    MAX_ROWS,
    CellProblem,
    SheetWithoutRows,
    Table,
    TableRow,
    UnreadableFile,
)
from ticketadmin.services.spreadsheets.workbooks import is_workbook, read_workbook


def read_table(content: bytes, filename: str, sheet: str = "") -> Table:
    """Return the table in an uploaded CSV or XLSX file; its first bytes count, not its name.

    Of a workbook that is the sheet with this title, without one the first visible sheet.

    Raises UnreadableFile with a code and a message for the person, and nothing else.
    """
    refuse_other_kinds(content, filename)
    return read_workbook(content, sheet) if is_workbook(content) else read_delimited(content)
