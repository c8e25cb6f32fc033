"""The client of the remote ticket API: one method an endpoint. The only file that imports requests.

The contract is PUT /api/v6.1/ticket; the reading endpoints are documented for the same product
family. Redirects are never followed and cookies never kept, because the key must not travel.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ticketadmin import __version__
from ticketadmin.ticketapi.attempts import Call, Gate
from ticketadmin.ticketapi.errors import (
    Effect,
    InvalidTicket,
    NotFound,
    OutcomeUnknown,
    TicketApiError,
    Unavailable,
    UnexpectedReply,
)
from ticketadmin.ticketapi.keys import ApiKey
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.replies import Reply, data_of, plain
from ticketadmin.ticketapi.retrying import RetryPolicy
from ticketadmin.ticketapi.tickets import (
    DOCUMENTED_FIELDS,
    TICKET_KEYS,
    WISHED_FIELDS,
    Choice,
    Json,
    Ticket,
    TicketPage,
    UpdateReply,
    as_int,
    choice_from,
    list_fields,
    ticket_from,
)
from ticketadmin.ticketapi.transport import Watch, use_watched_connections

PATH = "/api/v6.1"
CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHUNK = 65_536
REFUSED_FIELDS_SECONDS = 600.0
SHORTEST_ATTEMPT = 0.1  # seconds: with less left, another attempt would only hide why the last one failed


@dataclass(frozen=True)
class ApiConfig:
    """Where the API is and how patient the client is: `deadline` bounds a call with its retries."""

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


class TicketApi:
    """A pooled, thread-safe client. Every method raises TicketApiError and nothing else.

    `observer` is told of each attempt; it must not raise. `gate` is asked before each.
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
        self._session = _session(config)
        self._documented_alone_until = 0.0

    def __repr__(self) -> str:
        return f"TicketApi({self.config.url})"

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    # --- endpoints -------------------------------------------------------------------------------

    def update_ticket(self, code: str, fields: Mapping[str, Json], *, request_id: str = "") -> UpdateReply:
        """Send `fields` for one ticket: PUT /ticket. Omitted fields are left alone by a merging CRM.

        A success is a 2xx with JSON, without `error`/`errors`, that names this ticket; one without a
        ticket code is a success with the warning `no_ticket_code`.
        """
        body = {**fields, **dict.fromkeys(self.config.code_keys, _checked(code))}
        reply = self._call("PUT", "/ticket", body=body, request_id=request_id)
        content = data_of(reply, method="PUT")
        data = content.get("data")
        data = data if isinstance(data, dict) else {}
        named = data.get("ticket_code")
        named = str(named).strip() if isinstance(named, (str, int)) and str(named).strip() else None
        if named is not None and named.casefold() != code.casefold():
            raise UnexpectedReply(Reason.OTHER_TICKET, effect=Effect.UNKNOWN, http_status=reply.status)
        message = content.get("message")
        return UpdateReply(
            http_status=reply.status,
            message=plain(message, reply.mask) if isinstance(message, str) else "",
            identity=as_int(data.get("identity")),
            ticket_code=named,
            warnings=() if named else ("no_ticket_code",),
        )

    def get_ticket(self, code: str, *, request_id: str = "") -> Ticket:
        """Read one ticket: GET /ticket.

        Asks for the fields that the documentation does not promise, too; an API that refuses them
        with 400 is asked again for the documented ones, now and for some minutes.
        """
        asked = self._fields
        query = {"ticket_code": _checked(code), "fields": asked}
        try:
            reply = self._call("GET", "/ticket", query=query, request_id=request_id)
            content = data_of(reply, method="GET")
        except InvalidTicket as error:
            if error.reason != Reason.INVALID or asked == DOCUMENTED_FIELDS:
                raise
            reply = self._call(
                "GET", "/ticket", query=query | {"fields": DOCUMENTED_FIELDS}, request_id=request_id
            )
            content = data_of(reply, method="GET")
            self._ask_for_documented_fields_alone()
        row = _single_row(content)
        if row is None:
            raise NotFound(Reason.NOT_FOUND, http_status=reply.status)
        if not TICKET_KEYS.intersection(row):
            raise UnexpectedReply(Reason.NOT_OBJECT, http_status=reply.status)
        named = row.get("ticket_code")
        if isinstance(named, str) and named.strip() and named.strip().casefold() != code.casefold():
            raise UnexpectedReply(Reason.OTHER_TICKET, http_status=reply.status)
        return ticket_from(row, code=code)

    def list_tickets(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        sort: str | None = None,
        direction: str | None = None,
        filters: Mapping[str, str] | None = None,
        with_custom_fields: bool = False,
        request_id: str = "",
    ) -> TicketPage:
        """Read one page of tickets, without their content: GET /tickets.

        `filters` maps `field:operator` to a value; one may be ignored by the CRM, so check the rows. An
        API that refuses undocumented fields with 400 is asked again for the documented ones.
        """
        query = {"limit": str(limit), "offset": str(offset)}
        query |= {name: value for name, value in (("sort", sort), ("direction", direction)) if value}
        query |= {f"filtering[{name}]": value for name, value in (filters or {}).items()}
        asked = self._fields
        try:
            return self._list_page(list_fields(asked, with_custom_fields), query, request_id)
        except InvalidTicket as error:
            if error.reason != Reason.INVALID or asked == DOCUMENTED_FIELDS:
                raise
            page = self._list_page(list_fields(DOCUMENTED_FIELDS, with_custom_fields), query, request_id)
            self._ask_for_documented_fields_alone()
            return page

    @property
    def _fields(self) -> str:
        return DOCUMENTED_FIELDS if time.monotonic() < self._documented_alone_until else WISHED_FIELDS

    def _ask_for_documented_fields_alone(self) -> None:
        """Believe a refusal of the others for some minutes: it may have been for something that passes."""
        self._documented_alone_until = time.monotonic() + REFUSED_FIELDS_SECONDS

    def _list_page(self, fields: str, query: Mapping[str, str], request_id: str) -> TicketPage:
        reply = self._call("GET", "/tickets", query={"fields": fields, **query}, request_id=request_id)
        content = data_of(reply, method="GET")
        rows = content.get("data")
        if not isinstance(rows, list):
            raise UnexpectedReply(Reason.NOT_OBJECT)
        named = [(row, row.get("ticket_code")) for row in rows if isinstance(row, dict)]
        tickets = tuple(
            ticket_from(row, code=code)
            for row, code in named
            if isinstance(code, str) and CODE.fullmatch(code)
        )
        more = content.get("has_more")
        return TicketPage(tickets, int(query["offset"]), len(rows), more if isinstance(more, bool) else None)

    def list_categories(self, *, request_id: str = "") -> tuple[Choice, ...]:
        """Read the configured categories: GET /ticket/categories."""
        return self._choices("/ticket/categories", "cate_name", request_id)

    def list_statuses(self, *, request_id: str = "") -> tuple[Choice, ...]:
        """Read the configured statuses: GET /ticket/status."""
        return self._choices("/ticket/status", "status_name", request_id)

    def _choices(self, endpoint: str, name_key: str, request_id: str) -> tuple[Choice, ...]:
        content = data_of(self._call("GET", endpoint, request_id=request_id), method="GET")
        rows = content.get("data")
        if not isinstance(rows, list):
            raise UnexpectedReply(Reason.NOT_OBJECT)
        return tuple(choice for row in rows if (choice := choice_from(row, name_key)))

    # --- one call, with its retries --------------------------------------------------------------

    def _call(
        self,
        method: str,
        endpoint: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
        request_id: str = "",
    ) -> Reply:
        give_up = time.monotonic() + self.config.deadline
        attempt, waited = 1, 0.0
        if self._gate:
            self._gate.enter(within=self.config.deadline)
        while True:
            result = self._attempt(method, endpoint, query, body, request_id, attempt, give_up)
            error = _retryable(result, method)
            if error is None:
                break
            wait = self.config.retrying.wait(error, method=method, attempt=attempt, waited=waited)
            if wait is None or time.monotonic() + wait > give_up - SHORTEST_ATTEMPT:
                break
            self._sleep(wait)
            attempt, waited = attempt + 1, waited + wait
            if not self._may_go_on(give_up):
                break
        if isinstance(result, TicketApiError):
            raise result
        return result

    def _may_go_on(self, give_up: float) -> bool:
        """Ask the gate before a retry; where it refuses, the last failure says more than the refusal."""
        try:
            if self._gate:
                self._gate.enter(within=give_up - time.monotonic())
        except TicketApiError:
            return False
        return True

    def _attempt(
        self,
        method: str,
        endpoint: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Json] | None,
        request_id: str,
        attempt: int,
        give_up: float,
    ) -> Reply | TicketApiError:
        """Send one request and read its answer; a failure is returned: no traceback holds the request."""
        started = time.monotonic()
        result: Reply | TicketApiError
        with Watch(give_up - started) as watch:
            try:
                result = self._exchange(method, endpoint, query, body, request_id)
                if watch.is_expired:  # a body without a length ends early without a word
                    result = _failure(TimeoutError(), method, watch)
            except TicketApiError as error:
                result = error.with_traceback(None)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                http.client.HTTPException,
                OSError,
                ValueError,
            ) as error:
                result = _failure(error, method, watch)
        call = Call(
            method=method,
            endpoint=endpoint,
            seconds=time.monotonic() - started,
            attempt=attempt,
            request_id=request_id,
            http_status=result.status if isinstance(result, Reply) else result.http_status,
            reason=None if isinstance(result, Reply) else result.reason,
            retry_after=result.retry_after,
        )
        if self._observer:
            self._observer(call)
        return result

    def _exchange(
        self,
        method: str,
        endpoint: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Json] | None,
        request_id: str,
    ) -> Reply:
        headers = {"X-Request-ID": re.sub(r"[^A-Za-z0-9._-]", "", request_id)[:64]} if request_id else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = self._session.request(
            method,
            self.config.url.rstrip("/") + PATH + endpoint,
            params=dict(query or {}),
            data=json.dumps(body, ensure_ascii=False).encode() if body is not None else None,
            headers=headers,
            auth=_KeyHeader(self.config.key),
            timeout=(self.config.connect_timeout, self.config.read_timeout),
            allow_redirects=False,
            stream=True,
        )
        try:
            content = self._read_capped(response, method)
        finally:
            response.close()  # back to the pool if it was read to the end
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, lowered, content, self.config.key.mask)

    def _read_capped(self, response: requests.Response, method: str) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            parts.append(part)
            size += len(part)
            if size > self.config.max_bytes:
                effect = Effect.NONE if method == "GET" else Effect.UNKNOWN
                raise UnexpectedReply(Reason.OVERSIZED, effect=effect, http_status=response.status_code)
        return b"".join(parts)


