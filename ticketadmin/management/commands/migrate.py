"""`ticketadmin migrate`: Django's, which may run beside a worker of the version before."""

from collections.abc import Callable
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError

MAX_MIGRATE_ATTEMPTS = 5
DEADLOCK = "40P01"  # deadlock_detected, in PostgreSQL's table of error codes


def repeat_after_deadlock(step: Callable[[], object]) -> None:
    """Run a step until PostgreSQL does not end it because of a deadlock, at most MAX_MIGRATE_ATTEMPTS times.

    A migration is one transaction: it was undone, and the next attempt repeats it. Raises OperationalError.
    """
    for _attempt in range(MAX_MIGRATE_ATTEMPTS - 1):
        try:
            step()
            return
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != DEADLOCK:
                raise
    step()


class Command(migrate.Command):
    """Locks tables that a running worker may hold, in another order than it takes them."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        repeat_after_deadlock(lambda: super(Command, self).handle(*arguments, **options))
