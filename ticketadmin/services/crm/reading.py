"""Reading one ticket: the API's answer as flat field values, and what a refusal means.

A refusal is not always an error: a key that may not read (403, 405, or 404 from a tenant that never
let any key read) turns the tool to update-only mode. A 404 means "no such ticket" only if reading
is known to work.

Every answer is announced (`ticket_read`, `ticket_absent`) with the moment at which the read began, so that
the ticket index learns of what is read anyway.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.dispatch import Signal
from django.utils import timezone

from ticketadmin.models import Reading
from ticketadmin.request_ids import current_request_id
from ticketadmin.services.crm.clock import database_now, reading_clock
from ticketadmin.services.crm.connection import get_api, reading_state, remember_reading
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CATEGORY, CUSTOM_PREFIX, STATUS, Value
from ticketadmin.ticketapi.errors import NotAllowed, NotFound, TicketApiError
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.tickets import Ticket

# Sent with `read` (a ReadTicket), `began_at`, and `before`: what the same save read first, or None.
ticket_read = Signal()
ticket_absent = Signal()  # sent with `code` and `began_at`: there is no such ticket, and reading works


@dataclass(frozen=True)
class ReadTicket:
    """One ticket as it was read. `values` holds known fields only, custom ones as `custom_fields.<key>`."""

    code: str
    values: Mapping[str, Value]
    read_at: datetime
    shows_custom_fields: bool = False
    account_name: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    identity: int | None = None
    unread: tuple[str, ...] = ()  # fields that were left out, because the whole answer was too large
    began_at: datetime | None = None  # by `reading_clock`, before the read was sent; None: not asked
    took: timedelta = timedelta(0)  # from then to `read_at`, by this machine's clock

    def values_for(self, names: Iterable[str]) -> dict[str, Value]:
        """Return the values, with null for custom fields in `names` that a shown object no longer holds.

        An API may drop an unset key from `custom_fields` instead of sending null.
        """
        values = dict(self.values)
        if self.shows_custom_fields:
            for name in names:
                if name.startswith(CUSTOM_PREFIX):
                    values.setdefault(name, None)
        return values

    def as_json(self) -> dict[str, Any]:
        """Return the ticket as JSON, from which `from_json` makes an equal one."""
        kept = {name: value for name, value in vars(self).items() if name not in {"began_at", "took"}}
        return kept | {"values": dict(self.values), "read_at": self.read_at.isoformat()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ReadTicket":
        """Return the ticket that was kept with `as_json`."""
        kept = {
            "read_at": datetime.fromisoformat(content["read_at"]),
            "unread": tuple(content.get("unread", ())),
        }
        return cls(**{**content, **kept})


@dataclass(frozen=True)
class ReadBack:
    """The result of reading a written ticket: the ticket, that the key may not read it, or the failure.

    `values` are those of `ReadTicket.values_for` the fields in question.
    """

    ticket: ReadTicket | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    is_forbidden: bool = False
    failure: Reason | None = None


class CannotRead(Exception):
    """The key may not read this ticket, or any: work in update-only mode."""


def announce_read(read: ReadTicket, *, before: ReadTicket | None = None) -> None:
    """Announce a read that was not announced yet to the index; `before` is the first read of the same save.

    If the read did not query the database's time, its beginning is that time now less the age of the read.
    """
    began_at = read.began_at or database_now() - (timezone.now() - read.read_at) - read.took
    ticket_read.send_robust(None, read=read, began_at=began_at, before=before)


def read_ticket(
    code: str,
    choices: Choices,
    *,
    known: Reading | None = None,
    announce: bool = True,
    before: ReadTicket | None = None,
    places: int = 1,
) -> ReadTicket:
    """Return the ticket as the CRM holds it now. `known` avoids a query for whether reading works.

    `before` is what a save read before its PUT, `places` are taken under the rate limit at once, for a PUT
    that is to follow.
    Without `announce` the read leaves no trace in the database, except of a right to read that was not known,
    and makes no query; `announce_read` can be called for it later.
    Raises CannotRead when the key may not read (the caller continues in update-only mode), NotFound
    when reading is known to work and there is no such ticket, or another TicketApiError.
    """
    known = known or choices.reading or reading_state()
    if known is Reading.REFUSED:
        raise CannotRead
    began_at, asked_at = reading_clock.get()() if announce else None, timezone.now()
    try:
        ticket = get_api().get_ticket(code, request_id=current_request_id(), places=places)
    except NotAllowed as error:
        if known is Reading.UNKNOWN:
            remember_reading(Reading.REFUSED)
        raise CannotRead from error
    except NotFound as error:
        if known is Reading.WORKS:
            if announce:
                ticket_absent.send_robust(None, code=code, began_at=began_at)
            raise
        raise CannotRead from error
    if known is not Reading.WORKS:
        remember_reading(Reading.WORKS)
    read = _flat(ticket, choices, began_at, asked_at)
    if announce:
        announce_read(read, before=before)
    return read


def read_back(
    code: str,
    choices: Choices,
    names: Iterable[str],
    *,
    was_read: bool,
    before: ReadTicket | None = None,
) -> ReadBack:
    """Read a ticket again after a write of the fields in `names`. Never raises.

    `was_read`: reading worked before the write; `before` is the result of that read, for the index.
    """
    try:
        read = read_ticket(code, choices, known=Reading.WORKS if was_read else None, before=before)
    except CannotRead:
        return ReadBack(is_forbidden=True)
    except TicketApiError as error:
        return ReadBack(failure=error.reason)
    return ReadBack(read, read.values_for(names))


@dataclass(frozen=True)
class ReadRows:
    """What one call of the list showed for some codes; `ignored_filter`: it showed other tickets, too."""

    by_code: Mapping[str, ReadTicket]
    ignored_filter: bool = False


def read_listed(codes: Sequence[str], choices: Choices, *, names: Collection[str] | None = None) -> ReadRows:
    """Return the rows that the list shows for some codes, by code, from one call.

    Rows may be late and prove nothing by themselves, so nothing is announced. With `names`, only these fields
    are read. A code is absent if it has no row, or rows that differ. A row with the code in other letter case
    does not count: only a read of the ticket shows whether the CRM tells them apart.
    Raises TicketApiError.
    """
    began_at, asked_at = database_now(), timezone.now()
    tickets = get_api().tickets_by_code(codes, names=_with_ids(names), request_id=current_request_id())
    asked, in_any_case = frozenset(codes), {code.casefold() for code in codes}
    rows: dict[str, Ticket] = {}
    doubtful: set[str] = set()
    for ticket in tickets:
        if ticket.code in asked and rows.setdefault(ticket.code, ticket) != ticket:
            doubtful.add(ticket.code)
    read = {
        code: _flat(ticket, choices, began_at, asked_at)
        for code, ticket in rows.items()
        if code not in doubtful
    }
    return ReadRows(read, any(ticket.code.casefold() not in in_any_case for ticket in tickets))


def _with_ids(names: Collection[str] | None) -> frozenset[str] | None:
    """Return the fields to request of a list: the API's names, and the ids sent instead of names."""
    if names is None:
        return None
    plain = {"custom_fields" if name.startswith(CUSTOM_PREFIX) else name for name in names}
    return frozenset({*plain, "cate_id", "status_id", "updated_at"})


def flat_values(ticket: Ticket, choices: Choices) -> dict[str, Value]:
    """Return the known fields of an answer, with names for its ids; custom ones as `custom_fields.<key>`."""
    values: dict[str, Value] = dict(ticket.values)
    for name, identity in ((CATEGORY, ticket.category_id), (STATUS, ticket.status_id)):
        resolved = choices.of_field(name).name_of(identity)
        if name not in values and resolved is not None:
            values[name] = resolved
    for key, value in (ticket.custom_fields or {}).items():
        values[CUSTOM_PREFIX + key] = value
    return values


def _flat(ticket: Ticket, choices: Choices, began_at: datetime | None, asked_at: datetime) -> ReadTicket:
    read_at = timezone.now()
    return ReadTicket(
        code=ticket.code,
        values=flat_values(ticket, choices),
        read_at=read_at,
        shows_custom_fields=ticket.custom_fields is not None,
        account_name=ticket.account_name,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
        identity=ticket.identity,
        unread=tuple(sorted(ticket.unread)),
        began_at=began_at,
        took=read_at - asked_at,
    )
