"""The client of the remote ticket API: one method per endpoint.

The contract is PUT /api/v6.1/ticket; the reading endpoints are documented for the same product family.
How a call is made, bounded and repeated is in `calls`.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeGuard, TypeVar

from ticketadmin.ticketapi.calls import ApiConfig, Caller, Request
from ticketadmin.ticketapi.errors import (
    Effect,
    InvalidTicket,
    NotFound,
    TicketApiError,
    UnexpectedReply,
)
from ticketadmin.ticketapi.fields import AskedFields, Names, is_refused_name
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.replies import data_of, plain
from ticketadmin.ticketapi.tickets import (
    DOCUMENTED_FIELDS,
    TICKET_KEYS,
    WISHED_FIELDS,
    Choice,
    Json,
    ListedTickets,
    Ticket,
    UpdateReply,
    as_int,
    as_text,
    choice_from,
    list_fields,
    ticket_from,
)

CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_NAME_SHOWN = 80  # characters of the code of a ticket that has no address here
_Answer = TypeVar("_Answer")


class TicketApi:
    """A pooled, thread-safe client. Every method raises TicketApiError and nothing else."""

    def __init__(self, config: ApiConfig, **hooks: Any) -> None:
        """Take the API's address and limits; `hooks` are those of `calls.Caller`."""
        self.config = config
        self._caller = Caller(config, **hooks)
        documented, wished = DOCUMENTED_FIELDS.split(","), WISHED_FIELDS.split(",")
        self._ticket_fields = AskedFields(documented, wished)
        self._list_fields = AskedFields(["ticket_code", *documented], wished)

    def __repr__(self) -> str:
        return f"TicketApi({self.config.url})"

    def close(self) -> None:
        """Close the pooled connections."""
        self._caller.close()

    def update_ticket(
        self,
        code: str,
        fields: Mapping[str, Json],
        *,
        request_id: str = "",
        has_place: bool = False,
        after: TicketApiError | None = None,
    ) -> UpdateReply:
        """Send `fields` for one ticket: PUT /ticket. Omitted fields are left alone by a merging CRM.

        A success is a 2xx with JSON, without `error`/`errors`, that names this ticket; one without a
        ticket code is a success with the warning `no_ticket_code`. `has_place`: a read took its place under
        the rate limit with its own. An error with `again_in` was not carried out: wait that many
        seconds, compare the ticket afresh, and pass the error as `after`.
        """
        body = {**fields, **dict.fromkeys(self.config.code_keys, _checked(code))}
        request = Request("PUT", "/ticket", body=body, request_id=request_id, places=0 if has_place else 1)
        reply = self._caller.call(request, after=after)
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

    def get_ticket(self, code: str, *, request_id: str = "", places: int = 1) -> Ticket:
        """Read one ticket: GET /ticket.

        Asks for the fields that the documentation does not promise, too, without those that this CRM
        refuses. Where the whole answer is too large, the ticket is read without its content (`unread`).
        `places` are taken under the rate limit at once, for a write that is to follow.
        """
        request = Request("GET", "/ticket", request_id=request_id, places=places)
        unread: frozenset[str] = frozenset()
        try:
            row = self._read_row(code, request, unread)
        except UnexpectedReply as error:
            if error.reason is not Reason.OVERSIZED:
                raise
            unread = frozenset({"ticket_content"})
            row = self._read_row(code, replace(request, places=1), unread)
        # Outside: a ticket with too many custom fields has no fewer without its content.
        return ticket_from(row, code=code, unread=unread)

    def _read_row(self, code: str, request: Request, unread: frozenset[str]) -> Mapping[str, Json]:
        def ask(names: Names) -> dict[str, Any]:
            fields = ",".join([name for name in names if name not in unread])
            query = {"ticket_code": _checked(code), "fields": fields}
            return data_of(self._caller.call(replace(request, query=query)), method="GET")

        row = _single_row(self._ask(self._ticket_fields, ask))
        if row is None:
            raise NotFound(Reason.NOT_FOUND, http_status=200)
        if not TICKET_KEYS.intersection(row):
            raise UnexpectedReply(Reason.NOT_OBJECT, http_status=200)
        named = row.get("ticket_code")
        if isinstance(named, str) and named.strip() and named.strip().casefold() != code.casefold():
            raise UnexpectedReply(Reason.OTHER_TICKET, http_status=200)
        return row

    def _ask(self, fields: AskedFields, ask: Callable[[Names], _Answer]) -> _Answer:
        """Return the answer for the names that this CRM accepts; find out which, if it refuses one."""
        names = fields.names
        try:
            return ask(names)
        except InvalidTicket as error:
            if not is_refused_name(error) or names == fields.documented:
                raise
            words = " ".join([error.api_message, *error.fields])
        answer = ask(fields.documented)
        with suppress(TicketApiError):
            fields.find_refused(lambda group: _accepts(ask, group), words=words)
        return answer if fields.names == fields.documented else ask(fields.names)

    def list_tickets(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        order: tuple[str, str] | None = None,
        filters: Mapping[str, str] | None = None,
        with_custom_fields: bool = False,
        request_id: str = "",
    ) -> ListedTickets:
        """Read one page of tickets, without their content: GET /tickets.

        `order` is a field and its direction, ASC or DESC. `filters` maps `field:operator` to a value; one may
        be ignored by the CRM, so check the rows. Names of fields that this CRM refuses are left out.
        """
        query = {"limit": str(limit), "offset": str(offset)}
        query |= {"sort": order[0], "direction": order[1]} if order else {}
        query |= {f"filtering[{name}]": value for name, value in (filters or {}).items()}

        def ask(names: Names) -> ListedTickets:
            return self._list_page(list_fields(names, with_custom_fields), query, request_id)

        return self._ask(self._list_fields, ask)

    def tickets_by_code(
        self, codes: Sequence[str], *, names: Collection[str] | None = None, request_id: str = ""
    ) -> tuple[Ticket, ...]:
        """Read the rows of some codes by one call: GET /tickets with a filter that not every CRM knows.

        Asks for all fields, content included, or only for those in `names` that this CRM does not refuse. The
        answer proves nothing by itself: rows may be missing, late, incomplete or those of other tickets.
        """
        wanted = ",".join(_checked(code) for code in codes)
        query = {"limit": str(len(codes)), "offset": "0", "filtering[ticket_code:in]": wanted}

        def ask(known: Names) -> ListedTickets:
            fields = [name for name in known if names is None or name in names or name == "ticket_code"]
            return self._list_page(",".join(fields), query, request_id)

        return self._ask(self._list_fields, ask).tickets

    def _list_page(self, fields: str, query: Mapping[str, str], request_id: str) -> ListedTickets:
        query = {"fields": fields, **query}
        reply = self._caller.call(Request("GET", "/tickets", query=query, request_id=request_id))
        content = data_of(reply, method="GET")
        rows = content.get("data")
        if not isinstance(rows, list):
            raise UnexpectedReply(Reason.NOT_OBJECT)
        more = content.get("has_more")
        return _page_of(rows, int(query["offset"]), more if isinstance(more, bool) else None)

    def list_categories(self, *, request_id: str = "") -> tuple[Choice, ...]:
        """Read the configured categories: GET /ticket/categories."""
        return self._choices("/ticket/categories", "cate_name", request_id)

    def list_statuses(self, *, request_id: str = "") -> tuple[Choice, ...]:
        """Read the configured statuses: GET /ticket/status."""
        return self._choices("/ticket/status", "status_name", request_id)

    def _choices(self, endpoint: str, name_key: str, request_id: str) -> tuple[Choice, ...]:
        reply = self._caller.call(Request("GET", endpoint, request_id=request_id))
        content = data_of(reply, method="GET")
        rows = content.get("data")
        if not isinstance(rows, list):
            raise UnexpectedReply(Reason.NOT_OBJECT)
        return tuple(choice for row in rows if (choice := choice_from(row, name_key)))


