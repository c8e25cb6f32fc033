"""The CRM's lists of categories and statuses, as a process that has read them before knows them.

Fetching and storing both takes 7 ms of processor time, and some of the stand-in's, in each of
thousands of tests whose pages show a ticket. A test of what comes without them begins with `forget_lists`.
"""

from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import CrmSnapshot, Snapshot
from ticketadmin.services.crm.choices import get_choices

_LISTS = CrmSnapshot.objects.filter(name__in=(Snapshot.CATEGORIES, Snapshot.STATUSES))


def forget_lists() -> None:
    """Let the next page that needs the lists fetch them, as after an installation."""
    _LISTS.all().delete()


class KnownLists:
    """The lists of the test CRM in its first state, which the first test of a process reads."""

    def __init__(self) -> None:
        self._rows: tuple[CrmSnapshot, ...] = ()

    def fill(self, crm: Sandbox) -> None:
        """Keep both lists, read just now, in a database that has none; the CRM stays in its first state."""
        if not self._rows:
            get_choices()
            self._rows = tuple(_LISTS.all())
            forget_lists()
            crm.reset()
        now = timezone.now()
        CrmSnapshot.objects.bulk_create(
            CrmSnapshot(name=row.name, value=row.value | {"fetched_at": now.isoformat()}, fetched_at=now)
            for row in self._rows
        )
