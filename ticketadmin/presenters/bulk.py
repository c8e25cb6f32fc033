"""Bulk updates as templates show them: the sentence of a run, its counts, its tickets with their reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile

from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkUpdate,
    ItemOutcome,
    ItemReason,
    ItemState,
    Plan,
    Tone,
)
from ticketadmin.presenters.changes import ValueRow, describe_outcome, present_edit, readable
from ticketadmin.presenters.damage import DamagedField, damaged_fields
from ticketadmin.presenters.outcomes import NOT_ALL_READ, PARTLY_CHANGED, Text, meaning_of, why_left_out
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.paging import PageLinks, Tab
from ticketadmin.presenters.sent_along import would_be_lost
from ticketadmin.presenters.unmet import describe_all
from ticketadmin.services.bulk.progress import (
    ItemPage,
    Progress,
    progress_of,
)
from ticketadmin.services.recipes.stops import describe_kept
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.readback import applied_fields
from ticketadmin.services.saving.sent_along import names_sent_along
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.schema import TicketSchema, load_schema

SHOWN_TEXT = 80  # characters of a value in a ticket's row
CONTEXT = 20  # characters of a long text in front of its change


@dataclass(frozen=True)
class Tile:
    """One count with the filter that it leads to; `x` and `width` place it in the bar, in hundredths."""

    key: str
    label: Text
    count: int
    tone: str
    x: str
    width: str

    @property
    def meaning(self) -> Text:
        """What the word says of a ticket."""
        return meaning_of(self.key)


@dataclass(frozen=True)
class PresentedItem:
    """One ticket of a run: what is or was to be sent, and how it ended."""

    item: BulkItem
    rows: tuple[ValueRow, ...]
    label: Text
    tone: Tone
    why: Text = ""
    damage: tuple[DamagedField, ...] = ()
    sent_along: tuple[Text, ...] = ()  # labels of what goes, or went, along unchanged

    @property
    def crm_says(self) -> str:
        """What the CRM said of it."""
        return self.item.message


@dataclass(frozen=True)
class PresentedRun:
    """One bulk update in the list of runs."""

    bulk: BulkUpdate
    tiles: tuple[Tile, ...]
    title: str


@page("bulk/list.html")
class BulkListPage(Page):
    """The bulk updates of all users, or of one."""

    runs: list[PresentedRun]
    is_mine: bool
    tabs: list[Tab]
    pages: PageLinks


def present_run(bulk: BulkUpdate) -> PresentedRun:
    """Return one row of the list of runs."""
    progress = progress_of(bulk)
    return PresentedRun(bulk, tiles_of(bulk, progress), title_of(bulk, progress.total))


def title_of(bulk: BulkUpdate, total: int) -> str:
    """Return the name of a bulk update: what is done to how many tickets."""
    names = {
        BulkKind.UPDATE: ngettext("Update of %(n)s ticket", "Update of %(n)s tickets", total),
        BulkKind.RETRY: ngettext("Retry of %(n)s ticket", "Retry of %(n)s tickets", total),
        BulkKind.SETTLE: ngettext("Check of %(n)s unknown result", "Check of %(n)s unknown results", total),
        BulkKind.UNDO: ngettext("Undo for %(n)s ticket", "Undo for %(n)s tickets", total),
        BulkKind.RESTORE: ngettext("Restoring of %(n)s ticket", "Restoring of %(n)s tickets", total),
    }
    return names[BulkKind(bulk.kind)] % {"n": total}


def tiles_of(bulk: BulkUpdate, progress: Progress) -> tuple[Tile, ...]:
    """Return the counts by outcome, or by plan before it was confirmed, each that is not zero."""
    counts = progress.outcomes if bulk.was_confirmed else progress.plans
    keys: Iterable[ItemOutcome | Plan] = ItemOutcome if bulk.was_confirmed else Plan
    tiles: list[Tile] = []
    before = 0.0
    for key in (key for key in keys if counts.get(key)):
        share = 100 * counts[key] / progress.total
        tiles.append(Tile(key, key.label, counts[key], key.tone, f"{before:.3f}", f"{share:.3f}"))
        before += share
    return tuple(tiles)


def common_changes(bulk: BulkUpdate) -> tuple[ValueRow, ...]:
    """Return the changes that all tickets of a bulk update get."""
    edit = Edit.from_json(bulk.wishes)
    return present_edit(edit, {}, load_schema())


def present_items(bulk: BulkUpdate, page: ItemPage) -> list[PresentedItem]:
    """Return the tickets of one page, with one look-up of the field labels for all."""
    schema = load_schema()
    return [_present(bulk, item, schema) for item in page.items]


def _present(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema) -> PresentedItem:
    edit = Edit.from_json(item.all_wishes(bulk.wishes))
    before = (item.change.before if item.change else item.base) or {}
    label, tone = label_of(bulk, item)
    rows = tuple(
        _where_it_changes(_with_result(row, item, schema)) for row in present_edit(edit, before, schema)
    )
    damage, along = damaged_fields(item, schema), _sent_along(item, schema)
    return PresentedItem(item, rows, label, tone, why_so(item, schema), damage, along)


def _sent_along(item: BulkItem, schema: TicketSchema) -> tuple[Text, ...]:
    """Return the labels of the fields that went along unchanged, or will by the result of the dry run."""
    if item.change:
        names = names_sent_along(item.change)
    else:
        found = item.sent_along or [] if item.plan == Plan.SEND else []
        names = [name for name in found if name != sign_field()]  # that one the save fills in itself
    return tuple(schema.field(name).label for name in names)


def label_of(bulk: BulkUpdate, item: BulkItem) -> tuple[Text, Tone]:
    """Return the word for where a ticket of a run is, or how it ended, and its tone."""
    if item.outcome:
        outcome = ItemOutcome(item.outcome)
        return outcome.label, outcome.tone
    if bulk.was_confirmed or item.state != ItemState.DONE:
        return _state_label(item), Tone.NEUTRAL
    plan = Plan(item.plan)
    return plan.label, plan.tone


def _state_label(item: BulkItem) -> Text:
    if item.state == ItemState.WAITING and item.not_before and item.not_before > timezone.now():
        return _("Waiting until %(time)s") % {
            "time": time_format(timezone.localtime(item.not_before), "H:i:s")
        }
    return ItemState(item.state).label


def _where_it_changes(row: ValueRow) -> ValueRow:
    """Return the row with long texts from shortly before they differ: what is added at an end is seen."""
    before, after = row.before, row.after
    if before is None or after is None or before == after or max(len(before), len(after)) <= SHOWN_TEXT:
        return row
    same = sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = before.rfind(" ", 0, max(0, same - CONTEXT)) + 1
    return replace(row, before="…" + before[start:], after="…" + after[start:]) if start else row


def _with_result(row: ValueRow, item: BulkItem, schema: TicketSchema) -> ValueRow:
    """Return the row with what the CRM was seen to hold after the save, and the outcome of the field."""
    held = (item.change.read_back or {}) if item.change else {}
    if item.change is None or row.name not in held:
        return row
    shown = readable(schema.field(row.name), held[row.name])
    return replace(row, read_back=shown, outcome=item.change.results.get(row.name, ""))


_EXPLAINED_BY_REASON = frozenset({ItemOutcome.NOT_APPLIED, ItemOutcome.CONFLICT})  # where there is one


def why_so(item: BulkItem, schema: TicketSchema) -> Text:
    """Return the sentence that says why a ticket ended so; "" where its word says enough."""
    change = item.change
    outcome = ItemOutcome(item.outcome) if item.outcome else None
    if outcome and outcome.is_open and change and change.is_settled:
        return describe_outcome(change).text
    if outcome is ItemOutcome.NOT_APPLIED and change and applied_fields(change):
        return PARTLY_CHANGED
    if outcome and outcome.is_saved and change and change.has_unchecked:
        return NOT_ALL_READ
    if outcome and outcome.is_explained and not (item.reason and outcome in _EXPLAINED_BY_REASON):
        return meaning_of(outcome)
    if not item.reason:
        return ""
    if item.broken_rules:
        return " ".join(describe_all(item.broken_rules, schema))
    if outcome and outcome.is_saved:
        return _("The CRM's answer was lost or was an error, but reading the ticket showed what it holds.")
    if item.recipe_stops:
        return " ".join(describe_kept(item.recipe_stops, schema))
    if item.reason == ItemReason.WOULD_LOSE and item.unreadable:
        return f"{why_left_out(item.reason)} {would_be_lost(item.unreadable, schema)}"
    return why_left_out(item.reason)
