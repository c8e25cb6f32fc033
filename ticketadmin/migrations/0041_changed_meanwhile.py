"""A name that users read: nothing changes in a table, so nothing is locked."""

from django.db import migrations, models

OUTCOMES = [
    ("verified", "Verified"),
    ("stored_differently", "Stored differently"),
    ("not_applied", "Not applied"),
    ("not_readable", "Sent, cannot be checked"),
    ("accepted", "Accepted, not checked yet"),
    ("rejected", "Rejected"),
    ("unknown", "Unknown"),
    ("already", "No change needed"),
    ("conflict", "Changed meanwhile"),
    ("not_done", "Could not be sent"),
    ("not_sent", "Not sent: cancelled"),
]


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0040_names_of_users")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("bulkitem", "outcome", models.CharField(blank=True, choices=OUTCOMES, max_length=20)),
            ]
        )
    ]
