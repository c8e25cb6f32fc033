"""Appending to the audit log. Each entry is logged as an event, too, for a log collector to keep a copy.

An entry is written in the transaction of what it records: neither is stored without the other. It is
logged once that transaction is committed. Customers' e-mail addresses are masked by a keyed digest, so
that the log need not be changed to erase one; users' own are kept in the row and left out of the event.

A middleware sets where the actions of a request come from, and the worker does so for its own; without either
it is the command line.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ticketadmin.logs import event
from ticketadmin.models import AuditAction, AuditEntry, Channel, User
from ticketadmin.request_ids import current_request_id

logger = logging.getLogger("ticketadmin.audit")

Values = Mapping[str, Any]
_T = TypeVar("_T")

MAX_AUDITED_VALUE = 1_000  # characters of one value
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"=&?]{1,64}@[^\s@<>()\[\],;:\"=&?]{1,255}")
_PRIVATE = frozenset({"email"})  # fields that are kept in the row and never logged


@dataclass(frozen=True)
class ActionOrigin:
    """What the audit log records about where an action came from.

    `user_of` is called when an entry is made, because a request's user is known late. `via` names what
    took the place of a signed-in user, such as a password link or the company's directory.
    """

    channel: Channel
    address: str = ""
    user_of: Callable[[], User | None] = lambda: None
    via: str = ""


_COMMAND_LINE = ActionOrigin(Channel.COMMAND)
_current: ContextVar[ActionOrigin] = ContextVar("origin", default=_COMMAND_LINE)


def current_origin() -> ActionOrigin:
    """Return the origin of the current actions."""
    return _current.get()


@contextmanager
def acting_from(origin: ActionOrigin) -> Iterator[None]:
    """Set the origin of everything that is done inside."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def acting_via(way: str) -> Iterator[None]:
    """Set `via` of everything that is done inside; the rest of the origin stays."""
    with acting_from(replace(_current.get(), via=way)):
        yield


@dataclass(frozen=True)
class Target:
    """The target of an action: kind, id and name as they were then."""

    kind: str
    id: str = ""
    name: str = ""

    @classmethod
    def of(cls, row: models.Model) -> "Target":
        """Return the target for a row of the database."""
        name = row.get_username() if isinstance(row, User) else str(row)
        return cls(str(row._meta.model_name), str(row.pk or ""), name)


def record(
    action: AuditAction,
    target: Target | None = None,
    *,
    before: Values | None = None,
    after: Values | None = None,
    details: Values | None = None,
    user: User | None = None,
) -> AuditEntry:
    """Append an entry and return it. `user` is the current request's user unless given."""
    origin = current_origin()
    user = user or origin.user_of()
    target = target or Target("")
    all_details = {**(details or {}), **({"via": origin.via} if origin.via else {})}
    entry = AuditEntry.objects.create(
        created_at=timezone.now(),
        action=action,
        actor=user,
        actor_name=user.get_username() if user else "",
        target_kind=target.kind,
        target_id=target.id[:64],
        target_name=target.name[:200],
        before=_bounded(before or {}),
        after=_bounded(after or {}),
        details=_bounded(all_details),
        channel=origin.channel,
        address=origin.address or None,
        request_id=current_request_id(),
    )
    transaction.on_commit(partial(_log, entry))
    return entry


def audited_export(
    target: Target,
    rows: Iterable[_T],
    *,
    filters: Values,
    user: User,
    further: Callable[[], Values] | None = None,
) -> Iterator[_T]:
    """Yield the rows of an export, then record who took how many of them by which filters.

    `further` is called at the end and returns what else the entry says: `rows` too, where the pieces are no
    rows. A download that is broken off is recorded, too, as not complete. Call this while the request is
    served: a stream is read after the request's context has ended.
    """
    wanted = {name: masked(str(value)) for name, value in filters.items() if value not in (None, "", [])}

    context = copy_context()

    def keep(count: int, *, is_complete: bool) -> None:
        details = {"rows": count, "complete": is_complete, "filters": wanted}
        details |= further() if further else {}
        record(AuditAction.EXPORTED, target, details=details, user=user)

    def counted() -> Iterator[_T]:
        count, is_complete = 0, False
        try:
            for row in rows:
                count += 1
                yield row
            is_complete = True
        finally:
            context.run(partial(keep, count, is_complete=is_complete))

    return counted()


def masked(text: str) -> str:
    """Return the text with each e-mail address in it replaced by a keyed digest of it."""
    return _EMAIL.sub(lambda found: f"[e-mail {_digest(found[0])}]", text)


def _digest(address: str) -> str:
    return salted_hmac("ticketadmin.audit.email", address.casefold(), algorithm="sha256").hexdigest()[:10]


def _bounded(value: Any) -> Any:
    """Return a value whose texts can be stored: long ones are cut, saying so."""
    if isinstance(value, str):
        value = value.replace("\0", "")  # which PostgreSQL does not store
        return (
            value
            if len(value) <= MAX_AUDITED_VALUE
            else f"{value[:MAX_AUDITED_VALUE]}… ({len(value):,} characters)"
        )
    if isinstance(value, Mapping):
        return {name: _bounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(one) for one in value]
    return value


def _log(entry: AuditEntry) -> None:
    event(
        logger,
        "audit",
        entry=entry.pk,
        action=str(entry.action),
        actor=entry.actor_id,
        target=f"{entry.target_kind} {entry.target_id}".strip(),
        before=_loggable(entry.before),
        after=_loggable(entry.after),
        details=_loggable(entry.details),
        channel=str(entry.channel),
        address=entry.address,
    )


def _loggable(values: Values) -> dict[str, Any] | None:
    shown = {name: "(not logged)" if name in _PRIVATE else value for name, value in values.items()}
    return shown or None
