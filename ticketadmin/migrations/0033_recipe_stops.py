"""Bulk items keep why a recipe could not be used as machine words, so that each user reads it in theirs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0032_sent_along")]

    operations = [
        migrations.AddField(
            model_name="bulkitem",
            name="recipe_stops",
            field=models.JSONField(
                blank=True,
                null=True,
                help_text="Why the run's recipe cannot be used on it (services/recipes/stops.py); null: nothing.",
            ),
        ),
    ]
