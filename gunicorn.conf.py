"""How gunicorn serves the product; its command line overrides this file."""

import gc
import json
import logging
import os
import select
import shutil
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.util import parse_address
from gunicorn.workers.gthread import ThreadWorker

_wrong = []  # what cannot be read of these settings, all of it said at once


def _number(name, text, kind, least):  # type: ignore[no-untyped-def]
    """Return the number that a variable holds, the least where it is wrong."""
    try:
        number = kind(text)
    except ValueError:
        number = float("nan")
    if least <= number < float("inf"):
        return number
    what = "a whole number" if kind is int else "a number"
    _wrong.append(f"{name} must be {what} of at least {least}, not “{text}”.")
    return least


def _address(name, text):  # type: ignore[no-untyped-def]
    """Return where to listen, which gunicorn looks at only when it opens the socket."""
    for one in text.split(","):
        try:
            address = parse_address(one.strip())
        except RuntimeError:
            address = ("", -1)
        if isinstance(address, tuple) and not 0 <= address[1] <= 65_535:
            hint = "a host and a port up to 65535, such as 127.0.0.1:8000, or unix: and a path"
            _wrong.append(f"{name} must be {hint}, not “{one}”.")
    return text


bind = _address("BIND", os.environ.get("BIND", "127.0.0.1:8000") or "127.0.0.1:8000")
# Requests mostly wait for the CRM: threads use that time, and a second process serves during a restart.
workers = _number("WEB_WORKERS", os.environ.get("WEB_WORKERS", "2") or "2", int, 1)
threads = _number("WEB_THREADS", os.environ.get("WEB_THREADS", "12") or "12", int, 1)
# A save may take two timeouts of the CRM and a read-back; beyond that a worker is considered dead.
timeout = 90
graceful_timeout = 45
keepalive = 5
max_requests = 20_000
max_requests_jitter = 4_000
# Pasted codes travel in addresses; bodies are bounded by Django and by the proxy.
limit_request_line = 8_190
limit_request_fields = 60
limit_request_field_size = 8_190
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a heartbeat file, not data
accesslog = None  # the product logs its own requests, without queries
errorlog = "-"


class JsonLines(logging.Formatter):
    """gunicorn's own records as the product writes its own, one object a line, with the same keys.

    The product's formatter reads its settings: imported here, a reload would not read them again.
    """

    def format(self, record):  # type: ignore[no-untyped-def]
        """Return one record with its traceback, if any."""
        content = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


if os.environ.get("LOG_FORMAT", "plain") == "json":
    logconfig_dict = {
        "root": {"level": "INFO", "handlers": ["lines"]},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["lines"], "propagate": False}},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "formatters": {"lines": {"()": JsonLines}},
    }
control_socket_disable = True
# By default gunicorn trusts headers from loopback and unix sockets, whatever PROXIES says. Here only the
# product reads a proxy's headers, and only if PROXIES says that there is one.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""

# Enough for what a proxy sends: it buffers bodies, and passes them on in one go.
BODY_SECONDS = _number("BODY_SECONDS", os.environ.get("BODY_SECONDS", "20") or "20", float, 0.1)

if _wrong:
    sys.exit("\n".join(["ticketadmin did not start, because these settings are wrong:", "", *_wrong]))


def pre_request(worker, req):  # type: ignore[no-untyped-def]
    """Let no client hold a thread by dripping its body: reading it fails, and a page says so."""
    unreader, deadline = req.unreader, time.monotonic() + BODY_SECONDS
    sock = getattr(unreader, "sock", None)
    if sock is None:
        return

    def chunk(*hints):  # type: ignore[no-untyped-def]
        before = sock.gettimeout()
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            return type(unreader).chunk(unreader, *hints)
        finally:
            sock.settimeout(before)

    unreader.chunk = chunk


LINGER_SECONDS = 0.5  # for a client to take the answer and hang up
LINGER_BYTES = 65_536


class LingeringWorker(ThreadWorker):
    """Waits for clients to hang up in the thread that served them, and for a short time.

    gunicorn does it in its main thread, two seconds for each connection, one after the other: 26 clients that
    keep a finished connection open would lock every user out for 52 seconds.
    """

    def handle(self, conn):  # type: ignore[no-untyped-def]
        """Serve one request; returns what gunicorn wants to know about the connection."""
        result = super().handle(conn)
        if result is False:  # it is to be closed
            _linger(conn.sock)
        return result


def _linger(sock):  # type: ignore[no-untyped-def]
    """Send the end, wait for the client's (RFC 9112 section 9.6), and let the next read end immediately."""
    give_up, drained = time.monotonic() + LINGER_SECONDS, 0
    try:
        sock.shutdown(socket.SHUT_WR)
        while drained < LINGER_BYTES and (left := give_up - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0] or not (part := sock.recv(4096)):
                break
            drained += len(part)
        sock.shutdown(socket.SHUT_RD)
    except (OSError, ValueError):  # gone already
        return


worker_class = LingeringWorker


def post_request(worker, req, environ, resp):  # type: ignore[no-untyped-def]
    """Lift the limit, so that the next request on this connection may come at any time."""
    vars(req.unreader).pop("chunk", None)


# Web processes count metrics together in a folder that is empty at each start. This file is read again at a
# reload and then finds the folder that it made, by its name.
_METRICS = "ticketadmin-metrics-"
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=_METRICS)
_metrics = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Exempt what is loaded from collection; end a server with dangerous settings or a newer database.

    Only the server's first worker checks: one that replaces another later must not end the rest with it.
    """
    gc.freeze()  # a collection of what is loaded finds nothing and stops every thread for some 40 ms
    if worker.age > 1:
        return
    from ticketadmin.management import starting  # noqa: PLC0415 - only here, after Django is set up

    # Missing migrations do not end the server: /readyz reports them, and they may be about to run.
    if problem := starting.settings_problem() or starting.schema_problem(allow_pending=True):
        worker.log.critical(problem)
        sys.exit(Arbiter.APP_LOAD_ERROR)


def child_exit(server, worker):  # type: ignore[no-untyped-def]
    """Remove the gauges that an ended process counted as its own."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - only here, after the folder is named

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):  # type: ignore[no-untyped-def]
    """Remove the folder that was made for this server."""
    if _metrics.name.startswith(_METRICS):
        shutil.rmtree(_metrics, ignore_errors=True)
