"""What pages show of bulk updates: counts, rate, pages of items, results, and runs that overlap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import get_language, override

from ticketadmin.models import (
    ENDED,
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    Change,
    ItemOutcome,
    ItemState,
    Outcome,
    Plan,
    User,
)
from ticketadmin.services.bulk.rollout import PAUSING_DAMAGE, damage_seen
from ticketadmin.services.paging import ROWS_AT_ONCE, PageOfRows, page_of
from ticketadmin.services.recipes.stops import describe_kept
from ticketadmin.services.values.schema import TicketSchema, load_schema

RUNS = 30  # on a page of the list of runs
ITEMS_ON_PAGE = 50
DAMAGED = "damaged"
WAITING = "waiting"  # tickets that are not in work yet
RATE_OVER = 15  # seconds
NEWS_FOR = timedelta(days=7)
_ADVANCING = frozenset({BulkState.CHECKING, BulkState.RUNNING})
RESULT_COLUMNS = (
    "ticket", "outcome", "reason", "message", "field", "before", "sent", "read_back", "finished", "change",
    "damage",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """The progress of a bulk update: counts by plan and by outcome, `done` of `total` in its current phase.

    `rate` is items per second of late, None while it is not known; `seconds_left` follows from it.
    """

    total: int
    done: int
    doubtful: int
    plans: Mapping[str, int]
    outcomes: Mapping[str, int]
    damaged: int = 0
    waiting: int = 0  # not in work yet
    working: int = 0
    from_list: int = 0  # tickets whose values the dry run took from the CRM's list
    rate: float | None = None

    @property
    def percent(self) -> int:
        """Return the share done, rounded down, so that 100 means all."""
        return 100 * self.done // self.total if self.total else 100

    @property
    def seconds_left(self) -> int | None:
        """Return the seconds left at the rate of the last seconds."""
        return round((self.total - self.done) / self.rate) if self.rate else None

    def shown_as(self, shown: str) -> int:
        """Return how many tickets a page of items has: of a plan, an outcome or a key of here, else all."""
        if shown in {DAMAGED, WAITING}:
            return self.damaged if shown == DAMAGED else self.waiting
        if shown in Plan.values and shown:
            return self.plans.get(shown, 0)
        return self.outcomes.get(shown, 0) if shown in ItemOutcome.values else self.total

    @property
    def to_send(self) -> int:
        """Return how many tickets a confirmation sends."""
        return self.plans.get(Plan.SEND, 0) + self.plans.get(Plan.BLIND, 0)


def progress_of(bulk: BulkUpdate) -> Progress:
    """Return the progress of a bulk update; one query, whatever its size."""
    kinds = ("state", "plan", "outcome", "damage", "is_from_list")
    now = timezone.now()
    since = max(now - timedelta(seconds=RATE_OVER), bulk.started_at or bulk.created_at)
    lately = Count("pk", filter=Q(finished_at__gte=since))
    rows = list(bulk.items.values_list(*kinds).annotate(lately=lately, tickets=Count("pk")).order_by())
    total = sum(count for *_key, count in rows)
    states = _sum(rows, 0)
    return Progress(
        total=total,
        done=states.get(ItemState.DONE, 0),
        doubtful=states.get(ItemState.DOUBT, 0),
        waiting=states.get(ItemState.WAITING, 0),
        working=states.get(ItemState.WORKING, 0),
        plans=_sum(rows, 1),
        outcomes=_sum(rows, 2),
        damaged=sum(count for damage, count in _sum(rows, 3).items() if damage in PAUSING_DAMAGE),
        from_list=sum(row[-1] for row in rows if row[4]),
        rate=_rate(sum(row[-2] for row in rows), now - since) if bulk.state in _ADVANCING else None,
    )


def _sum(rows: list[Any], column: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        if row[column]:
            counts[row[column]] = counts.get(row[column], 0) + row[-1]
    return counts


def _rate(finished: int, time: timedelta) -> float | None:
    seconds = time.total_seconds()
    return finished / seconds if finished and seconds >= 1 else None


@dataclass(frozen=True)
class ItemPage:
    """Some items in their order, and their place among the pages."""

    items: tuple[BulkItem, ...]
    number: int
    pages: int
    total: int


def item_page(bulk: BulkUpdate, progress: Progress, *, shown: str = "", number: int = 1) -> ItemPage:
    """Return one page of items by one query; `shown` as in `Progress.shown_as`, "" for all."""
    total = progress.shown_as(shown)
    pages = max(1, -(-total // ITEMS_ON_PAGE))
    number = min(max(1, number), pages)
    start = (number - 1) * ITEMS_ON_PAGE
    # Chosen by their keys first: PostgreSQL would join and sort ten thousand whole rows to show fifty.
    chosen = _shown(bulk, shown).order_by("position").values("pk")[start : start + ITEMS_ON_PAGE]
    found = BulkItem.objects.filter(pk__in=chosen).select_related("change").order_by("position")
    return ItemPage(tuple(found), number, pages, total)


def _shown(bulk: BulkUpdate, shown: str) -> QuerySet[BulkItem]:
    if shown == DAMAGED:
        return bulk.items.filter(damage__in=PAUSING_DAMAGE)
    if shown == WAITING:
        return bulk.items.filter(state=ItemState.WAITING)
    if shown in Plan.values and shown:
        return bulk.items.filter(plan=shown)
    return bulk.items.filter(outcome=shown) if shown in ItemOutcome.values else bulk.items.all()


def refresh_outcomes(bulk: BulkUpdate) -> None:
    """Update items that were left open and have been settled since, for example by a ticket page."""
    unsure = [one for one in Outcome if one.is_open]
    settled = ~Q(change__outcome__in=unsure, change__results={})
    stale = bulk.items.filter(settled, outcome__in=unsure).exclude(change=None)
    stale = stale.exclude(change__outcome=F("outcome"))
    if stale.exists():  # most pages have nothing to write, and then take no lock
        now = Change.objects.filter(pk=OuterRef("change"))
        stale.update(outcome=Subquery(now.values("outcome")), reason=Subquery(now.values("reason")))


def has_parts_to_undo(bulk: BulkUpdate) -> bool:
    """Return whether some fields are stored in a ticket that does not count as stored."""
    unsure = [one for one in ItemOutcome if one.is_open or one is ItemOutcome.NOT_APPLIED]
    items = bulk.items.filter(outcome__in=unsure).exclude(change__results={})
    found = items.values_list("change__results", flat=True).iterator(chunk_size=ROWS_AT_ONCE)
    return any(Outcome(one).is_applied for results in found for one in (results or {}).values())


@dataclass(frozen=True)
class Overlap:
    """Another bulk update that is under way and shares tickets with this one."""

    bulk: BulkUpdate
    tickets: int


def overlaps(bulk: BulkUpdate) -> list[Overlap]:
    """Return the bulk updates under way, or ready to be, that touch the same tickets."""
    under_way = [BulkState.CHECKING, BulkState.READY, BulkState.RUNNING, BulkState.PAUSED]
    others = BulkUpdate.objects.filter(state__in=under_way).exclude(kind=BulkKind.SETTLE)
    others = others.exclude(pk__in=[bulk.pk, bulk.parent_id or 0])  # a run is restored while it is paused
    codes = bulk.items.exclude(plan=Plan.CANNOT).values("ticket_code")
    found = [(other, other.items.filter(ticket_code__in=codes).count()) for other in others[:20]]
    return [Overlap(other, count) for other, count in found if count]


def runs_page(*, owner: int | None = None, before: int | None = None) -> PageOfRows[BulkUpdate]:
    """Return a page of the bulk updates of one user or of all."""
    runs = BulkUpdate.objects.select_related("owner").order_by("-id")
    if owner:
        runs = runs.filter(owner=owner)
    if before:
        runs = runs.filter(pk__lt=before)
    return page_of(runs, RUNS)


def news_for(user: User) -> list[BulkUpdate]:
    """Return the user's runs that ended and that they have not seen yet, and count them as seen."""
    since = timezone.now() - NEWS_FOR
    unseen = BulkUpdate.objects.filter(owner=user, seen_at=None, state__in=ENDED, finished_at__gte=since)
    ended = list(unseen[:5])
    if ended:
        BulkUpdate.objects.filter(pk__in=[one.pk for one in ended]).update(seen_at=timezone.now())
    return ended


