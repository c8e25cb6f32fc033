"""HTTP/1.1 on asyncio: parses a request, lets the CRM answer, applies the faults.

Lean by intention: benchmarks measure the product against it, so an answer costs a fraction of a
millisecond. Only what the client needs of HTTP is here: requests with a Content-Length, keep-alive.
"""

import asyncio
import json
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ticketadmin.sandbox.crm import TEXT_FIELDS, Crm, StatusAndBody
from ticketadmin.sandbox.faults import ANSWERING, Fault, FaultBook

SERVED_PATH = "/api/v6.1"
MAX_REQUEST_BODY = 5_000_000
LOG_LENGTH = 100_000
MAX_LATE = 0.005  # seconds
REASONS = {200: "OK", 301: "Moved", 302: "Found", 400: "Bad Request", 404: "Not Found", 500: "Server Error"}


@dataclass
class ReceivedRequest:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    arrived: float  # by the clock of the loop

    def json(self) -> Any:
        """Return the body as JSON, None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class LogEntry:
    """One request to the API as the log keeps it. The key itself is never kept."""

    id: int
    time: float
    connection: int
    method: str
    path: str
    query: dict[str, str]
    code: str | None
    body: Any
    headers: dict[str, str]
    key_ok: bool
    status: int = 0
    applied: bool = False
    seconds: float = 0.0


@dataclass
class Response:
    """What goes out: status, body bytes, headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"

    @classmethod
    def of(cls, answer: StatusAndBody) -> "Response":
        """Return the response for an answer of the CRM."""
        status, content = answer
        return cls(status, json.dumps(content, ensure_ascii=False).encode())

    def head(self, *, keep_alive: bool, length: int | None = None) -> bytes:
        """Return the status line and headers."""
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Answer')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body) if length is None else length}",
        ]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [] if keep_alive else ["Connection: close"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Broken(Exception):
    """The connection is to be dropped; `reset` with a RST instead of a FIN."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class Punctual:
    """Waits until a moment of the loop's clock, on average exactly.

    A timer of asyncio is late by a rounded-up millisecond and by what the loop is busy with: with 16 calls
    under way 50 ms were 51.7. How late the last ones were is taken off the next.
    """

    def __init__(self) -> None:
        self._late = 0.0  # seconds

    async def wait_until(self, moment: float) -> None:
        """Wait until a moment, without waiting if it has passed."""
        clock = asyncio.get_running_loop().time
        wait = moment - clock()
        if wait > 0:
            await _pause(wait - self._late)
            self._late = min(max(0.0, self._late + (clock() - moment) / 10), MAX_LATE)


class Server:
    """The CRM behind HTTP, with its log and its faults."""

    def __init__(self, crm: Crm, control: Callable[["Server", ReceivedRequest], Response]) -> None:
        self.crm = crm
        self._control = control
        self.faults = FaultBook()
        self.log: deque[LogEntry] = deque(maxlen=LOG_LENGTH)
        self.connections = 0
        self.active = 0
        self.most_active = 0
        self.resets = 0  # a request that was held over a reset is dropped, not carried out
        self._number = 0
        self._latency = Punctual()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        self.connections += 1
        connection = self.connections
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while request := await _read_request(reader):
                await self._answer(request, connection, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except Broken as broken:
            if broken.reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass  # the client left, or the sandbox ends
        finally:
            writer.close()

    async def _answer(self, request: ReceivedRequest, connection: int, writer: asyncio.StreamWriter) -> None:
        if request.path.startswith("/_sandbox/"):
            await _send(writer, self._control(self, request))
            return
        entry = self._logged(request, connection)
        started = time.perf_counter()
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self._act(request, entry, writer)
        finally:
            self.active -= 1
            entry.seconds = time.perf_counter() - started

    def _logged(self, request: ReceivedRequest, connection: int) -> LogEntry:
        self._number += 1
        body = request.json() if request.method != "GET" else None
        code = self.crm.code_in(body) if request.method == "PUT" else request.query.get("ticket_code")
        kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        entry = LogEntry(
            id=self._number,
            time=time.time(),
            connection=connection,
            method=request.method,
            path=request.path,
            query=request.query,
            code=code,
            body=body,
            headers=kept,
            key_ok=request.headers.get("x-api-key") == self.crm.key,
        )
        self.log.append(entry)
        return entry

    async def _act(self, request: ReceivedRequest, entry: LogEntry, writer: asyncio.StreamWriter) -> None:
        faults = self.faults.take(request.method, request.path.removeprefix(SERVED_PATH), entry.code)
        resets = self.resets
        await self._latency.wait_until(request.arrived + self.crm.switches.latency_ms / 1000)
        early, late = [one for one in faults if not one.after], [one for one in faults if one.after]
        await _delay(early)
        if resets != self.resets:
            raise Broken
        if early and await _misbehaves(early, Response.of((200, {})), entry, writer):
            return
        response = self._carry_out(request, entry, faults)
        await _delay(late)
        if not (late and await _misbehaves(late, response, entry, writer)):
            entry.status = response.status
            await _send(writer, response)

    def _carry_out(self, request: ReceivedRequest, entry: LogEntry, faults: list[Fault]) -> Response:
        if not entry.key_ok:
            return Response.of((401, {"message": "API key không hợp lệ"}))
        code, body = entry.code, entry.body
        for fault in _of(faults, "concurrent_edit", when="before_write"):
            self._edit_as_another_user(fault, code)
        if request.method == "PUT" and any(fault.kind == "ignore_write" for fault in faults) and code:
            return Response.of((200, self.crm.success(code)))
        if isinstance(body, dict):
            for fault in _of(faults, "ignore_field"):
                body = {name: value for name, value in body.items() if name != fault.options["field"]}
        answer = _spoilt(self._route(request, body), faults)
        entry.applied = request.method == "PUT" and answer[0] == 200
        if entry.applied and code:
            self._damage(faults, code, body)
        for fault in _of(faults, "concurrent_edit", when="after_read"):
            self._edit_as_another_user(fault, code)
        return Response.of(answer)

    def _route(self, request: ReceivedRequest, body: Any) -> StatusAndBody:
        match request.method, request.path.removeprefix(SERVED_PATH):
            case "PUT", "/ticket":
                return self.crm.update(body)
            case "GET", "/ticket":
                return self.crm.read(request.query)
            case "GET", "/tickets":
                return self.crm.list_page(request.query)
            case "GET", "/ticket/categories":
                return self.crm.choices("cate_name")
            case "GET", "/ticket/status":
                return self.crm.choices("status_name")
            case _:
                return 404, {"message": "Không có endpoint này"}

    def _damage(self, faults: list[Fault], code: str, body: dict[str, Any]) -> None:
        for fault in _of(faults, "store_differently"):
            self.crm.edit(code, {fault.options["field"]: fault.options["value"]})
        for fault in _of(faults, "wipe_field"):
            name = fault.options["field"]
            names = [one for one in TEXT_FIELDS if one != "ticket_title"] if name == "*" else [name]
            self.crm.edit(code, {one: "" for one in names if one not in body})

    def _edit_as_another_user(self, fault: Fault, code: str | None) -> None:
        ticket = self.crm.tickets.get(code or "")
        if ticket is None:
            return
        name, value = fault.options["field"], fault.options["value"]
        if ticket.get(name) == value and "toggle" in fault.options:
            value = fault.options["toggle"]
        self.crm.edit(str(code), {name: value})


_KEPT_HEADERS = ("content-type", "accept", "x-request-id", "user-agent", "cookie", "authorization")


def _spoilt(answer: StatusAndBody, faults: list[Fault]) -> StatusAndBody:
    """Return a list's answer as its faults leave it."""
    status, content = answer
    rows = content.get("data") if status == 200 and isinstance(content, dict) else None
    if not isinstance(rows, list):
        return answer
    codes = {row.get("ticket_code") for row in rows}
    if any(fault.options["ticket"] in codes for fault in _of(faults, "bad_row")):
        return 500, {"message": "Lỗi máy chủ"}
    hidden = {fault.options["ticket"] for fault in _of(faults, "hide_row")}
    return status, {**content, "data": [row for row in rows if row.get("ticket_code") not in hidden]}


def _of(faults: list[Fault], kind: str, *, when: str | None = None) -> list[Fault]:
    return [fault for fault in faults if fault.kind == kind and when in {None, fault.options.get("when")}]


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(min(seconds, 60))


async def _delay(faults: list[Fault]) -> None:
    for fault in faults:
        if fault.kind in {"delay", "hang"}:
            await _pause(float(fault.options.get("seconds", 60)))


async def _send(writer: asyncio.StreamWriter, response: Response) -> None:
    writer.write(response.head(keep_alive=True) + response.body)
    await writer.drain()


async def _misbehaves(
    faults: list[Fault], response: Response, entry: LogEntry, writer: asyncio.StreamWriter
) -> bool:
    """Answer as the first such fault says, if there is one. Raises Broken if the connection is to go."""
    fault = next((one for one in faults if one.kind in ANSWERING), None)
    if fault is None:
        return False
    if fault.kind in {"reset", "close"}:
        raise Broken(reset=fault.kind == "reset")
    options = fault.options
    answers: dict[str, Response] = {
        "status": Response(
            int(options.get("status", 500)),
            _as_bytes(options.get("body", {"message": f"Lỗi {options.get('status', 500)}"})),
            options.get("headers", {}),
            options.get("content_type", "application/json"),
        ),
        "redirect": Response(302, b"", {"Location": options.get("location", "http://127.0.0.1:9/elsewhere")}),
        "oversized": Response(200, b'{"data": "' + b"x" * 2_500_000 + b'"}'),
        "not_json": Response(200, b"saved, thank you", content_type="text/plain"),
        "html": Response(
            200, b"<html><title>Sign in</title><p>Please sign in</p></html>", content_type="text/html"
        ),
        "empty": Response(200, b""),
        "bytes": Response(200, b"\xff\xfe{\x00\x81"),
        "error_in_success": Response.of((200, options.get("body", {"error": "Không lưu được"}))),
        "other_ticket": Response.of(
            (200, {"message": "ok", "data": {"identity": 1, "ticket_code": "OTHER-1"}})
        ),
        "no_code": Response.of((200, {"message": "Successfully updated"})),
        "half_body": response,
        "drip": response,
    }
    answer = answers[fault.kind]
    entry.status = answer.status
    if fault.kind == "half_body":
        writer.write(answer.head(keep_alive=True, length=len(answer.body) + 50) + answer.body)
        await writer.drain()
        raise Broken
    if fault.kind == "drip":
        for byte in answer.head(keep_alive=True) + answer.body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(float(options.get("seconds", 0.5)))
    else:
        await _send(writer, answer)
    return True


def _as_bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()


async def _read_request(reader: asyncio.StreamReader) -> ReceivedRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    arrived = asyncio.get_running_loop().time()
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
    length = min(int(headers.get("content-length", "0") or 0), MAX_REQUEST_BODY)
    body = await reader.readexactly(length) if length else b""
    parts = urlsplit(target)
    return ReceivedRequest(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body, arrived)
