"""How the CRM handles a request: tickets, lists, rights, and switches for what is unknown of the real one.

Everything is kept in memory and written through to SQLite, so that a restart keeps edits.
"""

import json
import operator
import re
import sqlite3
import time
import unicodedata
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ticketadmin.sandbox.seeding import CATEGORIES, CRM_TIME, CRM_ZONE, SEEDED_STATUSES, seeded_tickets

StatusAndBody = tuple[int, Any]

TEXT_FIELDS = ("ticket_title", "ticket_content", "account_email", "expected_at", "emergency_phone")
WRITABLE = (*TEXT_FIELDS, "cate_name", "status_name", "custom_fields")
DOCUMENTED = frozenset(
    "id ticket_title ticket_content cate_id emergency_phone account_id account_name custom_fields".split()
)
OTHERS = frozenset({"ticket_code", "status_id", "created_at", "updated_at", *WRITABLE}) - DOCUMENTED


@dataclass
class Switches:
    """How this CRM behaves. Each unknown of the real one is a switch."""

    readable: str = "all"  # all | documented (others refused with 400) | silent (others left out)
    unknown_fields: str = ""  # names, comma-separated, that `fields=` does not know (400)
    read_right: str = "yes"  # yes | 403 | 404 | 405 on GET /ticket and /tickets
    lists_right: str = "yes"  # yes | 403 | 404
    write_right: str = "yes"  # yes | 403
    semantics: str = "merge"  # merge | replace (omitted fields are wiped)
    custom_semantics: str = "merge"  # merge | replace
    unknown_names: str = "refuse"  # refuse (400) | ignore (that field alone) | store (as they are)
    normalise: str = ""  # "" | trim | nfc | strip_tags | self_close
    code_keys: str = "any"  # any | ticket_code | current_ticket_code
    ignore_filters: bool = False
    ignore_sort: bool = False
    ignore_offset: bool = False
    refuse_filters: bool = False  # 400 for any filter or sort
    repeat_rows: bool = False
    late_seconds: float = 0.0  # seconds by which lists are late
    hidden_custom_fields: str = ""  # keys, comma-separated, that no answer shows; *: the whole object
    hidden_in_lists: str = ""  # names, comma-separated, that rows of lists leave out
    double_rows: bool = False  # lists show each ticket twice
    say_has_more: bool = True
    longest_page: int = 100
    latency_ms: float = 0.0


