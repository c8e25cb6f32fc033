"""XLSX files, read in a separate process (`ticketadmin.workbooks`), which this module starts and ends.

The attacker uploads a workbook that costs minutes or gigabytes, or that breaks the parser. The process that
serves pages holds the bytes of the file and the texts of its table, never the workbook. What reads it has no
secret in its environment, its own limits of memory and processor time, and `MAX_WORKBOOK_SECONDS` in all.
"""

import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext_lazy as _

from ticketadmin.services.spreadsheets.records import RECORD_SHEET
from ticketadmin.services.spreadsheets.table import (
    MAX_COLUMNS,
    MAX_TABLE_ROWS,
    MEBIBYTE,
    CellProblem,
    SheetWithoutRows,
    Table,
    UnreadableFile,
    filled_rows,
    unreadable,
)

logger = logging.getLogger(__name__)

MAX_WORKBOOK_SECONDS = 75
MAX_CPU_SECONDS = 40  # a million cells took 15 to 20 on a busy machine
MAX_MEMORY = 512 * MEBIBYTE  # a million cells took 125 MB
MAX_AT_ONCE = 2  # of one web process
_ROOT = Path(__file__).resolve().parents[3]
READER_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENPYXL_LXML": "False",  # the checks were made with the standard library's parser
}
_PROBLEMS = {  # of cells, as the process names them
    "without_result": _(
        "This formula was stored without its result. Open the file in your spreadsheet program and save it."
    ),
    "merged": _(
        "This cell is merged with another one and has no value of its own. Unmerge it and fill it in."
    ),
}
_places = threading.BoundedSemaphore(MAX_AT_ONCE)


def is_workbook(content: bytes) -> bool:
    """Return whether the file is an archive, as XLSX files are."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_workbook(content: bytes, sheet: str) -> Table:
    """Return the table on a sheet of an XLSX file; without a title, on the first visible one.

    Raises UnreadableFile: SheetWithoutRows where that sheet has none and others may.
    """
    answer = _answer(content, sheet)
    if refusal := answer.get("refused"):
        raise unreadable(refusal)
    try:
        number, header, rows = filled_rows(answer["rows"])
    except UnreadableFile as error:
        if error.code in {"empty", "no_rows"}:
            raise SheetWithoutRows(error, answer["other_sheets"]) from None
        raise
    problems = [
        CellProblem(row, column, str(sentence))
        for kind, sentence in _PROBLEMS.items()
        for row, column in answer[kind]
    ]
    return Table(
        header,
        rows,
        sheet=answer["sheet"],
        problems=tuple(problems),
        hidden=frozenset(answer["hidden"]),
        repeated=frozenset((row, column) for row, column in answer["repeated"]),
        three_decimals=frozenset((row, column) for row, column in answer["three_decimals"]),
        other_sheets=tuple(answer["other_sheets"]),
        day_zero=date.fromisoformat(answer["day_zero"]),
        header_row=number,
        record=tuple(map(tuple, answer["record"])),
    )


def _answer(content: bytes, sheet: str) -> dict[str, Any]:
    limits = map(str, (MAX_TABLE_ROWS, MAX_COLUMNS, MAX_MEMORY, MAX_CPU_SECONDS))
    status, output = run_process("ticketadmin.workbooks", [*limits, RECORD_SHEET, sheet], content)
    if status < 0:  # ended by a signal: the limit of processor time or of memory
        logger.warning("The process that reads workbooks was ended by signal %s.", -status)
        raise unreadable("too_much_inside")
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        logger.error("The process that reads workbooks failed with status %s.", status)
        raise unreadable("unavailable") from None
    return answer


def run_process(module: str, arguments: Sequence[str], given: bytes) -> tuple[int, bytes]:
    """Run a module on a workbook in a process of its own; return its exit status and its output.

    The module limits itself by its arguments. Raises UnreadableFile if it does not end in time.
    """
    if not _places.acquire(timeout=MAX_WORKBOOK_SECONDS):
        raise unreadable("busy")
    try:
        with tempfile.TemporaryFile() as output:
            status = start_module([module, *arguments], given, output)
            output.seek(0)
            return status, output.read()
    except subprocess.TimeoutExpired:
        raise unreadable("too_much_inside") from None
    except OSError as error:
        logger.error("The process that reads workbooks cannot be started: %s", type(error).__name__)
        raise unreadable("unavailable") from error
    finally:
        _places.release()


def start_module(arguments: Sequence[str], given: bytes, output: IO[bytes]) -> int:
    """Run a module in a new interpreter, with `given` as its input, and return its exit status.

    Raises subprocess.TimeoutExpired, OSError. Most tests fork a process instead (`tests/forking.py`).
    """
    done = subprocess.run(  # noqa: S603 - nothing of the file is on its command line
        [sys.executable, "-s", "-m", *arguments],
        input=given,
        stdout=output,
        stderr=subprocess.DEVNULL,
        env=READER_ENVIRONMENT,
        cwd="/",
        timeout=MAX_WORKBOOK_SECONDS,
        check=False,
    )
    return done.returncode
