"""What the CRM said gets a table of its own; what processes share keeps the old one.

Processes of the version before may run meanwhile, so nothing of the old table changes: they and the new ones
go on sharing its circuit breaker, rate limit and lock. The snapshots are copied.
"""

from django.db import migrations, models

SNAPSHOTS = ("categories", "statuses", "reading", "check", "omitted_fields", "custom_fields_merge")


def copy_snapshots(apps, schema_editor):
    snapshots = apps.get_model("ticketadmin", "CrmSnapshot").objects
    for row in apps.get_model("ticketadmin", "SharedState").objects.filter(name__in=SNAPSHOTS):
        snapshots.create(name=row.name, value=row.value, fetched_at=row.changed_at)


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0033_recipe_stops")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("RemoteSnapshot", "SharedState"),
                migrations.AlterModelTable("SharedState", "ticketadmin_remotesnapshot"),
                migrations.RenameField("SharedState", "fetched_at", "changed_at"),
                migrations.AlterField(
                    "SharedState", "changed_at", models.DateTimeField(auto_now=True, db_column="fetched_at")
                ),
            ]
        ),
        migrations.CreateModel(
            name="CrmSnapshot",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("value", models.JSONField(default=dict)),
                ("fetched_at", models.DateTimeField()),
            ],
        ),
        migrations.RunPython(copy_snapshots, migrations.RunPython.noop),
    ]
