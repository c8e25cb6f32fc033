"""The groups staff, lead and administrator, with their permissions."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ADMINISTERED_MODELS = ("user", "customfield", "statussetting")
ROLES = {
    "staff": {"edit_tickets"},
    "lead": {"edit_tickets", "run_bulk_updates", "view_all_history", "undo_any_change", "share_views"},
    "administrator": {
        "edit_tickets", "run_bulk_updates", "view_all_history", "undo_any_change", "share_views",
        "view_connection", "administer",
        *(f"{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in ADMINISTERED_MODELS),
    },
}


def make_roles(apps, schema_editor):
    """Create the groups. Permissions are made by a signal after all migrations, so they are made here first."""
    config = apps.get_app_config("ticketadmin")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    for name, codenames in ROLES.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set(
            Permission.objects.filter(content_type__app_label="ticketadmin", codename__in=codenames)
        )


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
