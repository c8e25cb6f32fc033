from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0019_accounts")]

    operations = [
        migrations.AddField(
            model_name="change",
            name="runner",
            field=models.CharField(
                blank=True,
                help_text="The process that saves it (services/saving/runner).",
                max_length=120,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="unchecked",
            field=models.JSONField(
                blank=True,
                help_text="Fields that were too large to be read back, where there are any.",
                null=True,
            ),
        ),
    ]
