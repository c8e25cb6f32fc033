"""HTTP connections with a deadline for the whole call, which know whether anything was sent.

A socket's timeouts count from byte to byte: a server that drips one byte a second never exceeds them. A
`Watch` bounds the whole call: when its time is over it shuts the socket down under the reader. It also
records whether the first byte of a request left, which decides whether a failed write may have been carried
out.
"""

import contextlib
import contextvars
import heapq
import itertools
import socket
import threading
import time
from types import TracebackType
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_IDLE = 30.0  # seconds: firewalls drop idle connections silently

_current: contextvars.ContextVar["Watch | None"] = contextvars.ContextVar("watch", default=None)


class Watch:
    """Bounds one call: use as a context manager around sending and reading."""

    def __init__(self, seconds: float) -> None:
        self.was_sent = False
        self.is_expired = False
        self.is_over = False
        self._seconds = max(0.0, seconds)
        self._socket: socket.socket | None = None

    def guard(self, connected: socket.socket) -> None:
        """Watch a connection on which the request is about to be sent."""
        self.was_sent = True
        self._socket = connected
        if self.is_expired:
            self._shut()

    def expire(self) -> None:
        """End the call now, unless it has ended."""
        if not self.is_over:
            self.is_expired = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # The plain socket's method: a TLS socket's own would race with the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __enter__(self) -> "Watch":
        self._token = _current.set(self)
        _alarm.set(self, self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over = True
        self._socket = None
        _current.reset(self._token)


class _Alarm:
    """One thread that ends the calls whose time is over; a timer thread for each call is costly."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Watch]] = []
        self._count = itertools.count()
        self._thread: threading.Thread | None = None

    def set(self, watch: Watch, seconds: float) -> None:
        """Expire the watch after some seconds, if it is not over by then."""
        with self._changed:
            entry = (time.monotonic() + seconds, next(self._count), watch)
            heapq.heappush(self._due, entry)
            if self._thread is None or not self._thread.is_alive():  # or after a fork
                self._thread = threading.Thread(target=self._run, name="call-alarm", daemon=True)
                self._thread.start()
            elif self._due[0] is entry:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._due and self._due[0][2].is_over:
                    heapq.heappop(self._due)
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                watch = heapq.heappop(self._due)[2]
            watch.expire()


_alarm = _Alarm()


class _Watched:
    """A connection that reports to the call's watch before it sends, and sends a whole request at once.

    Each operation on a socket releases the interpreter lock and then waits to take it back from another
    thread. So a call makes as few of them as it can.
    """

    sock: Any
    connect: Any
    _parts: list[bytes] | None = None

    def request(self, *args: Any, **options: Any) -> None:
        self._parts = []
        try:
            super().request(*args, **options)  # type: ignore[misc]
            request = b"".join(self._parts)
        finally:
            self._parts = None
        self.send(request)

    def send(self, data: Any) -> None:
        if self._parts is not None:
            self._parts.append(data)
            return
        if self.sock is None:
            self.connect()
        watch = _current.get()
        if watch is not None:
            watch.guard(self.sock)
        super().send(data)  # type: ignore[misc]


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _FreshPool:
    """A pool that closes connections that were idle for too long, so that no write meets a dead one."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if time.monotonic() - getattr(connection, "idle_since", time.monotonic()) > MAX_IDLE:
            connection.close()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.idle_since = time.monotonic()
        super()._put_conn(connection)  # type: ignore[misc]


class _HTTPPool(_FreshPool, HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(_FreshPool, HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


def use_watched_connections(manager: urllib3.PoolManager) -> None:
    """Make a pool manager open connections that obey the watch of the call they serve."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
