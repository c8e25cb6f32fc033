"""Bulk updates as users read them: what a run does, its counts, its tickets with reasons and losses."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkUpdate,
    Damage,
    ItemOutcome,
    ItemReason,
    ItemState,
    Plan,
    Tone,
)
from ticketadmin.presenters.changes import ValueRow, present_edit, present_values
from ticketadmin.presenters.outcomes import (
    NOT_ALL_READ,
    PARTLY_CHANGED,
    Text,
    describe_outcome,
    meaning_of,
    why_left_out,
)
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.paging import PageLinks, TabLink
from ticketadmin.presenters.rules import describe_all
from ticketadmin.presenters.sent_along import would_be_lost
from ticketadmin.services.bulk.files import message_in
from ticketadmin.services.bulk.outcome_file import Ending, RowEndings
from ticketadmin.services.bulk.progress import Progress, progress_of
from ticketadmin.services.bulk.rollout import damage_seen
from ticketadmin.services.paging import ROWS_AT_ONCE
from ticketadmin.services.recipes.stops import describe_kept
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.readback import applied_fields
from ticketadmin.services.saving.sent_along import names_sent_along
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.diffs import common_length
from ticketadmin.services.values.schema import TicketSchema, load_schema

MAX_ITEM_VALUE_SHOWN = 80  # characters of a value in a ticket's row
CONTEXT = 20  # characters of a long text in front of its change


def damaged_fields(item: BulkItem, schema: TicketSchema) -> list[tuple[Damage, ValueRow]]:
    """Return what saving a ticket did to each field that was not sent, the worst first."""
    seen, worst_first = damage_seen(item, schema), list(Damage)
    found = [(seen[row.name], row) for row in collateral_rows(item, seen, schema)]
    return sorted(found, key=lambda one: worst_first.index(one[0]))


def collateral_rows(item: BulkItem, names: Iterable[str], schema: TicketSchema) -> tuple[ValueRow, ...]:
    """Return the values before and after of these fields, which were not sent."""
    held = item.change.collateral if item.change else {}
    return present_values({name: held[name] for name in names}, schema)


@dataclass(frozen=True)
class Tile:
    """One count with the filter that it leads to; `x` and `width` place it in the bar, in hundredths."""

    key: str
    label: Text
    count: int
    tone: Tone
    x: str
    width: str

    @property
    def meaning(self) -> Text:
        """What the label means for a ticket."""
        return meaning_of(self.key)


@dataclass(frozen=True)
class PresentedItem:
    """One ticket of a run: what is or was to be sent, how it ended, and the CRM's message.

    It holds all that the row shows and nothing else, because rendered rows are cached by it.
    """

    code: str
    rows: tuple[ValueRow, ...]
    label: Text
    tone: Tone
    why: Text
    message: str
    damage: tuple[tuple[Damage, ValueRow], ...]
    sent_along: tuple[Text, ...]  # labels of the fields that are, or were, sent along unchanged


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
    tabs: list[TabLink]
    pages: PageLinks


def present_run(bulk: BulkUpdate) -> PresentedRun:
    """Return one row of the list of runs."""
    progress = progress_of(bulk)
    return PresentedRun(bulk, tiles_of(bulk, progress), title_of(bulk, progress.total))


def title_of(bulk: BulkUpdate, total: int) -> str:
    """Return the name of a bulk update: what is done to how many tickets."""
    names = {
        BulkKind.UPDATE: ngettext("Update of %(n)s ticket", "Update of %(n)s tickets", total),
        BulkKind.RETRY: ngettext("Retry for %(n)s ticket", "Retry for %(n)s tickets", total),
        BulkKind.SETTLE: ngettext("Check of %(n)s unknown result", "Check of %(n)s unknown results", total),
        BulkKind.UNDO: ngettext("Undo for %(n)s ticket", "Undo for %(n)s tickets", total),
        BulkKind.RESTORE: ngettext(
            "Field restore for %(n)s ticket", "Field restore for %(n)s tickets", total
        ),
    }
    return names[BulkKind(bulk.kind)] % {"n": number_format(total)}


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


def present_item(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema) -> PresentedItem:
    """Return one ticket of a run."""
    edit = Edit.from_json(item.all_wishes(bulk.wishes))
    before = (item.change.before if item.change else item.base) or {}
    label, tone = label_of(bulk, item)
    rows = tuple(map(_where_it_changes, present_edit(edit, before, schema, item.change)))
    return PresentedItem(
        item.ticket_code,
        rows,
        label,
        tone,
        reason_sentence(item, schema),
        item.message,
        tuple(damaged_fields(item, schema)),
        _sent_along(item, schema),
    )


def _sent_along(item: BulkItem, schema: TicketSchema) -> tuple[Text, ...]:
    """Return the labels of the fields that were sent along unchanged, or will be according to the dry run."""
    if item.change:
        names = names_sent_along(item.change)
    else:
        is_to_be_sent = item.plan == Plan.SEND and not item.outcome
        found = item.sent_along or [] if is_to_be_sent else []
        names = [name for name in found if name != sign_field()]  # that one the save fills in itself
    return tuple(schema.field(name).label for name in names)


def label_of(bulk: BulkUpdate, item: BulkItem) -> tuple[Text, Tone]:
    """Return the label and tone of how far a ticket of a run is, or how it ended."""
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
    """Return the row with long texts cut to start shortly before they differ, so that additions show."""
    before, after = row.before, row.after
    if (
        before is None
        or after is None
        or before == after
        or max(len(before), len(after)) <= MAX_ITEM_VALUE_SHOWN
    ):
        return row
    same = common_length(before, after)
    start = before.rfind(" ", 0, max(0, same - CONTEXT)) + 1
    return replace(row, before="…" + before[start:], after="…" + after[start:]) if start else row


_EXPLAINED_BY_REASON = frozenset({ItemOutcome.NOT_APPLIED, ItemOutcome.CONFLICT})  # if there is one


def reason_sentence(item: BulkItem, schema: TicketSchema) -> Text:
    """Return the sentence on why a ticket ended so; "" if its label says enough."""
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


def present_endings(bulk: BulkUpdate) -> RowEndings:
    """Return how each ticket of a run ended, and why rows of its file were left out."""
    schema = load_schema()
    items = bulk.items.select_related("change").order_by("position").iterator(chunk_size=ROWS_AT_ONCE)
    return RowEndings(
        by_code={item.ticket_code.casefold(): _ending(bulk, item, schema) for item in items},
        by_row=_wrong_rows(bulk),
        otherwise=_not_sent(""),
    )


def _wrong_rows(bulk: BulkUpdate) -> dict[int, Ending]:
    """Return the ending of each row with a known error; only the first errors of a file are kept."""
    found = defaultdict(list)
    for error in bulk.notes.get("errors", []):
        found[error["row"]].append(f"{error['column']}: {message_in(error)}")
    return {row: _not_sent(" · ".join(texts)) for row, texts in found.items()}


def _not_sent(detail: str) -> Ending:
    return Ending(_("Not part of the run"), detail, "")


def _ending(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema) -> Ending:
    why = str(reason_sentence(item, schema))
    detail = " ".join(text for text in (why, item.message) if text)
    at = item.finished_at
    checked = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else ""
    return Ending(str(label_of(bulk, item)[0]), detail, checked)
