"""Names that users read: nothing changes in a table, so nothing is locked."""

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import SET_NULL

PERMISSIONS = {
    "view_all_history": "Can see everyone's changes",
    "undo_any_change": "Can undo anyone's changes",
    "administer": "Can manage users, custom fields and status settings",
}

OUTCOMES = [
    ("verified", "Verified"),
    ("stored_differently", "Stored differently"),
    ("not_applied", "Not applied"),
    ("not_readable", "Sent, cannot be checked"),
    ("accepted", "Accepted, not checked yet"),
    ("rejected", "Rejected"),
    ("unknown", "Unknown"),
    ("already", "No change needed"),
    ("conflict", "Changed by someone else"),
    ("not_done", "Could not be sent"),
    ("not_sent", "Not sent: cancelled"),
]
PLANS = [
    ("", "Not checked yet"),
    ("send", "Will be sent"),
    ("blind", "Will be sent, cannot be compared"),
    ("already", "No change needed"),
    ("cannot", "Cannot be done"),
]


def rename_permissions(apps, schema_editor):
    """Django names a permission when it creates it, and never again."""
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="ticketadmin")
    for codename, name in PERMISSIONS.items():
        permissions.filter(codename=codename).update(name=name)


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0039_status_order")]

    operations = [
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name="user",
                    options={
                        "permissions": [
                            ("edit_tickets", "Can open and edit tickets"),
                            ("run_bulk_updates", "Can run bulk updates"),
                            ("view_all_history", "Can see everyone's changes"),
                            ("undo_any_change", "Can undo anyone's changes"),
                            ("share_views", "Can share saved views"),
                            ("export_tickets", "Can download lists of tickets"),
                            ("view_connection", "Can see the connection page"),
                            ("administer", "Can manage users, custom fields and status settings"),
                        ],
                        "verbose_name": "user",
                        "verbose_name_plural": "users",
                    },
                ),
                migrations.AlterField(
                    "auditentry", "target_name", models.CharField(blank=True, max_length=200, verbose_name="target")
                ),
                migrations.AlterField(
                    "bulkitem", "plan", models.CharField(blank=True, choices=PLANS, default="", max_length=8)
                ),
                migrations.AlterField("bulkitem", "outcome", models.CharField(blank=True, choices=OUTCOMES, max_length=20)),
                migrations.AlterField(
                    "bulkupdate",
                    "owner",
                    models.ForeignKey(settings.AUTH_USER_MODEL, SET_NULL, null=True, related_name="bulk_updates", verbose_name="owner"),
                ),
                migrations.AlterField(
                    "change",
                    "actor",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL, SET_NULL, null=True, blank=True, related_name="changes", verbose_name="user"
                    ),
                ),
                *(
                    migrations.AlterField(name, "is_shared", models.BooleanField(default=False, verbose_name="for everyone"))
                    for name in ("recipe", "savedview", "snippet")
                ),
            ]
        ),
    ]
