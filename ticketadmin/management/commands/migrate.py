"""`ticketadmin migrate`: Django's own, made safe to run beside a worker of the version before."""

from collections.abc import Callable
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError

MAX_MIGRATE_ATTEMPTS = 5
DEADLOCK = "40P01"  # deadlock_detected, in PostgreSQL's table of error codes


def repeat_after_deadlock(step: Callable[[], object]) -> None:
    """Run a step again if PostgreSQL ended it because of a deadlock, at most MAX_MIGRATE_ATTEMPTS times.

    A migration is one transaction, so it was rolled back and can be repeated. Raises OperationalError.
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
    """A migration locks tables that a running worker may have locked in another order: a deadlock."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        repeat_after_deadlock(lambda: super(Command, self).handle(*arguments, **options))
