"""Migrating beside a running worker: one that PostgreSQL aborts in a deadlock is repeated."""

import pytest
from django.db import OperationalError

from ticketadmin.management.commands.migrate import DEADLOCK, MAX_MIGRATE_ATTEMPTS, repeat_after_deadlock


class FromPostgres(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Step:
    """Fails so many times with an error of PostgreSQL, then works."""

    def __init__(self, failures: int, sqlstate: str) -> None:
        self.failures, self.sqlstate, self.attempts = failures, sqlstate, 0

    def __call__(self) -> None:
        self.attempts += 1
        if self.attempts <= self.failures:
            raise OperationalError from FromPostgres(self.sqlstate)


@pytest.mark.parametrize("failures", range(MAX_MIGRATE_ATTEMPTS))
def test_a_migration_continues_after_deadlocks(failures: int) -> None:
    step = Step(failures, DEADLOCK)
    repeat_after_deadlock(step)
    assert step.attempts == failures + 1


@pytest.mark.parametrize(
    ("failures", "sqlstate", "attempts"),
    [(MAX_MIGRATE_ATTEMPTS, DEADLOCK, MAX_MIGRATE_ATTEMPTS), (1, "57P01", 1)],
)
def test_other_errors_and_endless_deadlocks_are_raised(failures: int, sqlstate: str, attempts: int) -> None:
    step = Step(failures, sqlstate)
    with pytest.raises(OperationalError):
        repeat_after_deadlock(step)
    assert step.attempts == attempts
