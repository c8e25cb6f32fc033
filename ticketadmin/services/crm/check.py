"""Checks whether the connection to the CRM works and what the key may do. Nothing is written to the CRM.

Answers are values; what users read about them is in `presenters.connection`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from ticketadmin.models import Change, CrmSnapshot, Outcome, Reading, Snapshot, User
from ticketadmin.request_ids import current_request_id
from ticketadmin.services.crm.connection import get_api, reading_state, remember_reading
from ticketadmin.services.people.access import require
from ticketadmin.ticketapi.errors import NotAllowed, NotFound, TicketApiError
from ticketadmin.ticketapi.reasons import Reason

SHOWN_ERRORS = 8
RECENT = timedelta(days=1)


class CheckQuestion(StrEnum):
    """The questions of a check, in this order."""

    REACH = "reach"
    KEY = "key"
    STATUSES = "statuses"
    CATEGORIES = "categories"
    LIST = "list"
    READ = "read"


class CheckAnswer(StrEnum):
    """The answer to one of them. `REFUSED`: the key may not do it."""

    WORKS = "works"
    REFUSED = "refused"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class CheckStep:
    """One question and its answer; `reason` says what went wrong, `ms` how long the CRM took."""

    name: CheckQuestion
    state: CheckAnswer
    reason: Reason | None = None
    ms: float | None = None

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "CheckStep":
        """Return the step that was kept with `asdict`."""
        return cls(
            CheckQuestion(kept["name"]),
            CheckAnswer(kept["state"]),
            Reason.known(kept["reason"] or ""),
            kept["ms"],
        )


@dataclass(frozen=True)
class Report:
    """The answers of one check."""

    at: datetime
    steps: tuple[CheckStep, ...]

    @property
    def works(self) -> bool:
        """Return whether tickets can be saved at all: what the key may not read only narrows the tool."""
        return all(step.state is not CheckAnswer.FAILS for step in self.steps)


def check_api() -> Report:
    """Check everything that can be checked by reading, and store the answers. Never raises."""
    steps = tuple(_answers())
    report = Report(timezone.now(), steps)
    if any(step.name is CheckQuestion.READ and step.state is CheckAnswer.WORKS for step in steps):
        remember_reading(Reading.WORKS)
    CrmSnapshot.objects.keep(Snapshot.CHECK, {"steps": [asdict(step) for step in steps]}, at=report.at)
    return report


def last_report(user: User) -> Report | None:
    """Return the answers of the last check. Raises Forbidden."""
    require(user, "view_connection")
    row = CrmSnapshot.objects.kept(Snapshot.CHECK)
    if row is None:
        return None
    return Report(row.fetched_at, tuple(CheckStep.from_json(step) for step in row.value["steps"]))


def _answers() -> Iterator[CheckStep]:
    api, request_id = get_api(), current_request_id()
    statuses = _ask(CheckQuestion.STATUSES, lambda: api.list_statuses(request_id=request_id))
    if statuses.state is CheckAnswer.FAILS and statuses.reason is not Reason.KEY_REFUSED:
        yield CheckStep(CheckQuestion.REACH, CheckAnswer.FAILS, statuses.reason)
        yield from (
            CheckStep(name, CheckAnswer.UNKNOWN) for name in CheckQuestion if name is not CheckQuestion.REACH
        )
        return
    codes: list[str] = []
    categories = _ask(CheckQuestion.CATEGORIES, lambda: api.list_categories(request_id=request_id))
    tickets = _ask(
        CheckQuestion.LIST, lambda: codes.extend(one.code for one in api.list_tickets(limit=1).tickets)
    )
    yield CheckStep(CheckQuestion.REACH, CheckAnswer.WORKS, ms=statuses.ms)
    yield _key_in((statuses, categories, tickets))
    yield from (statuses, categories, tickets)
    unknown = CheckStep(CheckQuestion.READ, CheckAnswer.UNKNOWN)
    yield _ask(CheckQuestion.READ, lambda: api.get_ticket(codes[0])) if codes else unknown


def _key_in(lists: Sequence[CheckStep]) -> CheckStep:
    """Return what the answers to lists say about the key. A 404 says nothing about it."""
    refused = next((one.reason for one in lists if one.reason and one.reason.is_key_problem), None)
    if refused:
        return CheckStep(CheckQuestion.KEY, CheckAnswer.FAILS, refused)
    is_seen = any(one.state is CheckAnswer.WORKS or one.reason is Reason.FORBIDDEN for one in lists)
    return CheckStep(CheckQuestion.KEY, CheckAnswer.WORKS if is_seen else CheckAnswer.UNKNOWN)


def _ask(name: CheckQuestion, ask: Callable[[], object]) -> CheckStep:
    state, reason, started = CheckAnswer.WORKS, None, time.monotonic()
    try:
        ask()
    except TicketApiError as error:
        reason = error.reason
        state = CheckAnswer.REFUSED if isinstance(error, NotAllowed | NotFound) else CheckAnswer.FAILS
    return CheckStep(name, state, reason, round((time.monotonic() - started) * 1000, 1))


@dataclass(frozen=True)
class Facts:
    """What is known without a call: the address, whether tickets are read, recent saves."""

    host: str
    reading: Reading
    saves: int
    median_ms: float | None
    slowest_ms: float | None
    errors: tuple[Change, ...]

    @property
    def may_read(self) -> bool:
        """Return whether the key was seen to read tickets."""
        return self.reading is Reading.WORKS

    @property
    def may_not_read(self) -> bool:
        """Return whether the CRM refused to let the key read tickets."""
        return self.reading is Reading.REFUSED


def connection_facts(user: User) -> Facts:
    """Return what recent saves show about the connection. Raises Forbidden."""
    require(user, "view_connection")
    recent = Change.objects.filter(created_at__gte=timezone.now() - RECENT).order_by("-id")
    times = [ms for ms in recent.values_list("duration_ms", flat=True)[:500] if ms is not None]
    failed = recent.filter(outcome__in=[one for one in Outcome if one.is_failed])
    return Facts(
        host=urlsplit(settings.TICKET_API_URL).netloc.rpartition("@")[2],
        reading=reading_state(),
        saves=len(times),
        median_ms=median(times) if times else None,
        slowest_ms=max(times, default=None),
        errors=tuple(failed[:SHOWN_ERRORS]),
    )
