"""Rows of the ticket index: what is kept of a read, and the one rule by which a row is written.

A row is written only by a read that began after the one it holds, by the database's clock; an older read that
arrives late changes nothing. A field that a read does not show keeps its earlier value: what is unknown stays
absent, and a known value is never dropped. Content is never kept.

Locks are taken in one order: the index (for new rows), rows by code, counters by key.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import CharField
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from ticketadmin.models import (
    CustomField,
    FieldKind,
    IndexedTicket,
    IndexedValue,
    Prepared,
    ReadFrom,
    RowsUpdate,
    Slot,
    TicketIndex,
)
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.reading import ReadTicket, flat_values
from ticketadmin.services.index.confirming import CHANGED_COLUMNS, change_row, confirm_row
from ticketadmin.services.index.counters import count_statuses, counter_key
from ticketadmin.services.index.erased import erased_among, let_in
from ticketadmin.services.index.moments import moment_of
from ticketadmin.services.index.texts import kept_text, spelled
from ticketadmin.services.index.words import words_of
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CATEGORY, CUSTOM_PREFIX, STATUS, TITLE
from ticketadmin.services.values.ordering import number_key, sort_key
from ticketadmin.ticketapi.tickets import Json, Ticket, as_text

EMAIL, PHONE, EXPECTED = "account_email", "emergency_phone", "expected_at"
CUSTOMER, CREATED, UPDATED = "account_name", "created_at", "updated_at"
KEPT = frozenset({TITLE, EMAIL, PHONE, CATEGORY, STATUS, EXPECTED, CUSTOMER, CREATED, UPDATED})
CACHED_FOR = 20  # seconds
BATCH = 100  # rows written by one statement
LISTED = "index:listed"
CLOCK_SLIP = timedelta(minutes=2)  # a row from further in the future was written by a clock that was set back
_DERIVED = (*CHANGED_COLUMNS, "read_at", "read_from", "changed_at", "swept", "doubted_at", "missing_at")
_REWRITTEN = RowsUpdate(IndexedTicket.objects.all, _DERIVED)


@dataclass(frozen=True)
class ReadRow:
    """One ticket as a read showed it: known fields as text, without content.

    `shows_custom` says that every listed custom field was shown, so that an absent one is unset.
    """

    code: str
    number: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    shows_custom: bool = False

    @property
    def digest(self) -> str:
        """A short text that is equal only for equal reads."""
        spelled = json.dumps([self.number, sorted(self.values.items()), self.shows_custom])
        return hashlib.blake2b(spelled.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class ListedFields:
    """The custom fields that the list shows: their names with `custom_fields.`, and their kinds."""

    kinds: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.kinds


def current_index() -> TicketIndex:
    """Return the index of the CRM address in the settings; rows of another address are out of sight."""
    address = current_address()
    return _INDEX.first(address=address) or TicketIndex.objects.get_or_create(address=address)[0]


def current_address() -> str:
    """Return the CRM address in the settings, by which an index is found, without a name or password."""
    return str(settings.TICKET_API_URL).rstrip("/").rpartition("@")[2][:300]


_INDEX = Prepared(lambda: TicketIndex.objects.filter(address=Slot("address", CharField())))


def index_to_write() -> TicketIndex:
    """Return the same for writing rows: its id alone is up to date. Cached for moments."""
    address = str(settings.TICKET_API_URL)
    key = cache.get_or_set(f"index:{hash(address)}", lambda: current_index().pk, CACHED_FOR)
    return TicketIndex(pk=key, address=address)


def listed_fields() -> ListedFields:
    """Return the custom fields that an administrator marked for the list. Cached for moments."""
    return ListedFields(cache.get_or_set(LISTED, _marked_fields, CACHED_FOR) or {})


def _marked_fields() -> dict[str, str]:
    marked = CustomField.objects.filter(is_listed=True).values_list("key", "kind")
    return {CUSTOM_PREFIX + key: kind for key, kind in marked}


@receiver([post_save, post_delete], sender=CustomField)
def _forget_listed(**_signal: Any) -> None:
    cache.delete(LISTED)


def seen_in_list(ticket: Ticket, choices: Choices, listed: ListedFields) -> ReadRow:
    """Return what a row of the CRM's list shows."""
    values = _texts(flat_values(ticket, choices), listed) | _about(ticket)
    return ReadRow(ticket.code, ticket.identity, values, shows_custom=ticket.custom_fields is not None)