class Crm:
    """The tickets and the rules."""

    def __init__(self, database: Path, *, key: str, count: int) -> None:
        self.key = key
        self.switches = Switches()
        self._database = sqlite3.connect(database)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS ticket (code TEXT PRIMARY KEY, body TEXT, seeded TEXT)"
        )
        self.tickets = self._load() or self._seed(count)
        self._replaced: deque[tuple[float, str, dict[str, Any]]] = deque(maxlen=20_000)

    def _load(self) -> dict[str, dict[str, Any]]:
        rows = self._database.execute("SELECT code, body FROM ticket WHERE body <> '' ORDER BY rowid")
        return {code: json.loads(body) for code, body in rows}

    def _seed(self, count: int) -> dict[str, dict[str, Any]]:
        tickets = seeded_tickets(count, datetime.now(CRM_ZONE).date())
        rows = [(ticket["ticket_code"], body := json.dumps(ticket), body) for ticket in tickets]
        with self._database:
            self._database.executemany("INSERT INTO ticket VALUES (?, ?, ?)", rows)
        return {ticket["ticket_code"]: ticket for ticket in tickets}

    def reset(self) -> None:
        """Go back to the seeded tickets and the plain behaviour."""
        self.switches = Switches()
        self._replaced.clear()
        rows = self._database.execute("SELECT code, seeded FROM ticket WHERE body IS NOT seeded").fetchall()
        with self._database:
            self._database.execute("DELETE FROM ticket WHERE seeded IS NULL")
            self._database.execute("UPDATE ticket SET body = seeded WHERE body IS NOT seeded")
        if any(seeded and code not in self.tickets for code, seeded in rows):
            self.tickets = self._load()  # what was removed returns to its old place
            return
        for code, seeded in rows:
            if seeded is None:
                self.tickets.pop(code, None)
            else:
                self.tickets[code] = json.loads(seeded)

    def store(self, code: str, ticket: dict[str, Any]) -> None:
        """Keep a ticket as it is now."""
        if code in self.tickets:
            self._replaced.append((time.monotonic(), code, self.tickets[code]))
        self.tickets[code] = ticket
        with self._database:
            self._database.execute(
                "INSERT INTO ticket (code, body) VALUES (?, ?) "
                "ON CONFLICT (code) DO UPDATE SET body = excluded.body",
                (code, json.dumps(ticket)),
            )

    def remove(self, code: str) -> None:
        """Delete a ticket as a user would in the CRM itself; a reset brings a seeded one back."""
        del self.tickets[code]
        with self._database:
            self._database.execute("UPDATE ticket SET body = '' WHERE code = ?", (code,))

    def edit(self, code: str, values: dict[str, Any]) -> None:
        """Change a ticket as another user would in the CRM itself."""
        ticket = _copy_of(self.tickets[code])
        custom = values.pop("custom_fields", None)
        ticket |= values
        if custom is not None:
            ticket["custom_fields"] |= custom
        self.store(code, ticket)

    # --- requests --------------------------------------------------------------------------------

    def code_in(self, body: Any) -> str | None:
        """Return the ticket code that a PUT body names by the identifier this CRM expects."""
        if not isinstance(body, dict):
            return None
        keys = ("ticket_code", "current_ticket_code")
        wanted = keys if self.switches.code_keys == "any" else (self.switches.code_keys,)
        return next((body[key] for key in wanted if isinstance(body.get(key), str) and body[key]), None)

    def update(self, body: Any) -> StatusAndBody:
        """PUT /ticket."""
        code = self.code_in(body)
        if code is None:
            return 400, {"message": "Thiếu trường bắt buộc: ticket_code"}
        if self.switches.write_right != "yes":
            return 403, {"message": "Bạn không có quyền cập nhật"}
        if code not in self.tickets:
            return 404, {"message": "Không tìm thấy phiếu hỗ trợ"}
        if errors := self._errors_in(body):
            return 400, {"message": "Dữ liệu không hợp lệ", "errors": errors}
        self.store(code, self._written(self.tickets[code], body))
        return 200, self.success(code)

    def success(self, code: str) -> dict[str, Any]:
        """Return the success body of the contract."""
        return {
            "message": "Successfully updated",
            "data": {"identity": self.tickets[code]["id"], "ticket_code": code},
        }

    def _errors_in(self, body: dict[str, Any]) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {}
        for name in TEXT_FIELDS:
            if name in body and body[name] is not None and not isinstance(body[name], str):
                errors[name] = [f"{name} phải là chuỗi"]
        if body.get("expected_at") and not _is_date(str(body["expected_at"])):
            errors["expected_at"] = ["expected_at phải có dạng YYYY-MM-DD"]
        if body.get("account_email") and "@" not in str(body["account_email"]):
            errors["account_email"] = ["Email không hợp lệ"]
        if "custom_fields" in body and not isinstance(body["custom_fields"], (dict, list)):
            errors["custom_fields"] = ["custom_fields phải là object"]
        if self.switches.unknown_names == "refuse":
            for name, known in (("cate_name", CATEGORIES), ("status_name", SEEDED_STATUSES)):
                if body.get(name) and _spelling(body[name], known) is None:
                    errors[name] = [f"{name} không tồn tại"]
        return errors

    def _written(self, old: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        new = _copy_of(old)
        if self.switches.semantics == "replace":
            new |= dict.fromkeys((*TEXT_FIELDS, "cate_name"), "")
            new["custom_fields"] = dict.fromkeys(new["custom_fields"])
        for name in TEXT_FIELDS:
            if name in body:
                new[name] = self._normal(body[name] or "")
        for name, known in (("cate_name", CATEGORIES), ("status_name", SEEDED_STATUSES)):
            if name in body:
                new[name] = self._named(body[name] or "", known, old[name])
        if isinstance(body.get("custom_fields"), dict):
            base = {} if self.switches.custom_semantics == "replace" else new["custom_fields"]
            written = {key: None if value == "" else value for key, value in body["custom_fields"].items()}
            new["custom_fields"] = {**dict.fromkeys(new["custom_fields"]), **base, **written}
        new["updated_at"] = datetime.now(CRM_ZONE).strftime(CRM_TIME)
        return new

    def _named(self, name: str, known: list[str], old: str) -> str:
        """Return the name to store for one that was sent."""
        spelling = _spelling(name, known)
        if spelling is not None:
            return spelling
        return name if not name or self.switches.unknown_names == "store" else old

    def _normal(self, text: str) -> str:
        match self.switches.normalise:
            case "trim":
                return " ".join(text.split())
            case "nfc":
                return unicodedata.normalize("NFC", text)
            case "strip_tags":
                return re.sub(r"<[^>]*>", "", text)
            case "self_close":
                return text.replace("<br>", "<br/>")
            case _:
                return text

    def read(self, query: dict[str, str]) -> StatusAndBody:
        """GET /ticket."""
        if refused := self._refusal(self.switches.read_right):
            return refused
        ticket = self.tickets.get(query.get("ticket_code", ""))
        if ticket is None:
            return 404, {"message": "Không tìm thấy phiếu hỗ trợ"}
        return self._shown([ticket], query, single=True)

    def list_page(self, query: dict[str, str]) -> StatusAndBody:
        """GET /tickets."""
        if refused := self._refusal(self.switches.read_right):
            return refused
        if self.switches.refuse_filters and any(
            name == "sort" or name.startswith("filtering") for name in query
        ):
            return 400, {"message": "Tham số không hợp lệ"}
        if self.switches.ignore_sort:
            query = {name: value for name, value in query.items() if name not in {"sort", "direction"}}
        rows = self._listed()
        if not self.switches.ignore_filters:
            for name, passes in _filters(query):
                rows = [row for row in rows if passes(self._value(row, name))]
        sort, descending = query.get("sort") or "id", (query.get("direction") or "DESC").upper() == "DESC"
        values = {row["ticket_code"]: self._value(row, sort) for row in rows}
        rows.sort(key=lambda row: _order(values[row["ticket_code"]]), reverse=descending)
        limit = max(1, min(_number(query.get("limit"), 20), self.switches.longest_page))
        offset = 0 if self.switches.ignore_offset else max(0, _number(query.get("offset"), 0))
        start = max(0, offset - 2) if self.switches.repeat_rows else offset
        shown = rows[start : start + limit]
        if self.switches.double_rows:
            shown = [row for row in shown for _twice in range(2)][:limit]
        status, data = self._shown(shown, query)
        if status != 200:
            return status, data
        hidden = self.switches.hidden_in_lists.split(",")
        data = [{name: value for name, value in row.items() if name not in hidden} for row in data]
        order = "DESC" if descending else "ASC"
        answer: dict[str, Any] = {"data": data, "offset": offset, "limited": limit, "sorted": {sort: order}}
        if self.switches.say_has_more:
            answer["has_more"] = start + limit < len(rows)
        return 200, answer

    def _listed(self) -> list[dict[str, Any]]:
        """Return the tickets as lists show them: perhaps as they were a while ago."""
        tickets = dict(self.tickets)
        since = time.monotonic() - self.switches.late_seconds
        if self.switches.late_seconds:
            for replaced_at, code, ticket in reversed(self._replaced):
                if replaced_at > since and code in tickets:
                    tickets[code] = ticket
        return list(tickets.values())

    def choices(self, name_key: str) -> StatusAndBody:
        """GET /ticket/categories and /ticket/status."""
        if refused := self._refusal(self.switches.lists_right):
            return refused
        names = CATEGORIES if name_key == "cate_name" else SEEDED_STATUSES
        rows = [{"id": number, name_key: name} for number, name in enumerate(names, start=1)]
        return 200, {"data": rows, "offset": 0, "limited": False}

    def _refusal(self, right: str) -> StatusAndBody | None:
        return None if right == "yes" else (int(right), {"message": "Bạn không có quyền xem"})

    def _shown(
        self, rows: list[dict[str, Any]], query: dict[str, str], *, single: bool = False
    ) -> StatusAndBody:
        asked = {name for name in query.get("fields", "").split(",") if name} or {*DOCUMENTED}
        strangers = asked - (DOCUMENTED if self.switches.readable != "all" else DOCUMENTED | OTHERS)
        strangers |= asked & {*self.switches.unknown_fields.split(",")}
        if not single:
            strangers -= {"ticket_code"}
            asked |= {"ticket_code"}
        if strangers and self.switches.readable != "silent":
            return 400, {"message": f"fields không hợp lệ: {', '.join(sorted(strangers))}"}
        shown = [
            {name: value for name, value in self._visible(row).items() if name in asked - strangers}
            for row in rows
        ]
        return 200, shown[0] if single else shown

    def _visible(self, ticket: dict[str, Any]) -> dict[str, Any]:
        """Return a ticket without the custom fields that this key has no right to."""
        ticket, hidden = self._with_ids(ticket), self.switches.hidden_custom_fields.split(",")
        if "*" in hidden:
            return {name: value for name, value in ticket.items() if name != "custom_fields"}
        custom = {key: value for key, value in ticket["custom_fields"].items() if key not in hidden}
        return ticket | {"custom_fields": custom}

    def _with_ids(self, ticket: dict[str, Any]) -> dict[str, Any]:
        return ticket | {name: self._value(ticket, name) for name in _IDS}

    def _value(self, ticket: dict[str, Any], name: str) -> Any:
        """Return the value of a ticket's field, or of an id; None if there is none."""
        if name not in _IDS:
            return ticket.get(name)
        source, known = _IDS[name]
        return known.index(ticket[source]) + 1 if ticket[source] in known else None

    def set_switches(self, values: dict[str, Any]) -> None:
        """Change how this CRM behaves. Raises TypeError for an unknown switch."""
        self.switches = Switches(**{**asdict(self.switches), **values})


def _spelling(name: Any, known: list[str]) -> str | None:
    wanted = unicodedata.normalize("NFC", str(name)).strip().casefold()
    return next((one for one in known if one.casefold() == wanted), None)


def _is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and date.fromisoformat(text))
    except ValueError:
        return False


