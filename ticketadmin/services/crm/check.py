"""Does the connection to the CRM work, and what may the key do? Told in words; nothing is written to it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.logs import request_id
from ticketadmin.models import Change, Outcome, Reading, RemoteSnapshot, User
from ticketadmin.services.crm.connection import get_api, reading_state
from ticketadmin.services.crm.explanations import explain_reason
from ticketadmin.services.people.access import require
from ticketadmin.ticketapi.errors import NotAllowed, NotFound, TicketApiError

CHECK = "check"
SHOWN_ERRORS = 8
RECENT = timedelta(days=1)
STEPS: dict[str, str | Promise] = {
    "reach": _("The CRM can be reached"),
    "key": _("The key is accepted"),
    "statuses": _("The list of statuses can be read"),
    "categories": _("The list of categories can be read"),
    "list": _("Tickets can be listed"),
    "read": _("A ticket can be read"),
}
WORKS, REFUSED, FAILS, UNKNOWN = "works", "refused", "fails", "unknown"


@dataclass(frozen=True)
class Step:
    """One question and its answer: works, refused (the key may not), fails, or unknown."""

    name: str
    state: str
    reason: str = ""
    ms: float | None = None

    @property
    def label(self) -> str | Promise:
        """The question in words."""
        return STEPS[self.name]

    @property
    def why(self) -> str | Promise:
        """What went wrong in words, "" if nothing did."""
        return explain_reason(self.reason).title if self.reason else ""


@dataclass(frozen=True)
class Report:
    """The answers of one check."""

    at: datetime
    steps: tuple[Step, ...]

    @property
    def works(self) -> bool:
        """Tell whether tickets can be saved at all: what the key may not read only narrows the tool."""
        return all(step.state in {WORKS, REFUSED, UNKNOWN} for step in self.steps)


def check_api() -> Report:
    """Ask the CRM everything that reading can tell, and remember the answers. Never raises."""
    steps = tuple(_answers())
    report = Report(timezone.now(), steps)
    value = {"steps": [asdict(step) for step in steps], "at": report.at.isoformat()}
    RemoteSnapshot.objects.update_or_create(name=CHECK, defaults={"value": value, "fetched_at": report.at})
    return report


def last_report(actor: User) -> Report | None:
    """Return the answers of the last check. Raises Forbidden."""
    require(actor, "view_connection")
    row = RemoteSnapshot.objects.filter(name=CHECK).first()
    if row is None:
        return None
    steps = tuple(Step(**step) for step in row.value["steps"])
    return Report(datetime.fromisoformat(row.value["at"]), steps)


def _answers() -> Iterator[Step]:
    api, asked_as = get_api(), request_id.get()
    statuses = _ask("statuses", lambda: api.list_statuses(request_id=asked_as))
    is_away = statuses.state == FAILS and statuses.reason != "key_refused"
    yield Step("reach", FAILS, statuses.reason) if is_away else Step("reach", WORKS, ms=statuses.ms)
    if is_away:
        yield from (Step(name, UNKNOWN) for name in STEPS if name != "reach")
        return
    is_refused = statuses.reason in {"key_refused", "no_key"}
    yield Step("key", FAILS, statuses.reason) if is_refused else Step("key", WORKS)
    yield statuses
    yield _ask("categories", lambda: api.list_categories(request_id=asked_as))
    codes: list[str] = []
    yield _ask("list", lambda: codes.extend(one.code for one in api.list_tickets(limit=1).tickets))
    yield _ask("read", lambda: api.get_ticket(codes[0])) if codes else Step("read", UNKNOWN)


def _ask(name: str, ask: Callable[[], object]) -> Step:
    started = time.monotonic()
    try:
        ask()
    except (NotAllowed, NotFound) as error:
        return Step(name, REFUSED, error.reason, _ms(started))
    except TicketApiError as error:
        return Step(name, FAILS, error.reason, _ms(started))
    return Step(name, WORKS, ms=_ms(started))


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


@dataclass(frozen=True)
class Facts:
    """What is known without asking: the address, whether tickets are read, recent saves."""

    host: str
    reading: Reading
    saves: int
    median_ms: float | None
    slowest_ms: float | None
    errors: tuple[Change, ...]


def connection_facts(actor: User) -> Facts:
    """Return what recent saves tell of the connection. Raises Forbidden."""
    require(actor, "view_connection")
    recent = Change.objects.filter(created_at__gte=timezone.now() - RECENT).order_by("-id")
    times = [ms for ms in recent.values_list("duration_ms", flat=True)[:500] if ms is not None]
    failed = recent.filter(outcome__in=[Outcome.REJECTED, Outcome.UNKNOWN, Outcome.NOT_APPLIED])
    return Facts(
        host=urlsplit(settings.TICKET_API_URL).netloc.rpartition("@")[2],
        reading=reading_state(),
        saves=len(times),
        median_ms=median(times) if times else None,
        slowest_ms=max(times, default=None),
        errors=tuple(failed[:SHOWN_ERRORS]),
    )