def seen_in_ticket(read: ReadTicket, listed: ListedFields) -> ReadRow:
    """Return what reading a ticket itself showed."""
    values = _texts(read.values, listed) | _about(read)
    return ReadRow(read.code, read.identity, values, shows_custom=read.shows_custom_fields)


def seen_in_save(code: str, wanted: Mapping[str, Json], listed: ListedFields) -> ReadRow:
    """Return the values that an accepted save sent, for a ticket that could not be read back."""
    return ReadRow(code, None, _texts(wanted, listed))


def _texts(values: Mapping[str, Json], listed: ListedFields) -> dict[str, str]:
    """Return the values that a row keeps, as text."""
    kept = {name: as_text(value) for name, value in values.items() if name in KEPT}
    return kept | {name: spelled(value) for name, value in values.items() if name in listed}


def _about(seen: Ticket | ReadTicket) -> dict[str, str]:
    """Return what a read shows of a ticket besides the fields that can be edited."""
    about = {CUSTOMER: seen.account_name, CREATED: seen.created_at, UPDATED: seen.updated_at}
    return {name: value for name, value in about.items() if value is not None}


def write_rows(
    index: TicketIndex,
    seen: Iterable[ReadRow],
    *,
    began_at: datetime,
    read_from: ReadFrom,
    sweep: int | None = None,
) -> frozenset[str]:
    """Write what one read showed, and return the codes of the rows that are new or have other values.

    `began_at` is `database_now()` from before the read was sent. `sweep` is the number of the sweep that the
    read belongs to, if any.
    """
    found = {one.code: one for one in reversed(list(seen))}
    if not found:
        return frozenset()
    listed = listed_fields()
    with transaction.atomic():
        rows = _locked(index, found)
        found = _without_erased(found, rows, read_from)
        due = {code: one for code, one in found.items() if _is_newer(began_at, rows.get(code))}
        now = database_now()
        fresh = {code: _row(index, one, rows.get(code), listed) for code, one in due.items()}
        changed = {code: row for code, row in fresh.items() if _differs(row, rows.get(code))}
        for row in changed.values():
            row.read_at, row.read_from, row.changed_at = began_at, read_from, now
            row.swept = sweep if sweep is not None else row.swept
            row.digest = found[row.code].digest if read_from == ReadFrom.TICKET else ""
        _keep_changed(changed, rows, listed)
        same = due.keys() - changed.keys()
        marks: dict[str, Any] = {} if sweep is None else {"swept": sweep}
        if same:
            confirmed = {"read_at": began_at, "read_from": read_from, "doubted_at": None} | marks
            if read_from == ReadFrom.TICKET and len(same) == 1:  # so that its next read is one statement
                confirmed["digest"] = found[min(same)].digest
            IndexedTicket.objects.filter(pk__in=[rows[code].pk for code in same]).update(**confirmed)
        late = [rows[code].pk for code in found.keys() - due.keys()]
        if late and marks:
            IndexedTicket.objects.filter(pk__in=late).update(**marks)
        _doubt_other_codes(index, changed, rows)
    return frozenset(changed)


def _without_erased(
    found: Mapping[str, ReadRow], rows: Mapping[str, IndexedTicket], read_from: ReadFrom
) -> dict[str, ReadRow]:
    """Leave out erased tickets that only the list shows; opening or saving one lets it back in."""
    new = found.keys() - rows.keys()
    if new and read_from != ReadFrom.LIST:
        let_in(new)
        return dict(found)
    erased = erased_among(new) if new else set()
    return {code: one for code, one in found.items() if code not in erased}


def write_read(
    index: TicketIndex, seen: ReadRow, *, began_at: datetime, before: ReadRow | None = None
) -> None:
    """Write what a read of the ticket itself showed; `before` is what the same save read first.

    One statement where the row holds what this read, or the one before it, showed, and two more for the
    counters where the status changed.
    """
    earlier = before or seen
    if earlier.digest == seen.digest:
        if confirm_row(index, seen.code, seen.digest, began_at=began_at):
            return
    elif (columns := _changed_columns(index, earlier, seen)) and _is_updated(
        index, earlier, seen, began_at=began_at, columns=columns
    ):
        return
    write_rows(index, [_after(earlier, seen)], began_at=began_at, read_from=ReadFrom.TICKET)


