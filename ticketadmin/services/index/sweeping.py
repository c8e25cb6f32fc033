"""The sweeper: keeps the index fresh by reading the CRM's list, one call at a time, within a budget.

What is due, most urgent first: checking what the list can do; the newest tickets; the next page of a sweep
over the whole list; reading one ticket that the list no longer shows. The cursor of a sweep is kept in the
index's row and written together with the rows of a page, so that a killed worker costs one page. One process
sweeps at a time: the one that holds the lease, by the database's clock.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from ticketadmin.logs import event
from ticketadmin.models import IndexedTicket, ReadFrom, Reading, TicketIndex
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.circuit_breaker import circuit
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.connection import get_api, may_try_reading, reading_state
from ticketadmin.services.crm.hold import asked_to_wait, held_while_asked_to_wait
from ticketadmin.services.crm.reading import CannotRead, read_ticket
from ticketadmin.services.index.capabilities import (
    LIST_PAGE_SIZE,
    Capabilities,
    capabilities_of,
    check_capabilities,
    is_due,
    is_sorted,
    keep_capabilities,
)
from ticketadmin.services.index.moments import moment_of
from ticketadmin.services.index.rows import (
    UPDATED,
    ReadRow,
    current_index,
    listed_fields,
    seen_in_list,
    write_rows,
)
from ticketadmin.services.index.statistics import refresh_statistics
from ticketadmin.ticketapi.errors import NotFound, TicketApiError, UnexpectedReply
from ticketadmin.ticketapi.tickets import ListedTickets

logger = logging.getLogger("ticketadmin.index")
LEASE = timedelta(seconds=30)
IN_USE_FOR = timedelta(minutes=15)  # after a user last looked at a list
NEWEST_EVERY, NEWEST_EVERY_UNUSED = timedelta(seconds=30), timedelta(minutes=5)
SWEEP_PAUSE = timedelta(minutes=30)
SWEEP_PAUSE_WHERE_UPDATES_SHOW = timedelta(hours=6)
MAX_NEWEST_PAGES = 10
MAX_IDLE_PAGES = 2  # pages without a row that this sweep had not seen: the list repeats itself
MAX_PAGES = 50_000
REFUSED_FOR = timedelta(minutes=10)  # a refusal of the list is believed
REFUSALS = frozenset({"forbidden", "method_not_allowed", "not_found", "key_refused", "no_key", "invalid"})
MAX_UNADDRESSABLE = 100  # codes that are kept
MAX_BAD_ROWS = 5  # in a row: more than these are not bad rows but a CRM that fails
IDLE, BACK_OFF, MAX_BACK_OFF = 5.0, 5.0, 300.0


@dataclass(frozen=True)
class Cursor:
    """The position of a sweep: after an id and skipping `offset` rows, `limit` rows at a time.

    `rows` counts new rows, `idle` consecutive pages without a new row, `bad` consecutive rows
    that could not be read. `tail` is the last row of the page before, which the next page repeats.
    `unaddressable` are codes that no address here can hold.
    """

    after: int = 0
    offset: int = 0
    limit: int = LIST_PAGE_SIZE
    rows: int = 0
    idle: int = 0
    pages: int = 0
    bad: int = 0
    tail: str = ""
    unaddressable: Sequence[str] = ()
    by_id: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the cursor as JSON, from which `Cursor(**…)` makes an equal one."""
        return dict(vars(self))