class _KeyHeader(AuthBase):
    """Puts the key on the request at the last moment, so that no frame of ours holds it."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-API-KEY"] = self._key.reveal()
        return request


class _Adapter(HTTPAdapter):
    """Connections that a `Watch` can bound, for direct and proxied requests."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        use_watched_connections(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        use_watched_connections(manager)
        return manager


def _session(config: ApiConfig) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a .netrc must not add a header, nor the environment a proxy
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept": "application/json", "User-Agent": f"ticketadmin/{__version__}"})
    if config.cookie:
        session.headers["Cookie"] = config.cookie
    if config.ca_file:
        session.verify = config.ca_file
    if config.proxy:
        session.proxies = {"http": config.proxy, "https": config.proxy}
    adapter = _Adapter(pool_connections=2, pool_maxsize=config.pool_size, pool_block=False)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _checked(code: str) -> str:
    if not CODE.fullmatch(code):
        raise InvalidTicket(Reason.BAD_CODE)
    return code


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


def _single_row(content: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Return the ticket in a reply: bare, under `data`, or a list's one entry; None where it is empty."""
    row: Json = content.get("data", content)
    if isinstance(row, list):
        row = row[0] if len(row) == 1 else None
    return row if isinstance(row, dict) and row else None


def _failure(error: Exception, method: str, watch: Watch) -> TicketApiError:
    """Return what an exception of the HTTP stack means, by whether anything had been sent."""
    if isinstance(error, requests.exceptions.ContentDecodingError):
        effect = Effect.NONE if method == "GET" else Effect.UNKNOWN
        return UnexpectedReply(Reason.NOT_JSON, effect=effect)
    reason = Reason.DEADLINE if watch.is_expired else _reason(error, was_sent=watch.was_sent)
    if watch.was_sent and method != "GET":
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
