from django.db import migrations, models
from django.db.models import Exists, OuterRef


def keep_the_newest_in_flight(apps, schema_editor):
    """Of several saves of one ticket that have no outcome, all but the newest become unknown.

    They are settled by reading like any other. Nobody writes until the constraint stands: processes of
    the version before may still run.
    """
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('LOCK TABLE ticketadmin_change IN SHARE ROW EXCLUSIVE MODE')
    pending = apps.get_model('ticketadmin', 'Change').objects.filter(outcome='pending')
    newer = pending.filter(ticket_code=OuterRef('ticket_code'), pk__gt=OuterRef('pk'))
    pending.filter(Exists(newer)).update(outcome='unknown')


class Migration(migrations.Migration):

    dependencies = [
        ('ticketadmin', '0009_heartbeats'),
    ]

    operations = [
        migrations.RunPython(keep_the_newest_in_flight, migrations.RunPython.noop, elidable=True),
        # Added before the old one is removed, which locks readers out: they do not wait for the index.
        migrations.AddConstraint(
            model_name='change',
            constraint=models.UniqueConstraint(condition=models.Q(('outcome', 'pending')), fields=('ticket_code',), name='change_ticket_in_flight'),
        ),
        migrations.RemoveConstraint(
            model_name='change',
            name='change_one_in_flight',
        ),
    ]
