"""Which column of an uploaded table is which field.

A column is named by the API's name (`ticket_title`, `custom_fields.so_serial`), by the field's label in
either language, or by a custom field's bare key; case and diacritics are optional, and the more exact
match wins. An unknown column is an error, never silently left out.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from openpyxl.utils import get_column_letter

from ticketadmin.services.bulk.codes import is_code_heading
from ticketadmin.services.bulk.exports import in_every_language
from ticketadmin.services.spreadsheets.table import FIRST_ROWS, Table, as_header, unreadable
from ticketadmin.services.values.fields import STATUS, TITLE, Field
from ticketadmin.text import folded, heading, visible

CODE_COLUMN = "ticket_code"
MAX_SEEN = 40  # characters of a cell that a message quotes
MAX_CELLS_SEEN = 4
_UNKNOWN = frozenset({"unknown_column", "unnamed_column"})


@dataclass(frozen=True)
class FileColumn:
    """One column. `name` is its heading as the file has it; `field` None: it holds the ticket codes."""

    index: int
    name: str
    field: Field | None

    @property
    def meaning(self) -> str:
        """The API's name of what it holds."""
        return self.field.name if self.field else CODE_COLUMN


class InvalidColumns(ValidationError):
    """The columns cannot be used: one message for each unknown, duplicated, unnamed or missing column."""


def read_columns(
    table: Table,
    fields: Mapping[str, Field],
    *,
    recorded_field_of: Callable[[str], str | None] = lambda _name: None,
    skips_unknown: bool = False,
) -> tuple[FileColumn, ...]:
    """Return what each column of the table means, in the file's order. Raises InvalidColumns.

    `recorded_field_of` returns, for a heading, the field that the file's own record names: "" for a column
    that is not read, None if the record does not say. With `skips_unknown`, a column that names no field is
    left out instead of being an error.
    """
    names = _Names(fields)
    columns: list[FileColumn] = []
    errors: list[ValidationError] = []
    for index, name in enumerate(table.header):
        try:
            known = "" if is_errors_heading(name) else recorded_field_of(name)
            if known != "" and (name.strip() or _has_values(table, index)):
                field = fields.get(known or "") or names.field_of(index, name)
                columns.append(FileColumn(index, name, field))
        except ValidationError as error:
            if not (skips_unknown and error.code in _UNKNOWN):
                errors.append(error)
    if not columns and not skips_unknown and errors and all(map(_is_no_name, errors)):
        raise InvalidColumns(_no_header(table, fields))
    errors += [*_doubled(columns), *_missing_code(columns)]
    if errors:
        raise InvalidColumns(errors)
    return tuple(columns)


def is_header(cells: tuple[str, ...]) -> bool:
    """Return whether a row names the column of the codes and at least one other; a title names no other."""
    names = [name for name in cells if name.strip()]
    return len(names) > 1 and any(is_code_heading(name) for name in names)


def has_header(table: Table) -> bool:
    """Return whether one of a table's first rows names the column of the codes."""
    first = (as_header(row.cells) for row in table.rows[: FIRST_ROWS - 1])
    return any(map(is_code_heading, table.header)) or any(map(is_header, first))


def errors_heading() -> str:
    """Return the heading of the column of errors in a returned file."""
    return _("ticketadmin: errors")


def is_errors_heading(name: str) -> bool:
    """Return whether this is the heading of the column of errors, in any language; it is not read."""
    return heading(name) in _errors_headings()


def without_errors(table: Table) -> Table:
    """Return the table without rows in which a user emptied everything but the error."""
    places = {at for at, name in enumerate(table.header) if is_errors_heading(name)}
    if not places:
        return table
    rows = (
        row
        for row in table.rows
        if any(cell.strip() for at, cell in enumerate(row.cells) if at not in places)
    )
    kept = tuple(rows)
    if not kept:
        raise unreadable("no_rows")
    return replace(table, rows=kept)


@cache
def _errors_headings() -> frozenset[str]:
    return in_every_language(lambda: [heading(errors_heading())])


def labels(field: Field) -> frozenset[str]:
    """Return the field's label in every language of the product."""
    return in_every_language(lambda: [str(field.label)])


