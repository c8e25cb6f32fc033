"""Values that two users changed, with their choice: in a ticket's form, or in an uploaded export."""

from collections import Counter
from dataclasses import dataclass

from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from ticketadmin.forms.bulk_file import COLUMN_PREFIX, TICKET_PREFIX
from ticketadmin.forms.tickets import RESOLVE_PREFIX, TicketForm
from ticketadmin.models import BulkItem, BulkUpdate
from ticketadmin.presenters.changes import readable
from ticketadmin.presenters.content import display_content
from ticketadmin.services.bulk.file_base import FileConflict, conflicting_items, file_conflicts
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.saving.merge import FieldConflict
from ticketadmin.services.values.diffs import Piece, common_length, word_diff
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.schema import TicketSchema


@dataclass(frozen=True)
class PresentedConflict:
    """One choice to make. The pieces lead from the original to either version; HTML is for content only."""

    field: BoundField
    resolve_name: str
    chosen: str
    original: str
    theirs_pieces: tuple[Piece, ...]
    mine_pieces: tuple[Piece, ...]
    theirs_html: SafeString | None = None
    mine_html: SafeString | None = None

    @property
    def was_empty(self) -> bool:
        """Return whether the field was empty when the form was opened."""
        return not self.original

    @property
    def chooses_edit(self) -> bool:
        """Return whether neither version was chosen, but something else typed."""
        return self.chosen == "edit"


def present_conflict(form: TicketForm, conflict: FieldConflict) -> PresentedConflict:
    """Return a choice that the form's base still asks for."""
    field = form.schema.field(conflict.name)
    is_html = field.kind is Kind.HTML
    original = _source(field, conflict.original)
    resolve_name = RESOLVE_PREFIX + conflict.name
    return PresentedConflict(
        field=form[conflict.name],
        resolve_name=resolve_name,
        chosen=form.data.get(resolve_name, ""),
        original=readable(field, conflict.original),
        theirs_pieces=word_diff(original, _source(field, conflict.theirs)),
        mine_pieces=word_diff(original, _source(field, conflict.mine)),
        theirs_html=display_content(str(conflict.theirs or "")).html if is_html else None,
        mine_html=display_content(str(conflict.mine or "")).html if is_html else None,
    )


def _source(field: Field, value: Value) -> str:
    return str(value or "") if field.kind is Kind.HTML else readable(field, value)


MAX_CONFLICTS_SHOWN = 50  # tickets; once these are decided, the next are shown
MAX_CONFLICTS_COUNTED = 1_000  # tickets whose conflicts are worked out; with more, columns show no number
MAX_VALUE_FROM_START = 160  # characters; longer values are shown from a little before their difference
SHOWN_BEFORE = 40  # characters before that difference
MAX_VALUE_SHOWN = 500  # characters of a value


@dataclass(frozen=True)
class PresentedFileConflict:
    """One field of a ticket: what the file was exported with, what the CRM has now, what the file has now."""

    label: str | Promise
    had: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class ConflictingTicket:
    """A ticket with conflicts, and the name of its choice in the form."""

    code: str
    name: str
    fields: tuple[PresentedFileConflict, ...]


@dataclass(frozen=True)
class ConflictingColumn:
    """A column with conflicts, their number (None: too many to count), and its choice's name in the form."""

    label: str | Promise
    name: str
    tickets: int | None


@dataclass(frozen=True)
class PresentedFileConflicts:
    """The conflicts of a dry run by column, the first tickets one by one, and how many tickets there are."""

    tickets: tuple[ConflictingTicket, ...]
    columns: tuple[ConflictingColumn, ...]
    total: int

    @property
    def further(self) -> int:
        """Return how many tickets are not shown one by one."""
        return self.total - len(self.tickets)


def present_file_conflicts(bulk: BulkUpdate, schema: TicketSchema) -> PresentedFileConflicts | None:
    """Return the choices that a finished dry run still needs; None if it needs none.

    The first MAX_CONFLICTS_COUNTED tickets are looked at. A column with conflicts only in later ones is
    offered once the first are decided.
    """
    counts: Counter[str] = Counter()
    tickets: list[ConflictingTicket] = []
    items = conflicting_items(bulk)
    seen = 0
    for item in items[:MAX_CONFLICTS_COUNTED].iterator(chunk_size=ROWS_AT_ONCE):
        found = file_conflicts(item, bulk.wishes, schema)
        counts.update(one.name for one in found)
        seen += 1
        if len(tickets) < MAX_CONFLICTS_SHOWN:
            tickets.append(_present_ticket(item, found, schema))
    if not seen:
        return None
    total = items.count() if seen == MAX_CONFLICTS_COUNTED else seen
    columns = tuple(
        ConflictingColumn(schema.field(name).label, COLUMN_PREFIX + name, number if total == seen else None)
        for name, number in counts.items()
    )
    return PresentedFileConflicts(tuple(tickets), columns, total)


def _present_ticket(item: BulkItem, found: list[FileConflict], schema: TicketSchema) -> ConflictingTicket:
    fields = tuple(
        PresentedFileConflict(
            field.label,
            *_at_difference([readable(field, value) for value in (one.had, one.theirs, one.mine)]),
        )
        for one, field in ((one, schema.field(one.name)) for one in found)
    )
    return ConflictingTicket(item.ticket_code, f"{TICKET_PREFIX}{item.pk}", fields)


def _at_difference(values: list[str]) -> list[str]:
    """Return values from a little before their first difference, because a page shows beginnings only."""
    start = common_length(*values) - SHOWN_BEFORE
    if start <= 0 or max(map(len, values)) <= MAX_VALUE_FROM_START:
        return [value[:MAX_VALUE_SHOWN] for value in values]
    return ["…" + value[start : start + MAX_VALUE_SHOWN] for value in values]
