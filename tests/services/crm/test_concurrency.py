"""The limit of concurrent calls: never more than allowed, writes first, every place freed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tests.sandbox_driver import Sandbox
from tests.waiting import LIMIT, wait_until
from ticketadmin.models import Change, Outcome, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.concurrency import ConcurrencyLimit, concurrency_limit
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.saving.edit import Edit, Set
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import SaveContext, TicketEdit
from ticketadmin.services.saving.save import save_ticket
from ticketadmin.services.values.schema import load_schema
from ticketadmin.ticketapi.errors import TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason

READ, FIRST_READ, WRITE = 1, 2, 0  # places under the rate limit
CODE = "ABCXYZ1234"


class Callers:
    """Threads that make one call each under a limit; a call lasts until it is let go."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.limit = limit
        self.inside: list[str] = []
        self.entered: list[str] = []
        self.refused: dict[str, Unavailable] = {}
        self.most = 0
        self._ends: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, name: str, places: int = READ, within: float = LIMIT) -> None:
        """Begin a call in a thread of its own; return once it is inside, refused, or has to wait."""
        self._ends[name] = threading.Event()
        thread = threading.Thread(target=self._call, args=(name, places, within))
        self._threads.append(thread)
        queued = self.limit.waiting + 1
        thread.start()
        wait_until(lambda: name in self.entered or name in self.refused or self.limit.waiting == queued, name)

    def _call(self, name: str, places: int, within: float) -> None:
        try:
            self.limit.enter(within=within, places=places)
        except Unavailable as error:
            self.refused[name] = error
            return
        with self._lock:
            self.inside.append(name)
            self.entered.append(name)
            self.most = max(self.most, len(self.inside))
        self._ends[name].wait(LIMIT)
        with self._lock:
            self.inside.remove(name)
        self.limit.leave()

    def end(self, name: str) -> None:
        """Let a call end."""
        self._ends[name].set()
        wait_until(lambda: name not in self.inside, f"{name} does not end")

    def close(self) -> None:
        for end in self._ends.values():
            end.set()
        for thread in self._threads:
            thread.join(LIMIT)


@contextmanager
def callers(limit: ConcurrencyLimit) -> Iterator[Callers]:
    made = Callers(limit)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_more_calls_than_allowed_are_under_way(most: int) -> None:
    names = [f"call {number}" for number in range(3 * most)]
    with callers(ConcurrencyLimit(most)) as work:
        for name in names:
            work.start(name)
        assert work.inside == names[:most]
        for name in names:
            work.end(name)
            wait_until(lambda: len(work.inside) == min(most, len(names) - names.index(name) - 1), name)  # noqa: B023

    assert work.entered == names
    assert work.most == most


def test_a_write_overtakes_waiting_reads() -> None:
    with callers(ConcurrencyLimit(1)) as work:
        work.start("running")
        work.start("read", FIRST_READ)
        work.start("write", WRITE, within=LIMIT)
        work.end("running")
        wait_until(lambda: len(work.entered) > 1 or work.refused, "nothing follows")

    assert "read" not in work.entered[:2]  # also where the machine was so slow that the write was refused


def test_a_write_that_waits_too_long_must_be_compared_again() -> None:
    with callers(ConcurrencyLimit(1)) as work:
        work.start("running")
        work.start("write", WRITE)
        refused = wait_until(lambda: work.refused.get("write"), "the write waits on")
        assert (refused.reason, refused.again_in) == (Reason.BUSY_HERE, 0.0)
        work.end("running")
        work.start("next")
        assert work.inside == ["next"]  # the place of the refused write is not taken


def test_a_read_without_a_turn_in_time_is_refused_and_takes_no_place() -> None:
    with callers(ConcurrencyLimit(1)) as work:
        work.start("running")
        work.start("read", within=0.01)
        refused = wait_until(lambda: work.refused.get("read"), "the read waits on")
        assert (refused.reason, refused.again_in) == (Reason.BUSY_HERE, None)
        work.end("running")
        work.start("next")
        assert work.inside == ["next"]


def test_a_larger_limit_lets_waiting_calls_in_and_a_smaller_one_no_new_ones() -> None:
    with callers(ConcurrencyLimit(1)) as work:
        for number in range(4):
            work.start(f"call {number}")
        work.limit.allow(3)
        wait_until(lambda: len(work.inside) == 3, "nobody is let in")
        work.limit.allow(1)
        work.end("call 0")
        work.end("call 1")
        assert work.inside == ["call 2"]
        work.end("call 2")
        wait_until(lambda: work.inside == ["call 3"], "the last one is not let in")


@pytest.mark.parametrize(("places", "is_let_in"), [(FIRST_READ, False), (READ, True), (WRITE, True)])
def test_if_nothing_may_begin_only_started_saves_continue(places: int, is_let_in: bool) -> None:
    limit = ConcurrencyLimit(1, may_begin=lambda: False)
    with callers(limit) as work:
        work.start("call", places)
        assert ("call" in work.entered) is is_let_in
        work.end("call")
        work.start("next")
        assert work.inside == ["next"]


class Busy(ConcurrencyLimit):
    """A limit of one, all of which another call takes before the first write, until that was refused."""

    refused = 0

    def enter(self, *, within: float, places: int) -> float:
        if places != WRITE or self.refused:
            return super().enter(within=within, places=places)
        super().enter(within=within, places=READ)
        try:
            return super().enter(within=within, places=places)
        except Unavailable:
            self.refused += 1
            raise
        finally:
            self.leave()


@pytest.mark.django_db
def test_a_save_whose_write_got_no_turn_is_compared_again_and_stored(sandbox: Sandbox, staff: User) -> None:
    schema = load_schema(get_choices())
    edited = TicketEdit(CODE, Edit({"ticket_title": Set("Lượt sau")}), Base(CODE), schema)
    sandbox.forget_log()
    limit = Busy(1)
    token = concurrency_limit.set(limit)
    try:
        saved = save_ticket(edited, SaveContext(staff, uuid4()))
    finally:
        concurrency_limit.reset(token)

    assert limit.refused == 1
    assert [call.method for call in sandbox.log(code=CODE)] == ["GET", "GET", "PUT", "GET"]
    assert saved.change.outcome == Outcome.VERIFIED
    assert Change.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_a_call_frees_its_place_however_it_ends(status: int, sandbox: Sandbox) -> None:
    limit = ConcurrencyLimit(1)
    token = concurrency_limit.set(limit)
    if status != 200:
        sandbox.fault("status", code=CODE, method="GET", times=None, status=status)
    try:
        try:
            get_api().get_ticket(CODE)
        except TicketApiError:
            assert status != 200
    finally:
        concurrency_limit.reset(token)

    assert limit.enter(within=0.0, places=READ) >= 0
    assert sandbox.log("GET", CODE)