def _is_updated(
    index: TicketIndex, earlier: ReadRow, seen: ReadRow, *, began_at: datetime, columns: Mapping[str, Any]
) -> bool:
    """Update the row, and the counters, too, if its status has changed."""
    statuses = earlier.values.get(STATUS), seen.values.get(STATUS)
    if statuses[0] == statuses[1]:
        return change_row(index, seen.code, earlier.digest, began_at=began_at, columns=columns)
    old, new = (None if one is None else sort_key(one) for one in statuses)
    with transaction.atomic():
        if not change_row(index, seen.code, earlier.digest, began_at=began_at, columns=columns):
            return False
        steps = [(counter_key(old), -1), (counter_key(new), 1)]
        count_statuses(index, steps, {counter_key(new): statuses[1] or ""})
    return True


def _after(before: ReadRow, after: ReadRow) -> ReadRow:
    """Return two reads as one: fields that the second does not show have their values from the first."""
    kept = {
        name: value
        for name, value in before.values.items()
        if not (after.shows_custom and name.startswith(CUSTOM_PREFIX))
    }
    return replace(after, values={**kept, **after.values})


def _changed_columns(index: TicketIndex, before: ReadRow, after: ReadRow) -> dict[str, Any] | None:
    """Return the columns of a row that held `before` and now holds `after`.

    None if that takes more than the row and its counter: a listed value, or values that only it knows.
    """
    is_whole = all(one.shows_custom and one.values.keys() >= KEPT for one in (before, after))
    if not is_whole or before.number != after.number or _listed(before) != _listed(after):
        return None
    row = _row(index, after, None, listed_fields())
    return {name: getattr(row, name) for name in CHANGED_COLUMNS} | {"digest": after.digest}


def _listed(seen: ReadRow) -> dict[str, str]:
    """Return the values that are kept outside the row, too: those of listed custom fields."""
    return {name: value for name, value in seen.values.items() if name.startswith(CUSTOM_PREFIX)}


def mark_missing(index: TicketIndex, code: str, *, began_at: datetime) -> bool:
    """Mark a ticket whose own read found no such ticket as missing. Return whether a row is marked now."""
    with transaction.atomic():
        row = IndexedTicket.objects.select_for_update().filter(index=index, code=code).first()
        if row is None or not _is_newer(began_at, row):
            return False
        if row.missing_at is None:
            count_statuses(index, [(counter_key(row.status_key), -1)])
        marks = {
            "missing_at": began_at,
            "read_at": began_at,
            "read_from": ReadFrom.TICKET,
            "doubted_at": None,
        }
        IndexedTicket.objects.filter(pk=row.pk).update(**marks, changed_at=database_now())
    return True


def _locked(index: TicketIndex, found: Mapping[str, ReadRow]) -> dict[str, IndexedTicket]:
    """Return the rows of these codes, locked; while one is new, no other write makes new rows."""
    wanted = IndexedTicket.objects.filter(index=index, code__in=list(found))
    if len(found) == 1 and (row := wanted.select_for_update(no_key=True).first()):
        return {row.code: row}
    if wanted.count() < len(found):
        TicketIndex.objects.select_for_update(no_key=True).get(pk=index.pk)
    return {row.code: row for row in wanted.select_for_update(no_key=True).order_by("code")}


def _is_newer(began_at: datetime, row: IndexedTicket | None) -> bool:
    if row is None or row.read_at is None:
        return True
    return began_at > row.read_at or row.read_at > began_at + CLOCK_SLIP


def _row(index: TicketIndex, seen: ReadRow, old: IndexedTicket | None, listed: ListedFields) -> IndexedTicket:
    known = dict(old.values) if old else {}
    if seen.shows_custom:
        known = {name: value for name, value in known.items() if not name.startswith(CUSTOM_PREFIX)}
        known |= dict.fromkeys(listed.kinds, "")
    known = {name: value for name, value in known.items() if name in KEPT or name in listed}
    known |= {name: kept_text(value) for name, value in seen.values.items()}
    number = seen.number if seen.number is not None else old.number if old else None
    return IndexedTicket(
        pk=old.pk if old else None,
        index=index,
        code=seen.code,
        code_key=old.code_key if old else sort_key(seen.code),
        number=number,
        values=known,
        words=words_of([seen.code, *(known[name] for name in sorted(known) if _is_searched(name))]),
        customer_words=words_of(known[name] for name in (CUSTOMER, EMAIL) if name in known),
        swept=old.swept if old else 0,
        missing_at=None,
        **_columns(known, old),
    )


