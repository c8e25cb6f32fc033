"""The page of a bulk run, and the part of it that is refreshed, as its templates show them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ticketadmin.converters import whole_number
from ticketadmin.forms.bulk import ConfirmForm
from ticketadmin.models import (
    BulkKind,
    BulkState,
    BulkUpdate,
    ItemOutcome,
    ItemState,
    PauseReason,
    Plan,
    Tone,
    User,
)
from ticketadmin.presenters.bulk import PresentedItem, Tile, collateral_rows, present_item, tiles_of, title_of
from ticketadmin.presenters.changes import ValueRow, present_edit
from ticketadmin.presenters.conflicts import PresentedFileConflicts, present_file_conflicts
from ticketadmin.presenters.outcomes import PAUSES, Notice, Text
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.paging import PageLinks
from ticketadmin.presenters.recipes import present_lines
from ticketadmin.presenters.sent_along import run_notice, signature_before
from ticketadmin.services.bulk.files import kept_file
from ticketadmin.services.bulk.followers import open_items
from ticketadmin.services.bulk.progress import (
    DAMAGED,
    WAITING,
    ItemPage,
    Overlap,
    Progress,
    has_parts_to_undo,
    item_page,
    overlaps,
    progress_of,
    refresh_outcomes,
)
from ticketadmin.services.bulk.recipes import recipe_of_run
from ticketadmin.services.bulk.rollout import unaccepted_damage
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.values.schema import TicketSchema, load_schema

SHOWN_TICKETS = 20


@dataclass(frozen=True)
class ConcernedTicket:
    """One ticket that the pause is about, with its fields."""

    code: str
    fields: tuple[ValueRow, ...]


@dataclass(frozen=True)
class DamagePause:
    """Why a run paused, for which tickets, and what can be done. `more` tickets are not listed."""

    title: Text
    text: Text
    tickets: tuple[ConcernedTicket, ...]
    more: int
    can_restore: bool


@dataclass(frozen=True)
class PresentedBulkRecipe:
    """The recipe of a run: its changes, and the fields in which the run's own values win."""

    name: str
    lines: tuple[str, ...]
    left_out: str


@dataclass(frozen=True)
class Possible:
    """Which buttons the page of a run offers."""

    confirm: bool
    change: bool
    pause: bool
    resume: bool
    cancel: bool
    retry: bool
    settle: bool
    send_unknown: bool
    undo: bool
    restore: bool
    outcome_file: bool
    error_file: UUID | None  # names the uploaded file, where rows of it were left out


MAX_FOLLOWERS_SHOWN = 20


@dataclass(frozen=True)
class Follower:
    """A run that was made of tickets of another one."""

    bulk: BulkUpdate
    title: str


@page("bulk/run.html")
class RunPage(Page):
    """The page of a run. Screen readers announce `says` when its key changes."""

    bulk: BulkUpdate
    title: str
    step: int  # of the four: tickets, changes, dry run, run
    progress: Progress
    left: str
    took: str
    says_key: str
    says: str
    tiles: tuple[Tile, ...]
    further_tiles: tuple[Tile, ...]  # counts that are not part of the bar
    shown: str  # the key of the tile whose tickets are listed
    items: list[PresentedItem]
    pages: PageLinks
    changes: tuple[ValueRow, ...]
    recipe: PresentedBulkRecipe | None
    pause: Notice | None
    damage_pause: DamagePause | None
    omitted: Notice | None
    signature: Text
    overlaps: list[Overlap]
    conflicts: PresentedFileConflicts | None  # between an uploaded export and the CRM
    can: Possible
    form: ConfirmForm
    notice: Notice | None  # why the action of a button was not carried out

    @property
    def filters(self) -> tuple[Tile, ...]:
        """The counts that lead to their tickets."""
        return (*self.tiles, *self.further_tiles)

    @property
    def followers(self) -> list[Follower]:
        """The newest runs that were made of this one: its retries, undos and restores. One query."""
        rows = self.bulk.followers.annotate(tickets=Count("items")).order_by("-pk")[:MAX_FOLLOWERS_SHOWN]
        return [Follower(one, title_of(one, one.tickets)) for one in rows]

    @property
    def words(self) -> list[Tile]:
        """The outcomes that need an explanation."""
        return [tile for tile in self.tiles if tile.meaning]

    @property
    def shows_how_far(self) -> bool:
        """Return whether it shows how many tickets are done; it does so while paused, too."""
        return self.bulk.is_in_progress or self.bulk.state == BulkState.PAUSED

    @property
    def is_finishing(self) -> bool:
        """Return whether it is paused, but tickets that were already being sent have no outcome yet."""
        return self.bulk.state == BulkState.PAUSED and self.progress.working > 0

    @property
    def retry_label(self) -> Text:
        """The tickets that a retry takes: those that failed, and those that were never started."""
        retried = {one for one in ItemOutcome if one.is_retryable and self.progress.outcomes.get(one)}
        if retried == {ItemOutcome.NOT_SENT}:
            return _("Continue with the rest")
        if ItemOutcome.NOT_SENT in retried:
            return _("Retry what failed or was not sent")
        return _("Retry what failed")

    @property
    def is_slowed(self) -> bool:
        """Return whether the CRM asked to wait."""
        return self.bulk.slowed_until is not None and self.bulk.slowed_until > timezone.now()

    @property
    def is_waiting(self) -> bool:
        """Return whether no worker has started on it yet."""
        return self.bulk.is_active and not self.bulk.is_leased(timezone.now())


