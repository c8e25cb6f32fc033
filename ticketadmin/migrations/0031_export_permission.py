"""Let leads and administrators download lists of tickets."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ["lead", "administrator"]


def allow(apps, schema_editor):
    """Add the permission to the groups, which an installation may have renamed or removed."""
    config = apps.get_app_config("ticketadmin")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    permission = apps.get_model("auth", "Permission").objects.get(
        content_type__app_label="ticketadmin", codename="export_tickets"
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("ticketadmin", "0030_bulk_unread"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("edit_tickets", "Can open and edit tickets"),
                    ("run_bulk_updates", "Can run bulk updates"),
                    ("view_all_history", "Can see everybody's changes"),
                    ("undo_any_change", "Can undo anybody's changes"),
                    ("share_views", "Can share saved views"),
                    ("export_tickets", "Can download lists of tickets"),
                    ("view_connection", "Can see the connection page"),
                    ("administer", "Can manage people, custom fields and status settings"),
                ],
                "verbose_name": "person",
                "verbose_name_plural": "people",
            },
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