def _page_of(rows: list[Json], offset: int, has_more: bool | None) -> ListedTickets:
    named = [(row, row.get("ticket_code"), as_int(row.get("id"))) for row in rows if isinstance(row, dict)]
    tickets = [_listed(row, code) for row, code, _number in named if _is_code(code)]
    names = [as_text(code)[:MAX_NAME_SHOWN] or f"#{number}" for _row, code, number in named]
    numbers = [number for _row, _code, number in named if number is not None]
    return ListedTickets(tuple(tickets), offset, len(rows), has_more, tuple(names), tuple(numbers))


def _listed(row: Mapping[str, Json], code: str) -> Ticket:
    """Return a ticket of a list; one with more custom fields than a form holds is listed without them."""
    try:
        return ticket_from(row, code=code)
    except UnexpectedReply:
        return ticket_from({name: row[name] for name in row if name != "custom_fields"}, code=code)


def _is_code(code: Json) -> TypeGuard[str]:
    return isinstance(code, str) and CODE.fullmatch(code) is not None


def _checked(code: str) -> str:
    if not CODE.fullmatch(code):
        raise InvalidTicket(Reason.BAD_CODE)
    return code


def _accepts(ask: Callable[[Names], object], names: Names) -> bool:
    """Return whether the CRM answers a request for these names."""
    try:
        ask(names)
    except InvalidTicket as error:
        if is_refused_name(error):
            return False
        raise
    return True


def _single_row(content: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Return the ticket in a reply: bare, under `data`, or a list's one entry; None if it is empty."""
    row: Json = content.get("data", content)
    if isinstance(row, list):
        row = row[0] if len(row) == 1 else None
    return row if isinstance(row, dict) and row else None
