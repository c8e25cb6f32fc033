"""What the CRM said, and what the processes of this product share: locks, limits, heartbeats.

`CrmSnapshot` holds answers and what answers have shown; `SharedState` coordinates processes and names no data
of the CRM. Each row is named by a member of an enum, which says what its JSON holds and where it is used.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import models
from django.utils import timezone

from .columns import NamedRow


class Reading(StrEnum):
    """Whether the key may read tickets, as far as answers have shown."""

    WORKS = "works"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Snapshot(StrEnum):
    """What is kept of the CRM's answers."""

    CATEGORIES = "categories"  # {"items": [{"id", "name"}], "fetched_at"}; services/crm/choices.py
    STATUSES = "statuses"  # the same
    READING = "reading"  # {"state": Reading}; services/crm/connection.py
    CHECK = "check"  # {"steps": [Step]}; services/crm/check.py
    OMITTED = "omitted_fields"  # {"are_emptied", "ticket", "fields", "set_by"}; services/crm/omitted.py
    MERGING = "custom_fields_merge"  # {"url", "ticket"}; services/saving/custom_fields.py


class Shared(StrEnum):
    """What processes share to coordinate their calls. The values are those of versions before the split."""

    CIRCUIT = "circuit"  # {"open_until": ISO or None}; services/crm/circuit_breaker.py
    RATE = "pace"  # {"next": ISO}, the first free place for a call; services/crm/rate_limit.py
    ASKED_TO_WAIT = "asked_to_wait"  # {"until": ISO}; services/crm/hold.py
    BULK_SLOTS = "bulk:gate"  # {}, a lock; services/bulk/lease.py


class SnapshotManager(models.Manager["CrmSnapshot"]):
    """Reads and writes rows by their names."""

    def kept(self, name: Snapshot) -> "CrmSnapshot | None":
        """Return the row of that name, if there is one."""
        return self.filter(name=name).first()

    def keep(self, name: Snapshot, value: dict[str, Any], *, at: datetime | None = None) -> None:
        """Write the row of that name, fetched now or at a moment."""
        self.update_or_create(name=name, defaults={"value": value, "fetched_at": at or timezone.now()})


class CrmSnapshot(NamedRow):
    """The last usable answer of the CRM to a question whose answer seldom changes.

    Kept in the database, so that all processes share it and it survives a restart: a list that is
    too old is still better than none while the CRM is down.
    """

    name = models.CharField(max_length=40, primary_key=True)
    value = models.JSONField(default=dict)
    fetched_at = models.DateTimeField()

    objects = SnapshotManager()


class SharedStateManager(models.Manager["SharedState"]):
    """Locks rows by their names."""

    def locked(self, name: Shared) -> "SharedState":
        """Return the row of that name, locked until the transaction ends; created empty if there was none."""
        self.get_or_create(name=name)
        return self.select_for_update().get(name=name)


class SharedState(NamedRow):
    """One thing that all processes have to agree on: a circuit breaker, a rate limit, a wait, a lock.

    The table is the one that versions before the split used for both, snapshots too: during an upgrade
    processes of both versions keep to one rate limit and wait for one lock.
    """

    name = models.CharField(max_length=40, primary_key=True)
    value = models.JSONField(default=dict)
    changed_at = models.DateTimeField(auto_now=True, db_column="fetched_at")

    objects = SharedStateManager()

    class Meta:
        db_table = "ticketadmin_remotesnapshot"


class Heartbeat(NamedRow):
    """The last sign of life of a worker process."""

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()


class Chore(NamedRow):
    """Regular work that one worker at a time takes on, and when it was last begun."""

    name = models.CharField(max_length=40, primary_key=True)
    begun_at = models.DateTimeField()
