"""Migrations that a running product can take: no long lock on a table that may hold millions of rows."""

from django.db.migrations import AddField, AddIndex, AlterField, CreateModel, RunPython
from django.db.migrations.loader import MigrationLoader

BIG = {"change", "changedfield", "bulkitem"}
# Before the first release: no installation has such a table yet.
RELEASED_WITHOUT_ROWS = {
    *("0001_initial", "0003_drafts_presence_fields", "0005_bulk_of_change", "0006_change_actor_outcome"),
    "0008_bulk_updates",
}


def test_big_tables_are_never_locked_for_long() -> None:
    migrations = MigrationLoader(None).disk_migrations
    risky = []
    for (app, name), migration in migrations.items():
        if app != "ticketadmin" or name in RELEASED_WITHOUT_ROWS:
            continue
        made = {one.name.lower() for one in migration.operations if isinstance(one, CreateModel)}
        for one in migration.operations:
            model = getattr(one, "model_name", "")
            is_plain = type(one) in {AddIndex, AlterField, RunPython}
            fills = isinstance(one, AddField) and one.field.has_default() and not one.field.null
            if model in BIG - made and (is_plain or fills):
                risky.append(f"{name}: {one.describe()}")

    assert risky == [], "use AddIndexConcurrently, a nullable field, or a batch command"
