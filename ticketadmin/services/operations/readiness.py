"""Readiness, metrics and queue depth, for operators and monitoring."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from ticketadmin.models import (
    ACTIVE,
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    Heartbeat,
    ItemState,
    PauseReason,
)
from ticketadmin.private_sqlite import file_of
from ticketadmin.services.crm.circuit_breaker import circuit
from ticketadmin.services.operations.heartbeats import living
from ticketadmin.services.operations.schema import schema_state

OK, AWAY, READ_ONLY, FULL = "ok", "away", "read-only", "no space"
PROBE_BYTES = 4_000_000  # one checkpoint of SQLite's write-ahead log, roughly
PROBE_SECONDS = 10


def readiness() -> tuple[bool, dict[str, str]]:
    """Return whether requests may be sent to this process, with a word for each check.

    Without a living worker it is not ready, because bulk updates would wait; the CRM is only reported.
    """
    try:
        found = {"database": _database(), "migrations": _migrations(), "worker": OK if living() else AWAY}
        found["crm"] = "circuit open" if _is_circuit_open() else OK
    except DatabaseError:
        found = {"database": AWAY}
    is_ready = all(word == OK for name, word in found.items() if name != "crm")
    return is_ready, found


def _database() -> str:
    """Return whether rows can be written. No row is changed, but a read-only database refuses the attempt."""
    try:
        with transaction.atomic():
            Heartbeat.objects.filter(name="").update(beat_at=timezone.now())
    except DatabaseError:
        return READ_ONLY
    return _folder()


def _folder() -> str:
    """Return whether SQLite's folder has room for more rows; probed at most every PROBE_SECONDS per process.

    A small write proves nothing: while the disk is full, SQLite writes it over freed pages and old frames of
    its write-ahead log, until a larger one fails. So the probe reserves blocks in an unnamed file, which also
    respects quotas. The disk of PostgreSQL is not checked.
    """
    file = file_of(str(connection.settings_dict["NAME"])) if connection.vendor == "sqlite" else None
    if file is None:
        return OK
    folder = file.parent
    return str(cache.get_or_set(f"space:{hash(folder)}", lambda: _probe(folder), PROBE_SECONDS))


def _probe(folder: Path) -> str:
    if not hasattr(os, "posix_fallocate"):  # macOS
        return OK
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, PROBE_BYTES)
    except OSError as error:
        return READ_ONLY if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else FULL
    return OK


def pause_after_restore() -> int:
    """Pause the active bulk updates of a restored database, end all sessions; return how many were paused.

    What was sent after the backup is not known there: resuming would send it again, over newer values.
    Sessions that ended after the backup would be valid again.
    """
    Session.objects.all().delete()
    active = BulkUpdate.objects.filter(state__in=ACTIVE)
    return active.update(
        state=BulkState.PAUSED, pause_reason=PauseReason.RESTORED, worker="", lease_until=None, slots=0
    )


def _migrations() -> str:
    state = schema_state()
    return "newer" if state.newer else "pending" if state.pending else OK


def _is_circuit_open() -> bool:
    return circuit().seconds_left > 0


def queue_depth() -> int:
    """Return how many tasks wait for a worker."""
    return DBTaskResult.objects.filter(status="READY").count()


def metrics_text() -> bytes:
    """Return everything Prometheus scrapes: what the processes counted, and what the database knows."""
    registry = CollectorRegistry()
    registry.register(_DatabaseCollector())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(registry) + generate_latest(REGISTRY)


class _DatabaseCollector:
    """Gauges computed from the database, the same in every process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        active = BulkUpdate.objects.filter(state__in=ACTIVE)
        under_way = BulkItem.objects.filter(state=ItemState.WORKING, bulk__in=active)
        for name, words, value in (
            ("queue_depth", "Tasks that wait for a worker.", queue_depth()),
            ("bulk_updates_active", "Bulk updates that are worked on.", active.count()),
            ("bulk_items_in_progress", "Tickets of bulk updates in progress.", under_way.count()),
            ("changes_unsettled", "Changes whose effect is not known.", Change.objects.unsettled().count()),
            ("workers_alive", "Workers with a recent heartbeat.", len(living())),
            ("circuit_open", "1 while the circuit to the CRM is open.", int(_is_circuit_open())),
        ):
            yield GaugeMetricFamily(f"ticketadmin_{name}", words, value=value)
