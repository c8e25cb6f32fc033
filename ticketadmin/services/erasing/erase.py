"""Erasing what this tool holds of a ticket, or of every ticket in which an e-mail address occurs.

Nothing is sent to the CRM, which keeps its own data. Undo of the erased changes goes with them. Refused while
a change of such a ticket is open or a bulk update with it has not ended: what is not known yet could not be
settled any more. The audit log keeps that it was done, by whom, and how many rows went, but no address.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from axes.models import AccessAttempt
from django.db import transaction
from django.db.models import Count

from ticketadmin.models import (
    ENDED,
    TICKET,
    AuditAction,
    BulkItem,
    BulkUpdate,
    Change,
    SavedView,
    User,
)
from ticketadmin.services.audit.record import Target, masked, record
from ticketadmin.services.erasing.stores import (
    OF_RUNS,
    SHARED,
    STORES,
    forget_files,
    rows_with,
    without_address,
)
from ticketadmin.services.index.erased import keep_out
from ticketadmin.services.people.access import require

_EMAIL = "email"
MAX_FOUND_SHOWN = 20


class StillOpen(Exception):
    """A change or a bulk update of such a ticket has not ended. `found` says which; nothing was erased."""

    def __init__(self, found: "HeldData") -> None:
        super().__init__()
        self.found = found


@dataclass(frozen=True)
class ErasureSubject:
    """What is to be erased: a ticket by its code, or an e-mail address. One of the two is empty."""

    code: str = ""
    address: str = ""


@dataclass(frozen=True)
class HeldData:
    """What is held: tickets, rows by store, and what prevents erasing it.

    `users` are accounts whose own address it is: those are kept, and changed under Settings.
    """

    codes: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    open_codes: tuple[str, ...] = ()
    open_runs: tuple[BulkUpdate, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether erasing has to wait."""
        return bool(self.open_codes or self.open_runs)

    @property
    def total(self) -> int:
        """The number of rows."""
        return sum(self.rows.values())


def look_up(subject: ErasureSubject, *, user: User) -> HeldData:
    """Return what is held of the subject; nothing is changed. Raises Forbidden.

    An address is looked for in every text of every table: it takes seconds in a history of a million changes.
    """
    require(user, "administer")
    codes = _codes(subject)
    rows = {store.name: store.rows_of(codes).count() for store in STORES}
    if subject.address:
        for model, columns in SHARED:
            rows[str(model._meta.model_name)] = sum(1 for _row in rows_with(model, columns, subject.address))
    return HeldData(
        codes=tuple(sorted(codes)),
        rows={name: count for name, count in rows.items() if count},
        open_codes=_open_codes(codes),
        open_runs=_open_runs(codes, subject.address),
        users=_users(subject.address),
    )


def erase(subject: ErasureSubject, *, user: User) -> HeldData:
    """Erase all that is held of the subject and return what it was.

    Raises Forbidden and StillOpen. All or nothing: a save that begins meanwhile rolls the erasing back.
    """
    with transaction.atomic():
        found = look_up(subject, user=user)
        if found.is_open:
            raise StillOpen(found)
        _note_in_runs(found.codes)
        rows = {store.name: store.remove(_removable(store.rows_of(found.codes))) for store in STORES}
        if subject.address:
            rows |= _erase_shared(subject.address)
        forget_files()
        keep_out([subject.code] if subject.code else found.codes)
        if open_codes := _open_codes(found.codes):
            raise StillOpen(HeldData(codes=found.codes, open_codes=open_codes))
        rows = {name: count for name, count in rows.items() if count}
        details = {"tickets": len(found.codes), **rows}
        record(AuditAction.ERASED, _target(subject), details=details, user=user)
    return HeldData(codes=found.codes, rows=rows, users=found.users)


def _target(subject: ErasureSubject) -> Target:
    if subject.code:
        return Target(TICKET, subject.code, subject.code)
    return Target(_EMAIL, "", masked(subject.address))


def _codes(subject: ErasureSubject) -> set[str]:
    if subject.code:
        return {subject.code}
    return set().union(*(store.codes_with(subject.address) for store in STORES))


def _removable(rows: Any) -> Any:
    """Leave out a change that has just begun; `erase` finds it and stops."""
    return rows.settled() if rows.model is Change else rows


def _open_codes(codes: Collection[str]) -> tuple[str, ...]:
    rows = Change.objects.unsettled().filter(ticket_code__in=list(codes))
    return tuple(
        rows.order_by("ticket_code").values_list("ticket_code", flat=True).distinct()[:MAX_FOUND_SHOWN]
    )


def _open_runs(codes: Collection[str], address: str) -> tuple[BulkUpdate, ...]:
    items = BulkItem.objects.filter(ticket_code__in=list(codes)).exclude(bulk__state__in=ENDED)
    runs = list(BulkUpdate.objects.filter(pk__in=items.values("bulk")).order_by("-id")[:MAX_FOUND_SHOWN])
    if address:
        named = rows_with(BulkUpdate, OF_RUNS, address)
        runs += [run for run in named if not run.has_ended and run not in runs]
    return tuple(runs[:MAX_FOUND_SHOWN])


def _users(address: str) -> tuple[str, ...]:
    if not address:
        return ()
    return tuple(User.objects.filter(email__iexact=address).values_list("username", flat=True))


def _note_in_runs(codes: Collection[str]) -> None:
    """Record with ended runs how many of its tickets were erased, since its counts no longer include them."""
    items = BulkItem.objects.filter(ticket_code__in=list(codes))
    counts = dict(items.values_list("bulk").annotate(count=Count("pk")).order_by())
    for run in BulkUpdate.objects.filter(pk__in=counts):
        run.notes = {**run.notes, "erased": run.notes.get("erased", 0) + counts[run.pk]}
        run.save(update_fields=["notes"])


def _erase_shared(address: str) -> dict[str, int]:
    """Take the address out of rows that belong to no single ticket, and return how many there were.

    Only a saved view is deleted: without its filter it would show other tickets.
    """
    counts: dict[str, int] = {}
    for model, columns in SHARED:
        rows = list(rows_with(model, columns, address))
        for row in rows:
            if model is SavedView:
                row.delete()
                continue
            for column in columns:
                setattr(row, column, without_address(getattr(row, column), address))
            row.save(update_fields=[*columns])
        counts[str(model._meta.model_name)] = len(rows)
    counts["accessattempt"] = AccessAttempt.objects.filter(username=address.casefold()).delete()[0]
    return counts
