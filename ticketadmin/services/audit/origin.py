"""Where an action comes from: the process, the client's address, and the user who acts.

A middleware sets it for a request and the worker for itself; without either it is the command line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from ticketadmin.models import Channel, User


def _no_user() -> User | None:
    return None


@dataclass(frozen=True)
class Origin:
    """What the audit log notes of the way an action came in.

    `actor_of` is called when an entry is made, because a request's user is known late. `via` names what
    took the place of a signed-in user, such as a password link or the company's directory.
    """

    channel: Channel
    address: str = ""
    actor_of: Callable[[], User | None] = _no_user
    via: str = ""


_COMMAND_LINE = Origin(Channel.COMMAND)
_current: ContextVar[Origin] = ContextVar("origin", default=_COMMAND_LINE)


def current_origin() -> Origin:
    """Return the origin of what runs now."""
    return _current.get()


@contextmanager
def acting_from(origin: Origin) -> Iterator[None]:
    """Set the origin of everything that is done inside."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def acting_via(way: str) -> Iterator[None]:
    """Name the way on which everything inside is done; the rest of the origin stays."""
    with acting_from(replace(_current.get(), via=way)):
        yield
