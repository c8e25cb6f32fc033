"""Bulk updates as templates show them: the sentence of a run, its counts, its tickets with their reasons."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk import ConfirmForm
from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    ItemOutcome,
    ItemState,
    Plan,
    Tone,
    User,
)
from ticketadmin.presenters.changes import Notice, ValueRow, describe_outcome, present_edit, readable
from ticketadmin.presenters.damage import DamagedField, damage_pause, damaged_fields
from ticketadmin.presenters.outcomes import NOT_ALL_READ, PARTLY_CHANGED, PAUSES, meaning_of, why_left_out
from ticketadmin.presenters.recipes import present_lines
from ticketadmin.presenters.sent_along import run_notice
from ticketadmin.presenters.signature import signature_before
from ticketadmin.presenters.unmet import describe_all
from ticketadmin.services.bulk.progress import (
    DAMAGED,
    ItemPage,
    Progress,
    has_parts_to_undo,
    item_page,
    overlaps,
    progress_of,
    refresh_outcomes,
)
from ticketadmin.services.bulk.recipes import recipe_in
from ticketadmin.services.bulk.runs import open_items
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.recipes.stops import describe_kept
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.saving.readback import applied_fields
from ticketadmin.services.saving.sent_along import names_sent_along
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.schema import TicketSchema, load_schema

Text = str | Promise


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
class PresentedBulkRecipe:
    """The recipe of a run: its changes, and the fields in which the run's own values win."""

    name: str
    lines: tuple[str, ...]
    left_out: str


@dataclass(frozen=True)
class PresentedRun:
    """One bulk update in the list of runs."""

    bulk: BulkUpdate
    progress: Progress
    tiles: tuple[Tile, ...]
    title: str


def present_run(bulk: BulkUpdate) -> PresentedRun:
    """Return one row of the list of runs."""
    progress = progress_of(bulk)
    return PresentedRun(bulk, progress, tiles_of(bulk, progress), title_of(bulk, progress.total))


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


def bulk_context(bulk: BulkUpdate, query: QueryDict, viewer: User) -> dict[str, Any]:
    """Return what the page of a run, and the part of it that moves, show."""
    if bulk.has_ended:
        refresh_outcomes(bulk)
    progress = progress_of(bulk)
    shown, number = query.get("shown", ""), query.get("page", "")
    page = item_page(bulk, shown=shown, number=whole_number(number) or 1)
    tiles = tiles_of(bulk, progress)
    return {
        "bulk": bulk,
        "title": title_of(bulk, progress.total),
        "progress": progress,
        "tiles": tiles,
        "words": [tile for tile in tiles if tile.meaning],
        "shown": shown,
        **_item_links(bulk, page, shown),
        "items": present_items(bulk, page),
        "changes": common_changes(bulk),
        "recipe": _recipe(bulk),
        "pause": _pause_notice(bulk),
        "damage_pause": damage_pause(bulk),
        "damage_tile": _damage_tile(progress),
        "omitted": _omitted_notice(bulk, progress),
        "signature": _signature(viewer) if bulk.state == BulkState.READY else "",
        "overlaps": overlaps(bulk) if bulk.state in {BulkState.READY, BulkState.CHECKING} else [],
        "says": _said(bulk, progress),
        "form": ConfirmForm(),
        "can": _possible(bulk, progress, viewer),
        "step": _step(bulk),
        "left": _time_left(progress),
        "took": _took(bulk),
        "is_slowed": bulk.slowed_until is not None and bulk.slowed_until > timezone.now(),
        "is_waiting": bulk.is_active and not bulk.is_leased(timezone.now()),
    }


def _recipe(bulk: BulkUpdate) -> PresentedBulkRecipe | None:
    kept = recipe_in(bulk)
    if kept is None:
        return None
    schema = load_schema()
    labels = ", ".join(str(schema.field(name).label) for name in kept.left_out)
    return PresentedBulkRecipe(kept.name, present_lines(kept.changes, schema), labels)


def _omitted_notice(bulk: BulkUpdate, progress: Progress) -> Notice | None:
    if bulk.state != BulkState.READY or not progress.to_send:
        return None
    schema = load_schema(get_choices(ask=False))
    return run_notice(bulk, schema, has_unread=bool(progress.plans.get(Plan.BLIND)))


def _signature(viewer: User) -> Text:
    return signature_before(viewer, load_schema(), was_read=True) if sign_field() else ""


def _item_links(bulk: BulkUpdate, page: ItemPage, shown: str) -> dict[str, Text]:
    """Return the ways to the pages before and after."""
    address = reverse("bulk", args=[bulk.uuid])

    def to(number: int) -> str:
        return f"{address}?" + urlencode({"shown": shown, "page": number} if shown else {"page": number})

    return {
        "back": _("Back"),
        "back_url": to(page.number - 1) if page.number > 1 else "",
        "next": _("Next"),
        "next_url": to(page.number + 1) if page.number < page.pages else "",
        "where": _("Page %(number)s of %(pages)s") % {"number": page.number, "pages": page.pages},
    }