@page("bulk/_live.html")
class RunProgress(RunPage):
    """The part of that page that is refreshed: what its script loads."""


def run_page(
    bulk: BulkUpdate,
    query: QueryDict,
    user: User,
    *,
    form: ConfirmForm | None = None,
    notice: Notice | None = None,
) -> RunPage:
    """Return the page of a run as the query asks for it: `shown`, an outcome, and `page`, a number."""
    if bulk.has_ended:
        refresh_outcomes(bulk)
    progress, schema = progress_of(bulk), load_schema()
    tiles = tiles_of(bulk, progress)
    shown, number = query.get("shown", ""), query.get("page", "")
    page = item_page(bulk, progress, shown=shown, number=whole_number(number) or 1)
    quarter = progress.percent // 25 if bulk.is_active else 4
    return RunPage(
        bulk=bulk,
        title=title_of(bulk, progress.total),
        step=_step(bulk),
        progress=progress,
        left=_time_left(progress),
        took=_took(bulk),
        says_key=f"{bulk.state}-{quarter}",
        says=_sentence(bulk, progress, tiles),
        tiles=tiles,
        further_tiles=tuple(_further_tiles(bulk, progress)),
        shown=shown,
        items=[present_item(bulk, item, schema) for item in page.items],
        pages=_item_links(bulk, page, shown),
        changes=present_edit(Edit.from_json(bulk.wishes), {}, schema),
        recipe=_recipe(bulk, schema),
        pause=_pause_notice(bulk),
        damage_pause=_damage_pause(bulk, schema),
        omitted=_omitted_notice(bulk, progress),
        signature=signature_before(user, schema, was_read=True) if bulk.is_ready else "",
        overlaps=overlaps(bulk) if bulk.state in {BulkState.READY, BulkState.CHECKING} else [],
        conflicts=present_file_conflicts(bulk, schema) if bulk.is_ready else None,
        can=_possible(bulk, progress, user),
        form=form or ConfirmForm(),
        notice=notice,
    )


def _recipe(bulk: BulkUpdate, schema: TicketSchema) -> PresentedBulkRecipe | None:
    kept = recipe_of_run(bulk)
    if kept is None:
        return None
    labels = ", ".join(str(schema.field(name).label) for name in kept.left_out)
    return PresentedBulkRecipe(kept.name, present_lines(kept.changes, schema), labels)


def _omitted_notice(bulk: BulkUpdate, progress: Progress) -> Notice | None:
    if bulk.state != BulkState.READY or not progress.to_send:
        return None
    schema = load_schema(get_choices(ask=False))
    return run_notice(bulk, schema, has_unread=bool(progress.plans.get(Plan.BLIND)))


def _item_links(bulk: BulkUpdate, page: ItemPage, shown: str) -> PageLinks:
    """Return the ways to the pages before and after."""

    def to(number: int) -> str:
        query = {"shown": shown, "page": number} if shown else {"page": number}
        return reverse("bulk", args=[bulk.uuid], query=query)

    return PageLinks(
        _("Back"),
        to(page.number - 1) if page.number > 1 else "",
        _("Next"),
        to(page.number + 1) if page.number < page.pages else "",
        _("Page %(number)s of %(pages)s") % {"number": page.number, "pages": page.pages},
    )


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
    return Notice(Tone.WARN, title, "", next_step)


