"""One call of the remote ticket API: attempts, deadline, limits. The only file that imports requests.

Requests go straight to the adapter with the pooled connections, without a session of `requests`. So nothing
follows a redirect, keeps a cookie or takes a proxy from the environment: the key must not travel. What a
session computes for each request costs as much as sending it. `client` says which endpoint is called.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any
from urllib.parse import quote_plus

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import default_headers

from ticketadmin import __version__
from ticketadmin.ticketapi.attempts import Call, Gate
from ticketadmin.ticketapi.errors import (
    Effect,
    OutcomeUnknown,
    TicketApiError,
    Unavailable,
    UnexpectedReply,
)
from ticketadmin.ticketapi.keys import ApiKey
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.replies import Reply, data_of
from ticketadmin.ticketapi.retrying import RetryPolicy
from ticketadmin.ticketapi.tickets import Json
from ticketadmin.ticketapi.transport import Watch, use_watched_connections

API_PATH = "/api/v6.1"
USER_AGENT = f"ticketadmin/{__version__}"
CHUNK_BYTES = 65_536
MAX_WRITE_WAIT = 0.3  # seconds that a write may be held before its caller has to compare afresh
SHORTEST_ATTEMPT = 0.1  # seconds: with less left, another attempt would only hide why the last one failed
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class ApiConfig:
    """The address of the API and the limits of time: `deadline` bounds a call with its retries."""

    url: str
    key: ApiKey
    code_keys: tuple[str, ...] = ("ticket_code",)
    cookie: str = field(default="", repr=False)
    read_timeout: float = 10.0
    connect_timeout: float = 3.0
    deadline: float = 20.0
    max_bytes: int = 2_000_000
    pool_size: int = 32
    ca_file: str | None = None
    proxy: str | None = None
    retrying: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class Request:
    """A request to the API. `places` are taken under the rate limit at once: more than one for a read
    whose write is to follow without a wait, none for that write.
    """

    method: str
    endpoint: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Json] | None = field(default=None, repr=False)
    request_id: str = ""
    places: int = 1

    @property
    def is_write(self) -> bool:
        """Return whether the CRM may be changed by it."""
        return self.method != "GET"


class Caller:
    """A pooled, thread-safe HTTP client for one API. `call` raises TicketApiError and nothing else.

    `observer` is called after each attempt and must not raise; `gate` is called before each.
    """

    def __init__(
        self,
        config: ApiConfig,
        *,
        observer: Callable[[Call], None] | None = None,
        gate: Gate | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config
        self._observer, self._gate = observer, gate
        self._sleep = sleep
        self._wire = _Wire(config)

    def close(self) -> None:
        """Close the pooled connections."""
        self._wire.close()

    def call(self, request: Request, *, after: TicketApiError | None = None) -> Reply:
        """Return the answer to a request, repeated if that is safe and passes within the deadline.

        A write that would have to wait longer than MAX_WRITE_WAIT is not repeated here: its caller
        has to compare afresh first. The error then says after how many seconds (`again_in`); passed back as
        `after`, the tries and waits before it count.
        """
        give_up = time.monotonic() + self.config.deadline
        attempt, waited = (after.attempts + 1, after.waited) if after else (1, 0.0)
        hold_until = time.monotonic() + MAX_WRITE_WAIT if request.is_write else give_up
        if self._gate:
            self._gate.enter(within=self.config.deadline, places=request.places)
        while True:
            result = self._attempt(request, attempt, give_up)
            error = _retryable(result, request.method)
            if error is None:
                break
            wait = self.config.retrying.wait(error, method=request.method, attempt=attempt, waited=waited)
            if wait is None:
                break
            error.attempts, error.waited = attempt, waited + wait
            if time.monotonic() + wait > min(hold_until, give_up - SHORTEST_ATTEMPT):
                error.again_in = wait if request.is_write else None
                raise error
            self._sleep(wait)
            attempt, waited = attempt + 1, waited + wait
            if not self._may_retry(hold_until):
                error.again_in = 0.0 if request.is_write else None
                raise error
        if isinstance(result, TicketApiError):
            raise result
        return result

    def _may_retry(self, until: float) -> bool:
        """Ask the gate before a retry; where it refuses, the last failure says more than the refusal."""
        try:
            if self._gate:
                self._gate.enter(within=until - time.monotonic(), places=1)
        except TicketApiError:
            return False
        return True

    def _attempt(self, request: Request, attempt: int, give_up: float) -> Reply | TicketApiError:
        """Send one request and read its answer; a failure is returned: no traceback holds the request."""
        started = time.monotonic()
        result: Reply | TicketApiError
        with Watch(give_up - started) as watch:
            try:
                result = self._exchange(request)
                if watch.is_expired:  # a body without a length can end early unnoticed
                    result = _failure(TimeoutError(), request, watch)
            except TicketApiError as error:
                result = error.with_traceback(None)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                http.client.HTTPException,
                OSError,
                ValueError,
            ) as error:
                result = _failure(error, request, watch)
            finally:
                if self._gate:
                    self._gate.leave()
        if self._observer:
            self._observer(_report(request, result, seconds=time.monotonic() - started, attempt=attempt))
        return result

    def _exchange(self, request: Request) -> Reply:
        response = self._wire.send(request)
        try:
            content = self._read_capped(response, request)
        finally:
            response.close()  # back to the pool if it was read to the end
        return Reply(response.status_code, response.headers, content, self.config.key.mask)

    def _read_capped(self, response: requests.Response, request: Request) -> bytes:
        parts, size = [], 0
        for part in response.raw.stream(CHUNK_BYTES, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > self.config.max_bytes:
                effect = Effect.UNKNOWN if request.is_write else Effect.NONE
                raise UnexpectedReply(Reason.OVERSIZED, effect=effect, http_status=response.status_code)
        return b"".join(parts)


class _Adapter(HTTPAdapter):
    """Connections to one API that a `Watch` can bound, direct or through its proxy.

    The pool is the same for all requests, and an answer's encoding and cookies are not used: finding them
    takes `requests` as long for each request as sending it.
    """

    _pool: Any = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        use_watched_connections(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        use_watched_connections(manager)
        return manager

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        url = str(request.url)
        return super().request_url(request, proxies) if proxies else url[url.index("/", len("https://")) :]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        response.request = req
        return response

    def close(self) -> None:
        self._pool = None
        super().close()


class _Wire:
    """Sends single requests over the pooled connections of one API."""

    def __init__(self, config: ApiConfig) -> None:
        self._config = config
        self._adapter = _Adapter(pool_connections=2, pool_maxsize=config.pool_size, pool_block=False)
        self._timeout: Any = urllib3.Timeout(connect=config.connect_timeout, read=config.read_timeout)
        self._proxies = {"http": config.proxy, "https": config.proxy} if config.proxy else {}
        self._headers = {**default_headers(), "Accept": "application/json", "User-Agent": USER_AGENT}
        if config.cookie:
            self._headers["Cookie"] = config.cookie

    def close(self) -> None:
        """Close the pooled connections."""
        self._adapter.close()

    def send(self, request: Request) -> requests.Response:
        """Return the answer with its body still to be read. Raises what `requests` and `urllib3` raise."""
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = self._address + request.endpoint + _query(request.query)
        prepared.headers = self._headers_of(request)  # type: ignore[assignment] # copied and read twice
        if request.body is not None:
            prepared.body = json.dumps(request.body, ensure_ascii=False).encode()
            prepared.headers["Content-Length"] = str(len(prepared.body))
        # At the last moment, and in no variable: a report of an error shows those of each frame.
        prepared.headers["X-API-KEY"] = self._config.key.reveal()
        return self._adapter.send(
            prepared,
            stream=True,
            timeout=self._timeout,
            verify=self._config.ca_file or True,
            proxies=self._proxies,
        )

    @cached_property
    def _address(self) -> str:
        """The address that endpoints are added to, as `requests` spells it."""
        prepared = requests.PreparedRequest()
        prepared.prepare_url(self._config.url.rstrip("/") + API_PATH, None)
        return str(prepared.url)

    def _headers_of(self, request: Request) -> dict[str, str]:
        headers = self._headers.copy()
        if request.request_id:
            headers["X-Request-ID"] = _NOT_IN_IDS.sub("", request.request_id)[:64]
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        return headers


def _query(query: Mapping[str, str] | None) -> str:
    """Return a query as it is added to an address, "" for none."""
    named = [f"{_quoted(name)}={_quoted(value)}" for name, value in (query or {}).items()]
    return "?" + "&".join(named) if named else ""


# Commas as they are: with "%2C" urllib3 looks at an address letter by letter, 7 % of what a run's worker did.
_quoted = lru_cache(maxsize=256)(partial(quote_plus, safe=","))


def _report(request: Request, result: Reply | TicketApiError, *, seconds: float, attempt: int) -> Call:
    return Call(
        method=request.method,
        endpoint=request.endpoint,
        seconds=seconds,
        attempt=attempt,
        request_id=request.request_id,
        http_status=result.status if isinstance(result, Reply) else result.http_status,
        reason=None if isinstance(result, Reply) else result.reason,
        retry_after=result.retry_after,
    )


def _retryable(result: Reply | TicketApiError, method: str) -> TicketApiError | None:
    """Return the error behind a result, or None for an answer that is not to be repeated."""
    if isinstance(result, TicketApiError):
        return result
    if result.status in {429, 502, 503, 504}:
        try:
            data_of(result, method=method)
        except TicketApiError as error:
            return error
    return None


def _failure(error: Exception, request: Request, watch: Watch) -> TicketApiError:
    """Return what an exception of the HTTP stack means, by whether anything had been sent."""
    if isinstance(error, urllib3.exceptions.DecodeError):
        effect = Effect.UNKNOWN if request.is_write else Effect.NONE
        return UnexpectedReply(Reason.NOT_JSON, effect=effect)
    reason = Reason.DEADLINE if watch.is_expired else _reason(error, was_sent=watch.was_sent)
    if watch.was_sent and request.is_write:
        return OutcomeUnknown(reason, effect=Effect.UNKNOWN)
    return Unavailable(reason)


def _reason(error: Exception, *, was_sent: bool) -> Reason:
    chain = _chain(error)
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in chain):
        return Reason.DNS
    if any(isinstance(one, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)) for one in chain):
        return Reason.RESET if was_sent else Reason.TLS
    if any(isinstance(one, requests.exceptions.ConnectTimeout) for one in chain):
        return Reason.CONNECT_TIMEOUT
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
    if any(isinstance(one, timeouts) for one in chain):
        return Reason.READ_TIMEOUT
    return Reason.RESET if was_sent else Reason.REFUSED


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and what it wraps: causes, contexts, arguments and `reason` attributes."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
