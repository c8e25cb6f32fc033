from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ticketadmin', '0035_bulk_files'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkitem',
            name='file_base',
            field=models.JSONField(blank=True, help_text='Values that the file was exported with; null: no export.', null=True),
        ),
        migrations.AddField(
            model_name='bulkitem',
            name='file_choices',
            field=models.JSONField(blank=True, help_text='What the user chose where the CRM changed it since; null: nothing.', null=True),
        ),
    ]