def _number(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,6}", text) else default


def _copy_of(ticket: dict[str, Any]) -> dict[str, Any]:
    """Return a ticket whose fields may be set; their values are never changed in place."""
    return {**ticket, "custom_fields": {**ticket["custom_fields"]}}


def _order(value: Any) -> tuple[str, Any]:
    return str(type(value)), value or 0


def _filters(query: dict[str, str]) -> list[tuple[str, Callable[[Any], bool]]]:
    """Return the field of each filter and which of its values pass. Fields that no ticket has are ignored."""
    found = [(re.fullmatch(r"filtering\[(\w+):(\w+)\]", name), wanted) for name, wanted in query.items()]
    known = OTHERS | DOCUMENTED
    return [(one[1], _test(one[2], wanted)) for one, wanted in found if one and one[1] in known]


def _test(name: str, wanted: str) -> Callable[[Any], bool]:
    """Return the test of an operator, made once for all the rows of a list."""
    if name in _COMPARISONS:
        return partial(_compares, _COMPARISONS[name], wanted)
    lowered = wanted.casefold()
    several = lowered.split(",")
    among, first, last = frozenset(several), several[0], several[-1]
    tests: dict[str, Callable[[str], bool]] = {
        "eq": lambda text: text == lowered,
        "is": lambda text: text == lowered,
        "in": lambda text: text in among,
        "not_in": lambda text: text not in among,
        "contains": lambda text: lowered in text,
        "between": lambda text: len(several) == 2 and first <= text <= last,
        "not_between": lambda text: not (len(several) == 2 and first <= text <= last),
    }
    passes = tests.get(name)
    return lambda value: passes is None or passes(_text(value))


def _compares(compare: Callable[[str, str], bool], wanted: str, value: Any) -> bool:
    if isinstance(value, int):
        return compare(_text(value).zfill(20), wanted.zfill(20))
    return compare(_text(value), wanted)


def _text(value: Any) -> str:
    return str(value if value is not None else "").casefold()


_IDS = {"cate_id": ("cate_name", CATEGORIES), "status_id": ("status_name", SEEDED_STATUSES)}
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt,
}  # fmt: skip