def mark_seen(bulk: BulkUpdate, user: User) -> None:
    """Record that the owner has seen the end of a run, so that it is not announced."""
    if bulk.has_ended and bulk.owner_id == user.pk and bulk.seen_at is None:
        BulkUpdate.objects.filter(pk=bulk.pk).update(seen_at=timezone.now())


def result_table(bulk: BulkUpdate) -> Iterator[tuple[Any, ...]]:
    """Return a row for each field of each ticket, in the order of RESULT_COLUMNS; memory does not grow.

    A field that changed without being sent has a row, too: `sent` is empty, and `damage` says what happened.
    """
    return _result_table(bulk, load_schema(), get_language())


def _result_table(bulk: BulkUpdate, schema: TicketSchema, language: str | None) -> Iterator[tuple[Any, ...]]:
    items = bulk.items.select_related("change").order_by("position")
    for item in items.iterator(chunk_size=500):
        with override(language):  # a download continues after the request's language has ended
            rows = tuple(_result_rows(item, item.all_wishes(bulk.wishes), schema))
        yield from rows


def _result_rows(
    item: BulkItem, wishes: Mapping[str, Any], schema: TicketSchema
) -> Iterator[tuple[Any, ...]]:
    change = item.change
    before: Mapping[str, Any] = (change.before if change else item.base) or {}
    after: Mapping[str, Any] = (change.read_back if change else None) or {}
    wanted = {name: wish.get("set", "") for name, wish in wishes.items()} | (change.wanted if change else {})
    ended = timezone.localtime(item.finished_at).isoformat(timespec="seconds") if item.finished_at else ""
    message = item.message or " ".join(describe_kept(item.recipe_stops, schema))
    about = (item.ticket_code, item.outcome or item.plan, item.reason, message)
    for name in wanted or [""]:
        values = (before.get(name), wanted.get(name), after.get(name))
        yield (*about, name, *values, ended, str(change.uuid) if change else None, None)
    if change is None:
        return
    for name, damage in damage_seen(item, schema).items():
        was, now = change.collateral[name]
        yield (*about, name, was, None, now, ended, str(change.uuid), damage.value)
