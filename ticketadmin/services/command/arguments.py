"""What the arguments and the standard input of the command mean: tickets, and the changes for them.

Names of fields and values are read as in an uploaded file (`services/bulk`), so that the command, a file and
the form send the same. All problems are found in one pass; the CRM is not called here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ticketadmin.services.bulk.codes import is_code_heading, read_codes
from ticketadmin.services.bulk.columns import CODE_COLUMN
from ticketadmin.services.bulk.recipes import BulkRecipe
from ticketadmin.services.bulk.rows import BulkTable, plan_rows
from ticketadmin.services.bulk.runs import MAX_TICKETS, Chosen, as_known
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.sent_along import OTHER_CUSTOM, read_accepted
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.spreadsheets.delimited import decode
from ticketadmin.services.spreadsheets.table import MAX_FILE, Table, TableRow
from ticketadmin.services.values.fields import CUSTOM_PREFIX, STANDARD
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.client import CODE

_ANY_CODE = "X"  # the code in the one row that the assignments are read from


class WrongArguments(Exception):
    """The command cannot be carried out as it was given. `messages` name every problem; nothing was sent."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = tuple(messages)


@dataclass(frozen=True)
class Wanted:
    """What the command is to do: tickets, each perhaps with changes of its own, and the common changes."""

    tickets: tuple[Chosen, ...]
    edit: Edit
    base: Base | None = None  # of the one ticket, where it was read already
    recipe: BulkRecipe | None = None  # of a run whose dry run works out each ticket's values

    @property
    def is_single(self) -> bool:
        """Return whether it is one ticket: a save rather than a run."""
        return len(self.tickets) == 1

    @property
    def single_edit(self) -> Edit:
        """Return all changes of the only ticket: its own take precedence over the common ones."""
        own = self.tickets[0].edit
        return Edit({**self.edit.wishes, **(own.wishes if own else {})})


def read_arguments(
    words: Sequence[str],
    cleared: Sequence[str],
    given: bytes | None,
    schema: TicketSchema,
    *,
    may_be_empty: bool,
) -> Wanted:
    """Return what `CODE … field=value`, `--clear` and the standard input ask for. Raises WrongArguments.

    `given` is the standard input, None if the arguments name the tickets. With `may_be_empty` no change
    has to be named, because a recipe brings some.
    """
    codes = [word for word in words if "=" not in word]
    assigned = [(name, value) for name, sign, value in (word.partition("=") for word in words) if sign]
    edit = _common(assigned, cleared, schema)
    tickets = _named(codes) if given is None else _from_input(given, schema)
    if len(tickets) > MAX_TICKETS:
        message = _("These are %(count)s tickets; one bulk update takes at most %(most)s.")
        numbers = {"count": number_format(len(tickets)), "most": number_format(MAX_TICKETS)}
        raise WrongArguments([message % numbers])
    if not (may_be_empty or edit or any(one.edit for one in tickets)):
        raise WrongArguments([_("Name at least one change: FIELD=VALUE or --clear FIELD.")])
    return Wanted(as_known(tickets), edit)


def read_losses(names: Sequence[str]) -> frozenset[str]:
    """Return the fields that `--accept-losing` names. Raises WrongArguments for another name."""
    accepted = read_accepted(names)
    if wrong := [name for name in names if name not in accepted]:
        message = _("%(name)s is not a field for --accept-losing, which takes: %(names)s.")
        known = ", ".join([*(field.name for field in STANDARD), OTHER_CUSTOM, f"{CUSTOM_PREFIX}KEY"])
        raise WrongArguments([message % {"name": name[:80], "names": known} for name in wrong[:20]])
    return accepted


def _common(assigned: Sequence[tuple[str, str]], cleared: Sequence[str], schema: TicketSchema) -> Edit:
    names = [*(name for name, _value in assigned), *cleared]
    if not names:
        return Edit()
    messages = [
        _("%(name)s has no value. To empty the field, use --clear %(name)s.") % {"name": name}
        for name, value in assigned
        if not value.strip()
    ]
    cells = [*(value for _name, value in assigned), *("[clear]" for _name in cleared)]
    found = _read(Table((CODE_COLUMN, *names), (TableRow(1, (_ANY_CODE, *cells)),)), schema)
    messages += [f"{error.column}: {error.message}" for error in found.errors]
    if messages:
        raise WrongArguments(messages)
    return Edit(found.rows[0].values)


def _read(table: Table, schema: TicketSchema) -> BulkTable:
    try:
        return plan_rows(table, schema)
    except ValidationError as error:
        raise WrongArguments(error.messages) from error


def _named(codes: Sequence[str]) -> tuple[Chosen, ...]:
    _refuse_codes([code for code in codes if not CODE.fullmatch(code)])
    once: dict[str, str] = {}
    for code in codes:
        once.setdefault(code.casefold(), code)
    return tuple(Chosen(code) for code in once.values())


def _refuse_codes(wrong: Sequence[str]) -> None:
    if wrong:
        message = _("%(code)s is not a ticket code: 1 to 64 letters, digits, hyphens and underscores.")
        raise WrongArguments([message % {"code": code[:80]} for code in wrong])


def _from_input(given: bytes, schema: TicketSchema) -> tuple[Chosen, ...]:
    """Return the tickets of the standard input: a table where its first line names a column, else codes."""
    try:
        if len(given) > MAX_FILE:
            raise ValidationError(_("The standard input is larger than 10 MB."), code="too_large")
        return _from_table(given, schema) if _is_table(given) else _from_codes(given)
    except ValidationError as error:
        raise WrongArguments(error.messages) from error


def _is_table(given: bytes) -> bool:
    first = decode(given[:4_096].splitlines()[0])[0] if given.strip() else ""
    separator = next((one for one in (",", ";", "\t") if one in first), "")
    return bool(separator) and any(is_code_heading(name.strip(" \"'")) for name in first.split(separator))


def _from_table(given: bytes, schema: TicketSchema) -> tuple[Chosen, ...]:
    found = _read(read_table(given, "standard-input.csv"), schema)
    if found.errors:
        message = _("Row %(row)s, %(column)s: %(message)s")
        raise WrongArguments([message % vars(error) for error in found.errors])
    if found.misfit:
        message = _(
            "This is an exported list: every filled cell would be set. Upload its Excel file as a bulk "
            "update, or remove the column that says when it was read."
        )
        raise WrongArguments([message])
    return tuple(Chosen(row.code, Edit(row.values)) for row in found.rows)


def _from_codes(given: bytes) -> tuple[Chosen, ...]:
    found = read_codes(decode(given)[0])
    _refuse_codes(found.malformed[:20])
    if not found.codes:
        raise WrongArguments([_("No ticket code was found in it.")])
    return tuple(Chosen(code) for code in found.codes)