def letter(index: int) -> str:
    """Return the letter of a column in a spreadsheet, counted from 0: A, B, …, AA."""
    return get_column_letter(index + 1)


class _Names:
    """Every name that a column may have, from the most exact to the least."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        exact, spelled, plain = dict[str, set[str]](), dict[str, set[str]](), dict[str, set[str]]()
        for name, field in fields.items():
            _add(exact, [heading(name)], name)
            _add(spelled, [folded(label) for label in labels(field)], name)
            _add(plain, [heading(label) for label in labels(field)], name)
            _add(plain, [heading(field.key)] if field.key else [], name)
        self.tiers = (exact, spelled, plain)

    def field_of(self, index: int, name: str) -> Field | None:
        """Return the field that a heading names, or None for the codes. Raises ValidationError."""
        if not name.strip():
            message = _("Column %(letter)s holds values but has no name in the first row.")
            raise ValidationError(message, code="unnamed_column", params={"letter": letter(index)})
        if is_code_heading(name):
            return None
        spelled, plain = folded(visible(name).strip(" *:")), heading(name)
        for tier, key in zip(self.tiers, (plain, spelled, plain), strict=True):
            if found := tier.get(key):
                return self._only(name, found)
        raise self._unknown(name, plain)

    def _only(self, name: str, found: set[str]) -> Field:
        if len(found) == 1:
            return self.fields[next(iter(found))]
        message = _("Column “%(name)s” could mean several fields. Name it %(names)s.")
        either = " / ".join(sorted(found))
        raise ValidationError(message, code="ambiguous_column", params={"name": name, "names": either})

    def _unknown(self, name: str, plain: str) -> ValidationError:
        known = {key: names for tier in self.tiers for key, names in tier.items()}
        near = difflib.get_close_matches(plain, list(known), n=1, cutoff=0.7)
        if near:
            label = str(self.fields[min(known[near[0]])].label)
            message = _("Column “%(name)s” is not a field. Did you mean “%(near)s”?")
            return ValidationError(message, code="unknown_column", params={"name": name, "near": label})
        message = _("Column “%(name)s” is not a field. Rename it as in the template, or remove it.")
        return ValidationError(message, code="unknown_column", params={"name": name})


def _add(tier: dict[str, set[str]], keys: Iterable[str], name: str) -> None:
    for key in keys:
        tier.setdefault(key, set()).add(name)


def _has_values(table: Table, index: int) -> bool:
    return any(len(row.cells) > index and row.cells[index].strip() for row in table.rows)


def _doubled(columns: list[FileColumn]) -> Iterator[ValidationError]:
    times = Counter(column.meaning for column in columns)
    for meaning in [meaning for meaning, count in times.items() if count > 1]:
        names = ", ".join(
            f"{letter(column.index)} “{column.name}”" for column in columns if column.meaning == meaning
        )
        message = _("These columns name the same thing: %(names)s. Keep one of them.")
        yield ValidationError(message, code="doubled_column", params={"names": names})


def _is_no_name(error: ValidationError) -> bool:
    """Return whether a cell of the first row resembles no column's name at all."""
    return error.code in _UNKNOWN and "near" not in (error.params or {})


def _no_header(table: Table, fields: Mapping[str, Field]) -> ValidationError:
    """Return the error of a table whose first row names no column: it may hold values already."""
    seen = [f"“{Truncator(name).chars(MAX_SEEN)}”" for name in table.header if name.strip()]
    named = [CODE_COLUMN, *(str(field.label) for name, field in fields.items() if name in (TITLE, STATUS))]
    message = _(
        "The first row has to name the columns, and holds no name that is known here: %(seen)s. "
        "Write a row of names above it, such as: %(example)s. Codes alone can be pasted as ticket codes."
    )
    shown = ", ".join(seen[:MAX_CELLS_SEEN]) + (", …" if len(seen) > MAX_CELLS_SEEN else "")
    params = {"seen": shown, "example": ", ".join(named)}
    return ValidationError(message, code="no_header", params=params)


def _missing_code(columns: list[FileColumn]) -> Iterator[ValidationError]:
    if not any(column.field is None for column in columns):
        message = _("No column holds the ticket codes. Name it “%(name)s”.")
        yield ValidationError(message, code="no_code_column", params={"name": CODE_COLUMN})
