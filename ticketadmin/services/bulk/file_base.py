"""The values of an uploaded export as a comparison base, and the user's choices in conflicts with the CRM.

An item's `file_base` holds texts, by field: what the index knew when the file was exported. A fresh value is
the same where it means the same, or where the index would spell it as that text. `file_choices` holds
`{"take": "mine", "seen": value}` or `{"take": "theirs"}` for fields whose conflict was decided; a value that
changes again after that is a new conflict.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from ticketadmin.models import BulkItem, BulkUpdate, ItemReason, Plan
from ticketadmin.services.index.texts import index_text
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema

MINE, THEIRS = "mine", "theirs"
EMPTIED = "emptied"  # marks the wish of an emptied cell, as opposed to a cell that says [clear]


@dataclass(frozen=True)
class FileConflict:
    """A field that the file changes and the CRM changed since: what the file had, and both values now."""

    name: str
    had: str
    theirs: Value
    mine: Value


def bases_in_file(item: BulkItem, known: Mapping[str, Value], schema: TicketSchema) -> dict[str, Value]:
    """Return the base that an uploaded export brings for a merge with `known`, the ticket as it is now.

    A field that still has the value of the file gets its current value as its base, so that neither its
    JSON type nor its spelling looks like a change.
    """
    choices = item.file_choices or {}
    bases: dict[str, Value] = {}
    for name, had in (item.file_base or {}).items():
        if name in known:
            choice = choices.get(name, {})
            bases[name] = choice["seen"] if "seen" in choice else known[name]
            if "seen" not in choice and not _is_as_exported(name, had, known[name], schema):
                bases[name] = had
    return bases


def conflicting_items(bulk: BulkUpdate) -> QuerySet[BulkItem]:
    """Return the tickets of a dry run whose values both the file and the CRM changed since the export."""
    return bulk.items.filter(plan=Plan.CANNOT, reason=ItemReason.CHANGED_SINCE_EXPORT).order_by("position")


def file_conflicts(item: BulkItem, common: Mapping[str, Any], schema: TicketSchema) -> list[FileConflict]:
    """Return what the user has to choose for an item, as its dry run found it."""
    if item.reason != ItemReason.CHANGED_SINCE_EXPORT or not item.file_base:
        return []
    edit, known = Edit.from_json(item.all_wishes(dict(common))), item.base or {}
    bases = bases_in_file(item, known, schema)
    found = []
    for name in edit.wishes:
        if name in bases and not schema.same(name, bases[name], known[name]):
            mine = edit.value_of(schema.field(name), known[name])
            if not schema.identical(name, mine, known[name]):
                found.append(FileConflict(name, item.file_base[name], known[name], mine))
    return found


def choices_for(wanted: Iterable[tuple[FileConflict, str]]) -> dict[str, dict[str, Value]]:
    """Return the choices of MINE or THEIRS as an item keeps them: MINE with the CRM's value as shown."""
    return {
        one.name: {"take": take, "seen": one.theirs} if take == MINE else {"take": THEIRS}
        for one, take in wanted
        if take
    }


def clear_emptied(bulk: BulkUpdate, names: Collection[str]) -> None:
    """Let the emptied cells of these fields clear their values in the CRM, and those of no other fields."""
    batch: list[BulkItem] = []
    found = bulk.items.filter(file_base__isnull=False).only("pk", "wishes", "file_base")
    for item in found.iterator(chunk_size=ROWS_AT_ONCE):
        wishes = item.wishes or {}
        others = {name: wish for name, wish in wishes.items() if EMPTIED not in wish}
        emptied = [name for name in names if name in (item.file_base or {}) and name not in others]
        wanted = {**others, **{name: {"clear": True, EMPTIED: True} for name in emptied}}
        if wanted != wishes:
            item.wishes = wanted or None
            batch.append(item)
    BulkItem.objects.bulk_update(batch, ["wishes"], batch_size=ROWS_AT_ONCE)


def _is_as_exported(name: str, had: str, now: Value, schema: TicketSchema) -> bool:
    return schema.same(name, had, now) or schema.same(name, had, index_text(now))
