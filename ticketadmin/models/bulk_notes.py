"""What the JSON of `BulkUpdate.notes` holds: how its tickets were chosen, and what was left out."""

from enum import StrEnum
from typing import Any, TypedDict


class Surprise(StrEnum):
    """What a user has to agree to before a file is used: keys of `FileReading`, in the page's order."""

    MISFIT = "misfit"
    PASSED_OVER = "passed_over"
    HIDDEN = "hidden"
    MERGED = "merged"
    OTHER_SHEETS = "other_sheets"


class FileReading(TypedDict, total=False):
    """How an uploaded file was read. `presenters/bulk_changes.py` puts it into words."""

    misfit: str | None  # a `RecordProblem`: why an exported list cannot be compared
    passed_over: list[str]  # headings of columns that were not read
    differences: dict[str, Any] | None  # `Differences` of an exported list, its day in ISO format
    encoding: str
    separator: str
    sheet: str  # "" of a CSV file
    rows: int
    header_row: int
    title_lines: int  # above the header
    last_row: int
    merged: int  # rows that repeat the value of a merged cell
    hidden: int  # rows that the spreadsheet hides
    other_sheets: list[str]


def surprises_in(reading: FileReading) -> tuple[Surprise, ...]:
    """Return what a file holds that a user has to agree to."""
    return tuple(one for one in Surprise if reading.get(one))


class BulkNotes(TypedDict, total=False):
    """Any key may be missing: each way of choosing has its own, and earlier versions had fewer."""

    # Pasted codes: `forms/bulk_choosing.py`. The lists hold the first ones, the counts are of all.
    repeated: list[str]
    repeated_count: int
    malformed: list[str]
    malformed_count: int

    # An uploaded file: `services/bulk/files.py`. Errors and warnings are `RowError`s, again the first
    # ones, with `messages` by language.
    file: str
    columns: list[str]  # the fields that the file changes itself
    errors: list[dict[str, Any]]
    error_rows: int
    warnings: list[dict[str, Any]]
    warning_count: int
    read_as: list[dict[str, Any]]  # `ReadAs`
    questions: list[dict[str, Any]]  # `ColumnQuestion`, with the user's answer
    decided: list[dict[str, Any]]  # `Decided`
    reading: FileReading

    recipe: dict[str, Any] | None  # `services/bulk/recipes.py`
    erased: int  # tickets whose data was removed: `services/erasing/erase.py`
