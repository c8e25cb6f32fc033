"""Whether this CRM empties the fields that a PUT leaves out, as saves showed or an administrator set it.

Kept in the database, so that every process knows and a restart does not forget. What follows from it is
`services/saving/sent_along.py`.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from ticketadmin.models import AuditAction, CrmSnapshot, Snapshot, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require


@dataclass(frozen=True)
class OmittedFields:
    """What is known of the fields that a PUT leaves out. `at` None: nothing is known.

    Seen at a `ticket` with these `fields`, or `set_by` an administrator.
    """

    are_emptied: bool = False
    at: datetime | None = None
    ticket: str = ""
    fields: tuple[str, ...] = ()
    set_by: str = ""


def omitted_fields() -> OmittedFields:
    """Return what is known."""
    return omitted_in(CrmSnapshot.objects.kept(Snapshot.OMITTED))


def omitted_in(row: CrmSnapshot | None) -> OmittedFields:
    """Return what `omitted_fields` does, from the row that remembers it, if there is one."""
    if row is None:
        return OmittedFields()
    return OmittedFields(**{**row.value, "fields": tuple(row.value["fields"])}, at=row.fetched_at)


def remember_emptied(ticket: str, fields: Iterable[str]) -> None:
    """Record that a save of a ticket emptied fields that it did not send; the first such save is kept."""
    if not omitted_fields().are_emptied:
        _keep(OmittedFields(are_emptied=True, ticket=ticket, fields=tuple(fields)))


def set_omitted_fields(*, are_emptied: bool, user: User) -> None:
    """Set or clear it on behalf of an administrator. Raises Forbidden."""
    require(user, "view_connection")
    before = omitted_fields().are_emptied
    _keep(OmittedFields(are_emptied=are_emptied, set_by=user.display_name))
    record(
        AuditAction.SETTING_CHANGED,
        Target(Snapshot.OMITTED, name=Snapshot.OMITTED),
        before={"are_emptied": before},
        after={"are_emptied": are_emptied},
        user=user,
    )


def _keep(known: OmittedFields) -> None:
    value = asdict(known)
    del value["at"]
    CrmSnapshot.objects.keep(Snapshot.OMITTED, value)