class Sweeper:
    """One worker's sweeper. `step` makes the most urgent call and says how long to wait until the next."""

    def __init__(self, worker: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._clock = clock
        self._failures = 0
        self._newest_offset: int | None = None
        self._calls = 0
        self._next_at = clock()

    def step(self) -> float:
        """Do the most urgent work by at most one call (seven for a daily check); return the seconds to wait.

        Raises DatabaseError. A failure of the CRM is recorded, and the next step waits longer.
        """
        if settings.TICKET_INDEX_PER_SECOND <= 0 or not may_try_reading():
            return IDLE
        index = current_index()
        if not self._take_lease(index):
            return IDLE
        if (wait := circuit().seconds_left) > 0:
            return wait
        if (asked := asked_to_wait()) > 0:
            return min(asked, MAX_BACK_OFF)
        if _is_refused(index):
            return IDLE
        self._calls = 0
        try:
            with held_while_asked_to_wait():
                has_worked = self._work(index)
        except TicketApiError as error:
            return self._after_failure(index, error)
        self._failures = 0
        return self._pace() if has_worked else IDLE

    def release(self) -> None:
        """Release the lease, so that another worker can continue immediately."""
        TicketIndex.objects.filter(worker=self._worker).update(worker="", lease_until=database_now())

    def _take_lease(self, index: TicketIndex) -> bool:
        now = database_now()
        free = Q(lease_until=None) | Q(lease_until__lt=now) | Q(worker=self._worker)
        taken = TicketIndex.objects.filter(free, pk=index.pk)
        return bool(taken.update(worker=self._worker, lease_until=now + LEASE))

    def _pace(self) -> float:
        """Return the wait that keeps the calls within the budget, however long they took."""
        spent = self._calls / settings.TICKET_INDEX_PER_SECOND
        now = self._clock()
        self._next_at = max(self._next_at + spent, now - 1)
        return max(0.0, self._next_at - now)

    # --- what is due -----------------------------------------------------------------------------

    def _work(self, index: TicketIndex) -> bool:
        now = database_now()
        self._choices = get_choices()
        if is_due(index, now):
            self._check(index)
            return True
        able = capabilities_of(index)
        if self._newest_offset is not None or _is_newest_due(index, now):
            self._read_newest(index, able)
            return True
        if index.is_sweeping or _is_sweep_due(index, now, able):
            self._sweep_page(index, able)
            return True
        return _settle_doubt(index)

    def _check(self, index: TicketIndex) -> None:
        try:
            check_capabilities(index, self._ask)
        except TicketApiError as error:
            if not _is_about_content(error):
                raise
            keep_capabilities(index, Capabilities())  # a page that cannot be read proves nothing; soon again

    def _ask(self, **query: Any) -> ListedTickets:
        self._calls += 1
        wants_custom = bool(listed_fields().kinds)
        return get_api().list_tickets(**query, with_custom_fields=wants_custom, request_id="index")

    def _read_newest(self, index: TicketIndex, able: Capabilities) -> None:
        """Read one page of the newest tickets; the next step reads on while every row of a page is new."""
        offset = self._newest_offset or 0
        query = _newest_query(index, able)
        began = database_now()
        try:
            page = self._ask(limit=able.page_size, offset=offset, **query)
        except TicketApiError as error:
            if not _is_about_content(error):
                raise
            self._end_newest(index, began, error.reason)  # one bad row among the newest must not stop a sweep
            return
        changed = self._write(index, page, began, able)
        if able.sorts_by_updated and not _is_by_updated(page):
            keep_capabilities(index, replace(able, sorts_by_updated=False))
        is_all_news = page.received > 0 and len(changed) >= len(page.tickets) > 0
        goes_on = is_all_news and page.has_more is not False
        if goes_on and offset + page.received < MAX_NEWEST_PAGES * able.page_size:
            self._newest_offset = offset + page.received
            return
        self._end_newest(index, began, "")

    def _end_newest(self, index: TicketIndex, began: datetime, problem: str) -> None:
        self._newest_offset = None
        problem_at = began if problem else None
        TicketIndex.objects.filter(pk=index.pk).update(
            newest_at=began, problem=problem, problem_at=problem_at
        )

    def _sweep_page(self, index: TicketIndex, able: Capabilities) -> None:
        if not index.is_sweeping:
            _begin_sweep(index, able)
        cursor = Cursor(**index.cursor)
        began = database_now()
        try:
            page = self._ask(limit=cursor.limit, offset=cursor.offset, **_sweep_query(cursor))
        except TicketApiError as error:
            if not _may_be_one_row(error, cursor):
                raise
            _keep_cursor(index, _past_a_bad_row(cursor))
            return
        with transaction.atomic():
            TicketIndex.objects.select_for_update(no_key=True).get(pk=index.pk)  # before rows: see rows.py
            known = IndexedTicket.objects.filter(index=index, swept=index.sweep)
            again = known.filter(code__in=[one.code for one in page.tickets]).count()
            self._write(index, page, began, able, sweep=index.sweep)
            fresh = len({one.code for one in page.tickets}) - again
            _move_on(index, able, _with_unaddressable(cursor, page), page, fresh)

    def _write(
        self,
        index: TicketIndex,
        page: ListedTickets,
        began: datetime,
        able: Capabilities,
        *,
        sweep: int | None = None,
    ) -> frozenset[str]:
        listed = listed_fields()
        seen = [seen_in_list(one, self._choices, listed) for one in page.tickets]
        missing = frozenset(name for one in seen for name in one.values) - able.fields
        if missing:
            keep_capabilities(index, replace(able, fields=able.fields | missing))
        return _write_page(index, seen, began, sweep)

    def _after_failure(self, index: TicketIndex, error: TicketApiError) -> float:
        self._failures += 1
        self._newest_offset = None
        event(logger, "index_read_failed", level=logging.WARNING, reason=error.reason)
        TicketIndex.objects.filter(pk=index.pk).update(problem=error.reason, problem_at=database_now())
        wait = min(BACK_OFF * 2.0 ** min(self._failures - 1, 10), MAX_BACK_OFF)
        return max(wait, min(error.retry_after or 0.0, MAX_BACK_OFF))


def _is_refused(index: TicketIndex) -> bool:
    """Return whether the list was refused too recently to be requested again."""
    if index.problem not in REFUSALS or index.problem_at is None:
        return False
    return database_now() - index.problem_at < REFUSED_FOR


# --- newest first --------------------------------------------------------------------------------


def _is_newest_due(index: TicketIndex, now: datetime) -> bool:
    if index.newest_at is None:
        return True
    is_used = index.wanted_at is not None and now - index.wanted_at < IN_USE_FOR
    return now - index.newest_at >= (NEWEST_EVERY if is_used else NEWEST_EVERY_UNUSED)


def _newest_query(index: TicketIndex, able: Capabilities) -> dict[str, Any]:
    if able.sorts_by_updated:
        return {"order": ("updated_at", "DESC")}
    if able.filters_by_updated:
        newest = index.tickets.exclude(updated_at=None).order_by("-updated_at").first()
        return {"filters": {"updated_at:gte": newest.values[UPDATED]}} if newest else {}
    return {"order": ("id", "DESC")} if able.sorts_by_id else {}


def _is_by_updated(page: ListedTickets) -> bool:
    return is_sorted((moment_of(one.updated_at or "") for one in page.tickets), descending=True)


# --- the sweep -----------------------------------------------------------------------------------


def _is_sweep_due(index: TicketIndex, now: datetime, able: Capabilities) -> bool:
    if index.sweep_finished_at is None:
        return True
    pause = SWEEP_PAUSE_WHERE_UPDATES_SHOW if able.finds_updates else SWEEP_PAUSE
    return now - index.sweep_finished_at >= pause


def start_sweep(index: TicketIndex) -> None:
    """Begin a sweep of the whole list now, unless one is under way: the next steps go on with it."""
    if not index.is_sweeping:
        _begin_sweep(index, capabilities_of(index))


def _begin_sweep(index: TicketIndex, able: Capabilities) -> None:
    cursor = Cursor(limit=able.page_size, by_id=able.pages_by_id).as_json()
    index.keep(sweep=index.sweep + 1, sweep_started_at=database_now(), is_sweeping=True, cursor=cursor)


def _sweep_query(cursor: Cursor) -> dict[str, Any]:
    if not cursor.by_id:
        return {}
    after = {"filters": {"id:gt": str(cursor.after)}} if cursor.after else {}
    return {"order": ("id", "ASC"), **after}


def _move_on(index: TicketIndex, able: Capabilities, cursor: Cursor, page: ListedTickets, fresh: int) -> None:
    """Move the cursor past a page, or end the sweep."""
    is_news = fresh or len(cursor.unaddressable) > len(index.cursor.get("unaddressable", ()))
    idle = 0 if is_news else cursor.idle + 1
    ids = page.numbers
    limit = min(2 * cursor.limit, able.page_size)
    moved = replace(
        cursor, rows=cursor.rows + fresh, idle=idle, pages=cursor.pages + 1, limit=limit, bad=0, tail=""
    )
    if cursor.by_id:
        if min(ids, default=cursor.after + 1) <= cursor.after or not is_sorted(ids, descending=False):
            keep_capabilities(
                index, replace(able, filters_by_id=False)
            )  # it was there once, and no longer is
            moved = replace(moved, by_id=False, after=0, offset=0, idle=0)
            _keep_cursor(index, moved)
            return
        moved = replace(moved, after=max(ids, default=cursor.after), offset=0)
    else:
        moved = replace(moved, **_next_offset(cursor, page))
    is_last = page.received == 0 or page.has_more is False or idle >= MAX_IDLE_PAGES
    is_last = is_last or (not cursor.by_id and page.received == 1 and not fresh) or moved.pages >= MAX_PAGES
    if is_last:
        _end_sweep(index, moved)
    else:
        _keep_cursor(index, moved)


def _next_offset(cursor: Cursor, page: ListedTickets) -> dict[str, Any]:
    """Return the next offset and tail. Pages overlap by a row; where it is gone, rows slipped by: go back."""
    if cursor.tail and page.names and cursor.tail not in page.names:
        return {"offset": max(cursor.offset - cursor.limit // 2, 0)}
    tail = page.names[-1] if page.names else ""
    return {"offset": cursor.offset + max(page.received - 1, 1), "tail": tail}


def _with_unaddressable(cursor: Cursor, page: ListedTickets) -> Cursor:
    """Record the rows that are left out of the index, because no URL of this tool can hold their codes."""
    known = dict.fromkeys([*cursor.unaddressable, *sorted(page.unaddressable)])
    return replace(cursor, unaddressable=tuple(known)[:MAX_UNADDRESSABLE])


def _keep_cursor(index: TicketIndex, cursor: Cursor) -> None:
    index.keep(cursor=cursor.as_json(), problem="", problem_at=None)


def _end_sweep(index: TicketIndex, cursor: Cursor) -> None:
    """End a sweep: tickets neither listed nor read meanwhile are doubtful until they are read themselves."""
    now, is_first = database_now(), index.sweep_finished_at is None
    index.keep(
        is_sweeping=False,
        sweep_finished_at=now,
        sweep_rows=cursor.rows,
        cursor={},
        unaddressable=list(cursor.unaddressable),
        problem="",
        problem_at=None,
    )
    unseen = index.tickets.filter(swept__lt=index.sweep, read_at__lt=index.sweep_started_at)
    unseen.filter(missing_at=None, doubted_at=None).update(doubted_at=now)
    refresh_statistics(is_first=is_first)
    event(logger, "index_swept", sweep=index.sweep, rows=cursor.rows, pages=cursor.pages)


def _may_be_one_row(error: TicketApiError, cursor: Cursor) -> bool:
    """Return whether a page may be unreadable because of one row: earlier pages could be read."""
    is_known_to_work = cursor.rows > 0 or error.reason == "oversized"
    return _is_about_content(error) and is_known_to_work and cursor.bad < MAX_BAD_ROWS


def _is_about_content(error: TicketApiError) -> bool:
    """Return whether an error may come from what a page holds, rather than from a CRM that is away."""
    return isinstance(error, UnexpectedReply) or error.reason == "server_error"


def _past_a_bad_row(cursor: Cursor) -> Cursor:
    """Read fewer rows at a time, and skip a row that cannot be read even by itself."""
    if cursor.limit > 1:
        return replace(cursor, limit=cursor.limit // 2)
    logger.warning(
        "one row of the CRM's list cannot be read: offset %s after %s", cursor.offset, cursor.after
    )
    return replace(cursor, offset=cursor.offset + 1, bad=cursor.bad + 1, tail="")


def _write_page(
    index: TicketIndex, seen: list[ReadRow], began: datetime, sweep: int | None
) -> frozenset[str]:
    """Write a page; where the database refuses it, write row by row and pass over those that it refuses."""
    try:
        with transaction.atomic():
            return write_rows(index, seen, began_at=began, read_from=ReadFrom.LIST, sweep=sweep)
    except (DatabaseError, ValueError) as error:
        if len(seen) == 1:
            logger.warning("ticket %s cannot be kept: %s", seen[0].code, type(error).__name__)
            return frozenset()
    return frozenset[str]().union(*(_write_page(index, [one], began, sweep) for one in seen))


# --- doubt ---------------------------------------------------------------------------------------


def _settle_doubt(index: TicketIndex) -> bool:
    """Read one ticket that the list stopped showing; return whether there was one."""
    if reading_state() is not Reading.WORKS:
        return False
    doubted = index.tickets.filter(doubted_at__isnull=False).order_by("doubted_at").first()
    if doubted is None:
        return False
    try:
        read_ticket(doubted.code, get_choices())
    except (NotFound, CannotRead, UnexpectedReply):
        # Not found: the row was marked. Otherwise nothing is known, and other tickets come first.
        still = IndexedTicket.objects.filter(pk=doubted.pk, doubted_at__isnull=False)
        still.update(doubted_at=database_now())
    return True
