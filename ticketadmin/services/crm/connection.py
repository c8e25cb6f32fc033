"""The one client of the remote API in a process, and what is known of the rights of its key.

`get_api()` hands out the pooled client. Whether the key may read tickets is learnt from real answers and
remembered in the database, so that every process knows and a restart does not forget.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from ticketadmin.logs import event
from ticketadmin.metrics import REMOTE_CALLS, REMOTE_RETRIES, REMOTE_SECONDS
from ticketadmin.models import CrmSnapshot, Reading, Snapshot
from ticketadmin.services.crm.circuit_breaker import CircuitBreaker
from ticketadmin.services.crm.concurrency import concurrency_limit
from ticketadmin.services.crm.hold import note_wait, refuse_while_held
from ticketadmin.services.crm.rate_limit import wait_for_place
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.calls import ApiConfig
from ticketadmin.ticketapi.client import TicketApi
from ticketadmin.ticketapi.keys import ApiKey

REFUSAL_BELIEVED_FOR = timedelta(minutes=10)
READS_REMEMBERED = 20

logger = logging.getLogger("ticketadmin.remote")


class CallGate:
    """Decides whether a call may be made: holds, calls at once, the circuit breaker, the rate limit."""

    def __init__(self) -> None:
        self._breaker = CircuitBreaker()

    def enter(self, *, within: float, places: int = 1) -> None:
        """Return when an attempt may be made. Raises Unavailable: circuit_open, or busy_here."""
        refuse_while_held()
        limit = concurrency_limit.get()
        waited = limit.enter(within=within, places=places) if limit else 0.0
        try:
            self._breaker.refuse_while_open()
            waited += wait_for_place(within - waited, places)
            if waited > 0:
                refuse_while_held()  # the CRM may have asked to wait meanwhile
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Count an attempt as ended."""
        if limit := concurrency_limit.get():
            limit.leave()

    def note(self, call: Call) -> None:
        """Learn from an attempt."""
        note_wait(call)
        self._breaker.note(call)


class CrmConnection:
    """The client of a process, created when first used, and the listeners to its calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: TicketApi | None = None
        self._listeners: list[Callable[[Call], None]] = []
        self._reads: deque[float] = deque(maxlen=READS_REMEMBERED)

    def get_api(self) -> TicketApi:
        """Return this process's client for the API that the settings name."""
        with self._lock:
            if self._api is None:
                gate = CallGate()
                self._api = TicketApi(_config(), observer=partial(self._observe, gate), gate=gate)
            return self._api

    def forget_api(self) -> None:
        """Close the pooled connections; the next call makes a new client from the settings."""
        with self._lock:
            if self._api is not None:
                self._api.close()
            self._api = None
            self._reads.clear()

    def listen(self, listener: Callable[[Call], None]) -> Callable[[], None]:
        """Call a listener after each attempt of this process, in its thread; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def recent_read_seconds(self) -> list[float]:
        """Return how long the last reads of this process took, READS_REMEMBERED at most."""
        return list(self._reads)

    def _observe(self, gate: CallGate, call: Call) -> None:
        if call.method == "GET":
            self._reads.append(call.seconds)
        _count(call)
        # Listeners first: they hold other threads in memory, while the gate may wait for the database.
        for listener in list(self._listeners):
            listener(call)
        gate.note(call)


def _count(call: Call) -> None:
    """Count an attempt in the metrics and log it."""
    result = str(call.http_status) if call.http_status else (call.reason or "unknown")
    REMOTE_CALLS.labels(call.method, call.endpoint, result).inc()
    REMOTE_SECONDS.labels(call.method, call.endpoint).observe(call.seconds)
    if call.attempt > 1:
        REMOTE_RETRIES.labels(call.endpoint).inc()
    event(
        logger,
        "remote_call",
        method=call.method,
        endpoint=call.endpoint,
        status=call.http_status,
        reason=call.reason,
        attempt=call.attempt,
        ms=round(call.seconds * 1000, 1),
    )


def _config() -> ApiConfig:
    key = settings.TICKET_API_KEY
    timeout = settings.TICKET_API_TIMEOUT
    return ApiConfig(
        url=settings.TICKET_API_URL,
        key=ApiKey(value=key) if key else ApiKey(file=settings.TICKET_API_KEY_FILE),
        code_keys=tuple(settings.TICKET_API_CODE_KEYS),
        cookie=settings.TICKET_API_COOKIE,
        read_timeout=timeout,
        connect_timeout=min(3.0, timeout),
        deadline=2 * timeout,
        ca_file=settings.TICKET_API_CA_FILE or None,
        proxy=settings.TICKET_API_PROXY or None,
    )


_connection = CrmConnection()  # one pool of connections per process
get_api = _connection.get_api
forget_api = _connection.forget_api
listen = _connection.listen
recent_read_seconds = _connection.recent_read_seconds


def may_try_reading() -> bool:
    """Return whether the settings let tickets be read at all."""
    return bool(settings.TICKET_API_READ != "off")


def reading_state() -> Reading:
    """Return whether tickets can be read, from the setting and the answers remembered."""
    return state_in(CrmSnapshot.objects.kept(Snapshot.READING))


def state_in(row: CrmSnapshot | None) -> Reading:
    """Return what `reading_state` does, from the row that remembers it, if there is one."""
    if not may_try_reading():
        return Reading.REFUSED
    if row is None:
        return Reading.UNKNOWN
    state = Reading(row.value["state"])
    # A right can be granted later, so a refusal is believed only for some minutes.
    is_old = timezone.now() - row.fetched_at > REFUSAL_BELIEVED_FOR
    return Reading.UNKNOWN if state is Reading.REFUSED and is_old else state


def remember_reading(state: Reading) -> None:
    """Store whether the key may read, as an answer showed; written only when it changes."""
    if may_try_reading() and reading_state() is not state:
        CrmSnapshot.objects.keep(Snapshot.READING, {"state": state.value})
