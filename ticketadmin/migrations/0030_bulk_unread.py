"""Bulk items tell whether the dry run could read their ticket whole."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0029_recipes")]

    operations = [
        migrations.AddField(
            model_name="bulkitem",
            name="is_unread",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="The dry run could not read it whole: it proves nothing, so it is no run's first.",
            ),
        ),
    ]
