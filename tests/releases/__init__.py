"""What earlier versions left in their database, as they wrote it, for tests of upgrades.

`before_0011.json` was written by the version of commit 221e4a5 (migrations 0001 to 0010) in use: saves that
were proved, refused and cut off, a draft, a view, bulk updates in every state, one
of them left by a dead worker.
"""

import json
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

FOLDER = Path(__file__).resolve().parent


def load(name: str, migration: str) -> None:
    """Load a file's rows into a database that was migrated to this migration."""
    state = MigrationExecutor(connection).loader.project_state([("ticketadmin", migration)])
    rows = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    with transaction.atomic():
        for row in rows:
            _insert(state.apps, row)
    made = {state.apps.get_model(row["model"]) for row in rows}
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(made)):
            cursor.execute(sql)


def _insert(apps: Apps, row: dict[str, Any]) -> None:
    model = apps.get_model(row["model"])
    if row["model"] == "auth.group":  # a migration made them
        assert model._default_manager.get(pk=row["pk"]).name == row["fields"]["name"]
        return
    plain, many = {}, {}
    for name, value in row["fields"].items():
        field = model._meta.get_field(name)
        if isinstance(field, models.ManyToManyField):
            many[name] = value
        elif isinstance(field, models.ForeignKey):
            plain[field.attname] = value
        else:
            plain[name] = value if isinstance(field, models.JSONField) else field.to_python(value)
    instance = model(pk=row["pk"], **plain)
    instance.save(force_insert=True)
    for name, keys in many.items():
        getattr(instance, name).set(keys)


def counts(name: str) -> dict[str, int]:
    """Return how many rows a file has for each model."""
    rows = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    found = [row["model"] for row in rows]
    return {model: found.count(model) for model in sorted(set(found))}
