"""Migrations that a running product can take: no long lock on a table that may hold millions of rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations import AddField, AddIndex, AlterField, CreateModel, RunPython
from django.db.migrations.loader import MigrationLoader

from tests.conftest import postgres_address
from tests.forking import run_with
from tests.prepared import empty_postgres_database

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
            # A default of the database's own is a note in its catalogue: no row is written for it.
            is_filled = isinstance(one, AddField) and one.field.has_default() and not one.field.null
            fills = is_filled and not one.field.has_db_default()
            if model in BIG - made and (is_plain or fills):
                risky.append(f"{name}: {one.describe()}")

    assert risky == [], "use AddIndexConcurrently, a nullable field, or a batch command"


@pytest.fixture
def on_sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'old.sqlite3'}"


@pytest.fixture
def on_postgres() -> Iterator[str]:
    with empty_postgres_database(postgres_address()) as url:
        yield url


def manage(database: str, *arguments: str) -> str:
    """Run a management command on a database of its own."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database}
    done = run_with(environment, "manage", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# One process takes a database from version to version: to start one takes as long as ten migrations.
UPGRADE = """
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

def models_at(number):
    call_command("migrate", "ticketadmin", number, verbosity=0)
    loader = MigrationExecutor(connection).loader
    newest = next(name for app, name in loader.disk_migrations if app == "ticketadmin" and name[:4] == number)
    return loader.project_state([("ticketadmin", newest)]).apps

Change = models_at("0009").get_model("ticketadmin", "Change")
for code, outcome in [("A", "pending"), ("A", "verified"), ("A", "pending"), ("B", "pending")]:
    Change.objects.create(ticket_code=code, actor_name=code, outcome=outcome, created_at=timezone.now())
Remote = models_at("0033").get_model("ticketadmin", "RemoteSnapshot")
for name in ("statuses", "omitted_fields", "circuit", "bulk:gate"):
    Remote.objects.create(name=name, value={"of": name}, fetched_at=timezone.now())
call_command("migrate", verbosity=0)

from ticketadmin.models import Change, CrmSnapshot, Shared, SharedState
print(*Change.objects.order_by("id").values_list("outcome", flat=True))
print(*sorted(row.value["of"] for row in CrmSnapshot.objects.all()))
print(SharedState.objects.get(name=Shared.CIRCUIT).value["of"], SharedState.objects.count())
"""


@pytest.mark.parametrize("database", ["on_sqlite", pytest.param("on_postgres", marks=pytest.mark.postgres)])
def test_rows_of_earlier_versions_are_carried_over(database: str, request: pytest.FixtureRequest) -> None:
    """Of several saves in flight of one ticket the newest stays; what the CRM said is copied.

    What is shared stays where it was: processes of the previous version keep using the old table while new
    ones start.
    """
    url = request.getfixturevalue(database)

    outcomes, copied, shared = manage(url, "shell", "-v", "0", "-c", UPGRADE).splitlines()

    assert outcomes.split() == ["unknown", "verified", "pending", "pending"]
    assert copied == "omitted_fields statuses"
    assert shared == "circuit 4"