def _is_searched(name: str) -> bool:
    return name in {TITLE, CUSTOMER, EMAIL, PHONE} or name.startswith(CUSTOM_PREFIX)


_KEYED = {
    "title_key": TITLE, "customer_key": CUSTOMER, "email_key": EMAIL, "phone_key": PHONE,
    "category_key": CATEGORY, "status_key": STATUS,
}  # fmt: skip


def _columns(known: Mapping[str, str], old: IndexedTicket | None) -> dict[str, Any]:
    return {
        **{column: _name_key(known, name, old, column) for column, name in _KEYED.items()},
        "expected_on": _day(known.get(EXPECTED, "")),
        "created_at": moment_of(known.get(CREATED, "")),
        "updated_at": moment_of(known.get(UPDATED, "")),
    }


def _name_key(known: Mapping[str, str], name: str, old: IndexedTicket | None, column: str) -> bytes | None:
    """Return the sort key of a name, from the old row if it is the same name."""
    if old is not None and old.values.get(name) == known.get(name):
        key: bytes | None = getattr(old, column)
        return key
    return sort_key(known[name]) if name in known else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _differs(row: IndexedTicket, old: IndexedTicket | None) -> bool:
    return (
        old is None
        or old.missing_at is not None
        or (old.values, old.number, old.words, old.customer_words)
        != (row.values, row.number, row.words, row.customer_words)
    )


def _keep_changed(
    changed: Mapping[str, IndexedTicket], old: Mapping[str, IndexedTicket], listed: ListedFields
) -> None:
    if not changed:
        return
    IndexedTicket.objects.bulk_create(
        [row for code, row in changed.items() if code not in old], batch_size=BATCH
    )
    known = [row for code, row in changed.items() if code in old]
    for start in range(0, len(known), BATCH):
        _REWRITTEN.run(known[start : start + BATCH])
    index = next(iter(changed.values())).index
    steps = [(counter_key(row.status_key), 1) for row in changed.values()]
    gone = [old[code].status_key for code in changed if code in old and not old[code].missing_at]
    steps += [(counter_key(key), -1) for key in gone]
    names = {counter_key(row.status_key): row.values.get(STATUS, "") for row in changed.values()}
    count_statuses(index, steps, names)
    _keep_listed(list(changed.values()), listed)


def _keep_listed(rows: list[IndexedTicket], listed: ListedFields) -> None:
    """Write the sortable values of listed custom fields."""
    if not listed.kinds:
        return
    values = [
        IndexedValue(ticket=row, index_id=row.index_id, name=name, key=value_key(kind, row.values[name]))
        for row in rows
        for name, kind in listed.kinds.items()
        if name in row.values
    ]
    IndexedValue.objects.filter(ticket__in=rows).delete()
    IndexedValue.objects.bulk_create(values, batch_size=200)


def value_key(kind: str, text: str) -> bytes:
    """Return the bytes by which a custom field's values are ordered and compared; empty for an unset one."""
    if kind in {FieldKind.NUMBER, FieldKind.EPOCH_DATE}:
        try:
            return number_key(float(text))
        except ValueError:
            return b"" if not text else b"\xff" + sort_key(text)
    return sort_key(text)


def _doubt_other_codes(
    index: TicketIndex, changed: Mapping[str, IndexedTicket], old: Mapping[str, IndexedTicket]
) -> None:
    """Doubt rows whose CRM id now belongs to another code: the ticket was renamed, or the row is wrong."""
    known = {code: row.number for code, row in old.items()}
    numbers = [row.number for code, row in changed.items() if row.number not in {None, known.get(code)}]
    if numbers:
        others = IndexedTicket.objects.filter(index=index, number__in=numbers, missing_at=None)
        others.filter(doubted_at=None).exclude(code__in=list(changed)).update(doubted_at=database_now())
