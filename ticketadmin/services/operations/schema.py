"""Whether the database's tables fit this version of the product."""

from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

OURS = "ticketadmin"


@dataclass(frozen=True)
class SchemaState:
    """Names of migrations: those the database still lacks, and those that only a newer version knows."""

    pending: tuple[str, ...]
    newer: tuple[str, ...]


def schema_state() -> SchemaState:
    """Compare the database's record of migrations with this version's files. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    newer = (
        name
        for app, name in loader.applied_migrations
        if app == OURS and (app, name) not in loader.disk_migrations
    )
    return SchemaState(
        pending=tuple(f"{migration.app_label}.{migration.name}" for migration, _backwards in plan),
        newer=tuple(sorted(newer)),
    )
