from django.db import migrations, models

NAME, MODEL = "indexed_status", "indexedticket"


def count_values(apps, schema_editor):
    """Let SQLite know the new index: without its counts it takes the index for better than it is.

    Where nobody ever counted, it guesses for all of them alike.
    """
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
            if cursor.fetchone():
                cursor.execute(f"ANALYZE {NAME}")


class Migration(migrations.Migration):
    """A list of one status in the usual order is read from one index, to its end."""

    dependencies = [("ticketadmin", "0038_item_from_list")]

    operations = [
        migrations.RemoveIndex(MODEL, NAME),
        migrations.AddIndex(
            MODEL, models.Index(fields=["index", "status_key", "updated_at", "id"], name=NAME)
        ),
        migrations.RunPython(count_values, count_values, elidable=True),
    ]
