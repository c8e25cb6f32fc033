"""Let administrators manage rules in the settings, as migration 0002 does for what was there from the start."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

CODENAMES = [f"{verb}_ticketrule" for verb in ("view", "add", "change", "delete")]


def allow(apps, schema_editor):
    """Add the permissions to the group, which an installation may have renamed or removed."""
    config = apps.get_app_config("ticketadmin")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    group = apps.get_model("auth", "Group").objects.filter(name="administrator").first()
    if group is not None:
        permissions = apps.get_model("auth", "Permission").objects
        group.permissions.add(
            *permissions.filter(content_type__app_label="ticketadmin", codename__in=CODENAMES)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("ticketadmin", "0027_signature"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
