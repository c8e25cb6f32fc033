from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ticketadmin", "0022_unaddressable_tickets")]

    operations = [
        migrations.AddField(
            model_name="bulkupdate",
            name="change_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why, in the owner's own words: the reason of each of its changes.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="change_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why, in the user's own words; kept here, never sent.",
                max_length=300,
                verbose_name="reason",
            ),
        ),
    ]
