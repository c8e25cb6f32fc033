from django.db import migrations, models

INDEX = models.Index(
    condition=models.Q(("change_reason__gt", "")), fields=["-id"], name="change_reasoned"
)


def add_index(apps, schema_editor):
    """Build the index while rows are written: a table of millions must not be locked for it."""
    model = apps.get_model("ticketadmin", "Change")
    is_concurrent = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
    schema_editor.add_index(model, INDEX, **is_concurrent)


def remove_index(apps, schema_editor):
    schema_editor.remove_index(apps.get_model("ticketadmin", "Change"), INDEX)


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds an index concurrently only outside a transaction

    dependencies = [("ticketadmin", "0023_reasons")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddIndex(model_name="change", index=INDEX)],
            database_operations=[migrations.RunPython(add_index, remove_index)],
        ),
    ]