def _time_left(progress: Progress) -> str:
    seconds = progress.seconds_left
    if seconds is None:
        return ""
    if seconds < 60:
        return _("less than a minute left")
    minutes = -(-seconds // 60)
    return ngettext("about %(n)s minute left", "about %(n)s minutes left", minutes) % {"n": minutes}


def _took(bulk: BulkUpdate) -> str:
    if bulk.started_at is None or bulk.finished_at is None:
        return ""
    seconds = round((bulk.finished_at - bulk.started_at).total_seconds())
    if seconds == 0:
        return _("less than a second")
    if seconds < 60:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    return ngettext("%(n)s minute", "%(n)s minutes", round(seconds / 60)) % {"n": round(seconds / 60)}


def _pause_notice(bulk: BulkUpdate) -> Notice | None:
    if bulk.state != BulkState.PAUSED or bulk.pause_reason not in PAUSES:
        return None
    title, next_step = PAUSES[bulk.pause_reason]
    return Notice("warn", title, "", next_step)


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


def _damage_tile(progress: Progress) -> Tile | None:
    """Return the count of tickets of which other fields are empty or changed; it is no part of the bar."""
    if not progress.damaged:
        return None
    return Tile(DAMAGED, _("Other fields damaged"), progress.damaged, "danger", "0", "0")


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
    label, tone = _label(bulk, item)
    rows = tuple(_with_result(row, item, schema) for row in present_edit(edit, before, schema))
    damage, along = damaged_fields(item, schema), _sent_along(item, schema)
    return PresentedItem(item, rows, label, tone, _why(item, schema), damage, along)


def _sent_along(item: BulkItem, schema: TicketSchema) -> tuple[Text, ...]:
    """Return the labels of the fields that were sent along, or will be as far as the dry run could tell."""
    if item.change:
        names = names_sent_along(item.change)
    else:
        found = item.sent_along or [] if item.plan == Plan.SEND else []
        names = [name for name in found if name != sign_field()]  # that one the save fills in itself
    return tuple(schema.field(name).label for name in names)


def _label(bulk: BulkUpdate, item: BulkItem) -> tuple[Text, Tone]:
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


def _with_result(row: ValueRow, item: BulkItem, schema: TicketSchema) -> ValueRow:
    """Return the row with what the CRM was seen to hold after the save, and the outcome of the field."""
    held = (item.change.read_back or {}) if item.change else {}
    if item.change is None or row.name not in held:
        return row
    shown = readable(schema.field(row.name), held[row.name])
    return replace(row, read_back=shown, outcome=item.change.results.get(row.name, ""))


def _why(item: BulkItem, schema: TicketSchema) -> Text:
    change = item.change
    outcome = ItemOutcome(item.outcome) if item.outcome else None
    if outcome and outcome.is_open and change and change.is_settled:
        return describe_outcome(change).text
    if outcome is ItemOutcome.NOT_APPLIED and change and applied_fields(change):
        return PARTLY_CHANGED
    if outcome and outcome.is_saved and change and change.has_unchecked:
        return NOT_ALL_READ
    if outcome and outcome.is_explained and not (item.reason and outcome is ItemOutcome.NOT_APPLIED):
        return meaning_of(outcome)
    if not item.reason:
        return ""
    if item.broken_rules:
        return " ".join(describe_all(item.broken_rules, schema))
    if outcome and outcome.is_saved:
        return _("The CRM's answer was lost or was an error, but reading the ticket showed what it holds.")
    if item.recipe_stops:
        return " ".join(describe_kept(item.recipe_stops, schema))
    return why_left_out(item.reason)


def _step(bulk: BulkUpdate) -> int:
    """Return the step of the four that a bulk update is at: tickets, changes, dry run, run."""
    if bulk.was_confirmed:
        return 4
    return 2 if bulk.state == BulkState.DRAFT else 3


def _possible(bulk: BulkUpdate, progress: Progress, person: User) -> dict[str, bool]:
    """Return which buttons the page offers."""
    ended, state = bulk.has_ended, bulk.state
    outcomes = progress.outcomes
    found = [one for one in ItemOutcome if outcomes.get(one)]
    undoable = sum(outcomes[one] for one in found if one.is_applied)
    return {
        "confirm": state == BulkState.READY and progress.to_send > 0,
        "again": state == BulkState.READY,
        "change": state == BulkState.READY and bulk.kind == BulkKind.UPDATE,
        "discard": not bulk.was_confirmed,
        "pause": state == BulkState.RUNNING,
        "resume": state == BulkState.PAUSED and not bulk.is_paused_for_damage,
        "restore": ended and progress.damaged > 0,
        "cancel": bulk.was_confirmed and state in {BulkState.RUNNING, BulkState.PAUSED},
        "retry": ended and any(one.is_retryable for one in found) and bulk.kind != BulkKind.SETTLE,
        "settle": ended and any(one.is_open for one in found) and open_items(bulk).exists(),
        "send_unknown": ended and bool(outcomes.get(ItemOutcome.UNKNOWN)) and bulk.kind != BulkKind.SETTLE,
        "undo": (
            ended
            and bulk.kind != BulkKind.SETTLE
            and person.may("undo_any_change")
            and (undoable > 0 or has_parts_to_undo(bulk))
        ),
    }


def _said(bulk: BulkUpdate, progress: Progress) -> tuple[str, str]:
    """Return what a screen reader is told, and a key that changes with it: each quarter, each state."""
    quarter = progress.percent // 25 if bulk.is_active else 4
    return f"{bulk.state}-{quarter}", _sentence(bulk, progress)


def _sentence(bulk: BulkUpdate, progress: Progress) -> str:
    to_send, done, total = progress.to_send, progress.done, progress.total
    if bulk.state == BulkState.READY:
        return ngettext(
            "The check is complete: %(n)s ticket will be sent.",
            "The check is complete: %(n)s tickets will be sent.",
            to_send,
        ) % {"n": to_send}
    if bulk.state == BulkState.PAUSED:
        return _("The bulk update is paused.")
    if bulk.has_ended:
        text = ngettext(
            "The bulk update has ended: %(done)s of %(total)s ticket is done.",
            "The bulk update has ended: %(done)s of %(total)s tickets are done.",
            total,
        )
    else:
        text = ngettext(
            "%(done)s of %(total)s ticket is done.", "%(done)s of %(total)s tickets are done.", total
        )
    return text % {"done": done, "total": total}
