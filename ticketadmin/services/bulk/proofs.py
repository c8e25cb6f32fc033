"""Read-backs of what a run wrote, gathered for a moment and made by one call of the CRM's list.

A row counts only if it proves the write as completely as reading the ticket would: every field that was
read before the write is in it, the sent ones as sent, the others as they were, and the CRM's own time of the
last change is later than before the write, so that no row from an earlier time can pass. Any other ticket is
read singly before it is judged.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ticketadmin.models import BulkItem, Outcome
from ticketadmin.services.bulk.items import end_verified
from ticketadmin.services.bulk.lists import ListReads
from ticketadmin.services.bulk.results import Done, ItemResult, Singly
from ticketadmin.services.bulk.work import Work
from ticketadmin.services.crm.reading import ReadBack, ReadTicket, announce_read
from ticketadmin.services.index.moments import moment_of
from ticketadmin.services.saving.readback import was_settled_elsewhere
from ticketadmin.services.saving.record import Received, finish_verified
from ticketadmin.services.saving.sending import Written
from ticketadmin.services.saving.verdict import Verdict, WriteState, judge

MAX_PROOF_WAIT = 0.7  # seconds for which a write waits for others, so that it is read within one second
MAX_TOGETHER = 50
MAX_OPEN = 2 * MAX_TOGETHER  # written and not proved; with more, nothing further is written

_ABSENT = object()


@dataclass(frozen=True)
class Unproved:
    """An item whose write was accepted, and since when it waits for its read-back."""

    item: BulkItem
    written: Written
    since: float


class Proofs:
    """The items of one run that were written and wait for their read-back. Used by one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._together: deque[Unproved] = deque()
        self._singly: deque[Unproved] = deque()
        self._under_way: dict[int, Unproved] = {}

    @property
    def open(self) -> int:
        """Return how many items are not proved yet."""
        return len(self._together) + len(self._singly) + len(self._under_way)

    @property
    def is_full(self) -> bool:
        """Return whether so many items are unproved that nothing more may be written."""
        return self.open >= MAX_OPEN

    def add(self, item: BulkItem, written: Written) -> None:
        """Keep an item that was just written."""
        self._together.append(Unproved(item, written, self._clock()))

    def read_singly(self, unproved: Unproved) -> None:
        """Keep an item whose row did not prove it."""
        self._singly.append(unproved)

    def take_up(self, item: BulkItem) -> Unproved | None:
        """Return an item whose read-back was under way and has ended, None for any other."""
        return self._under_way.pop(item.pk, None)

    def wait(self) -> float:
        """Return the seconds until the next read-back is due; a long time if none waits."""
        if self._singly:
            return 0.0
        if not self._together:
            return MAX_PROOF_WAIT
        return max(0.0, self._together[0].since + MAX_PROOF_WAIT - self._clock())

    def due(self, *, at_once: bool) -> list[Unproved]:
        """Take the items that are to be read back now: one singly, or many together."""
        taken = self._taken(at_once=at_once)
        self._under_way |= {one.item.pk: one for one in taken}
        return taken

    def _taken(self, *, at_once: bool) -> list[Unproved]:
        if self._singly:
            return [self._singly.popleft()]
        if not (at_once or len(self._together) >= MAX_TOGETHER or self.wait() == 0):
            return []
        return [self._together.popleft() for _one in range(min(MAX_TOGETHER, len(self._together)))]


def prove_together(work: Work, unproved: Sequence[Unproved], lists: ListReads) -> list[ItemResult]:
    """Read many items back by one call and end those that it proves; the others are to be read singly."""
    if not lists.is_on or len(unproved) == 1:
        return [Singly() for _one in unproved]
    rows = lists.read([one.item.ticket_code for one in unproved], work.schema.choices)
    proved: list[tuple[Unproved, Verdict, Received]] = []
    results: list[ItemResult] = []
    for one in unproved:
        row = rows.get(one.item.ticket_code)
        verdict = _verdict(one.written, row) if row is not None else None
        if row is None or verdict is None or was_settled_elsewhere(one.written.change):
            results.append(Singly())
            continue
        announce_read(row, before=one.written.intent.read)
        proved.append((one, verdict, one.written.received))
        results.append(Done())
    if rows and not proved:
        lists.stop()
    finish_verified([(one.written.change, verdict, received) for one, verdict, received in proved])
    end_verified([(one.item, one.written.change) for one, *_rest in proved])
    return results


def _verdict(written: Written, row: ReadTicket) -> Verdict | None:
    """Return the verdict that a row proves, None if it is not exactly as expected."""
    intent = written.intent
    if intent.before is None or intent.read is None or not _is_newer(row.updated_at, intent.read.updated_at):
        return None
    sent = {*intent.wanted, *([intent.signature.field] if intent.signature else [])}
    kept = {name: value for name, value in intent.before.items() if name not in sent}
    if not sent <= row.values.keys() or any(row.values.get(name, _ABSENT) != kept[name] for name in kept):
        return None
    found = ReadBack(row, row.values_for(written.sent.names))
    verdict = judge(written.sent, found, written.edited.schema, WriteState.JUST_ACCEPTED)
    is_simple = verdict.outcome is Outcome.VERIFIED and verdict.signature in {None, Outcome.VERIFIED}
    return verdict if is_simple and not verdict.collateral and not verdict.unchecked else None


def _is_newer(after: str | None, before: str | None) -> bool:
    """Return whether the CRM dates a change after another; both times are in its own spelling and zone."""
    later, earlier = moment_of(after or ""), moment_of(before or "")
    return later is not None and earlier is not None and later > earlier
