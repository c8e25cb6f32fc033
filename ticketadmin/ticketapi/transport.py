"""HTTP connections that a call can be timed on as a whole, and that know whether anything was sent.

Time-outs of a socket count from byte to byte: a server that drips one byte a second never exceeds
them. A `Watch` bounds the whole call: when its time is over it shuts the socket down under the
reader. It also tells whether the first byte of a request left, which is what decides whether a
failed write may have been carried out.
"""

import contextlib
import contextvars
import socket
import threading
import time
from types import TracebackType
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_IDLE = 30.0  # seconds: firewalls drop idle connections without a word

_current: contextvars.ContextVar["Watch | None"] = contextvars.ContextVar("watch", default=None)


class Watch:
    """Bounds one call: use as a context manager around sending and reading."""

    def __init__(self, seconds: float) -> None:
        self.was_sent = False
        self.is_expired = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, seconds), self._expire)
        self._timer.daemon = True

    def guard(self, connected: socket.socket) -> None:
        """Take charge of a connection on which the request is about to leave."""
        self.was_sent = True
        self._socket = connected
        if self.is_expired:
            self._shut()

    def _expire(self) -> None:
        self.is_expired = True
        self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # The plain socket's method: a TLS socket's own would race with the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __enter__(self) -> "Watch":
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _current.reset(self._token)


class _Watched:
    """A connection that reports to the call's watch before it sends."""

    sock: Any

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        watch = _current.get()
        if watch is not None:
            watch.guard(self.sock)
        super().send(data)  # type: ignore[misc]


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _FreshPool:
    """A pool that closes connections which idled too long, rather than finding out on a write."""

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