def _damage_pause(bulk: BulkUpdate, schema: TicketSchema) -> DamagePause | None:
    """Return what the page of a run that paused for damage says, None for another run."""
    reason = PauseReason.known(bulk.pause_reason)
    if bulk.state != BulkState.PAUSED or reason is None or not reason.is_damage:
        return None
    title, text = PAUSES[reason]
    tickets = _concerned(bulk, schema)
    return DamagePause(
        title,
        text,
        tuple(tickets[:SHOWN_TICKETS]),
        max(0, len(tickets) - SHOWN_TICKETS),
        can_restore=reason is not PauseReason.KEPT_OLD_VALUES,
    )


def _concerned(bulk: BulkUpdate, schema: TicketSchema) -> list[ConcernedTicket]:
    if bulk.pause_reason == PauseReason.KEPT_OLD_VALUES:
        codes = bulk.items.filter(outcome=ItemOutcome.NOT_APPLIED, reason="").order_by("position")
        return [ConcernedTicket(code, ()) for code in codes.values_list("ticket_code", flat=True)]
    return [
        ConcernedTicket(item.ticket_code, collateral_rows(item, names, schema))
        for item, names in unaccepted_damage(bulk, schema)
    ]


def _further_tiles(bulk: BulkUpdate, progress: Progress) -> Iterator[Tile]:
    """Yield the counts beside the outcomes: tickets not in work yet, tickets with damaged other fields."""
    if bulk.was_confirmed and progress.waiting:
        yield Tile(WAITING, ItemState.WAITING.label, progress.waiting, Tone.NEUTRAL, "0", "0")
    if progress.damaged:
        yield Tile(DAMAGED, _("Other fields damaged"), progress.damaged, Tone.DANGER, "0", "0")


def _step(bulk: BulkUpdate) -> int:
    """Return at which of the four steps a bulk update is: tickets, changes, dry run, run."""
    if bulk.was_confirmed:
        return 4
    return 2 if bulk.state == BulkState.DRAFT else 3


def _possible(bulk: BulkUpdate, progress: Progress, user: User) -> Possible:
    """Return which buttons the page offers."""
    ended, state = bulk.has_ended, bulk.state
    file = kept_file(bulk)
    outcomes = progress.outcomes
    found = [one for one in ItemOutcome if outcomes.get(one)]
    undoable = sum(outcomes[one] for one in found if one.is_applied)
    return Possible(
        confirm=state == BulkState.READY and progress.to_send > 0,
        change=state == BulkState.READY and bulk.kind == BulkKind.UPDATE,
        pause=state == BulkState.RUNNING,
        resume=state == BulkState.PAUSED and not bulk.is_paused_for_damage,
        restore=ended and progress.damaged > 0,
        cancel=bulk.was_confirmed and state in {BulkState.RUNNING, BulkState.PAUSED},
        retry=ended and any(one.is_retryable for one in found) and bulk.kind != BulkKind.SETTLE,
        settle=ended and any(one.is_open for one in found) and open_items(bulk).exists(),
        send_unknown=ended and bool(outcomes.get(ItemOutcome.UNKNOWN)) and bulk.kind != BulkKind.SETTLE,
        undo=(
            ended
            and bulk.kind != BulkKind.SETTLE
            and user.may("undo_any_change")
            and (undoable > 0 or has_parts_to_undo(bulk))
        ),
        outcome_file=ended and file is not None,
        error_file=file if bulk.notes.get("error_rows") else None,
    )


def _sentence(bulk: BulkUpdate, progress: Progress, tiles: Sequence[Tile]) -> str:
    to_send, done, total = progress.to_send, progress.done, progress.total
    if bulk.state == BulkState.READY:
        return ngettext(
            "The check is complete: %(n)s ticket will be sent.",
            "The check is complete: %(n)s tickets will be sent.",
            to_send,
        ) % {"n": number_format(to_send)}
    if bulk.state == BulkState.PAUSED:
        return _("The bulk update is paused.")
    if bulk.has_ended:  # in which each ticket is "done", also those that failed
        outcomes = ", ".join(f"{number_format(tile.count)} {tile.label}" for tile in tiles)
        return _("The bulk update has ended: %(outcomes)s.") % {"outcomes": outcomes}
    text = ngettext("%(done)s of %(total)s ticket is done.", "%(done)s of %(total)s tickets are done.", total)
    return text % {"done": number_format(done), "total": number_format(total)}
