"""The request id: the name of a piece of work in logs, records and the CRM's own log.

It travels in a context variable and not in parameters, because no use case depends on it: it is recorded and
sent along, never compared. Only this module holds the variable. Two places set it:
`middleware.py: RequestIdMiddleware` for an HTTP request, `services/bulk/work.py: Work` for a ticket of a run.
Commands and the chores of a worker have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the work that runs in this thread, "" if it has none."""
    return _current.get()


def set_request_id(request_id: str) -> None:
    """Give the work that this thread does from now on an id; the next ticket of a run replaces it."""
    _current.set(request_id)


@contextmanager
def request_named(request_id: str) -> Iterator[None]:
    """Give what runs within an id."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)
