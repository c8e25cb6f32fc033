"""Lists that pages kept for their filters are gone: the index is the one way to know the list."""

from django.db import migrations


def forget(apps, schema_editor):
    apps.get_model("ticketadmin", "RemoteSnapshot").objects.filter(name__startswith="list:").delete()


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0016_list_columns")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
