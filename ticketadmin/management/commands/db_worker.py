"""The worker process: runs the tasks of the queue by django-tasks-db's worker, and chores beside them.

The command replaces the package's own of this name, which runs its own class of worker.

One thread looks every few seconds for bulk updates whose worker died, so that any living worker, however
busy, resumes them; another keeps the ticket index fresh. The first SIGTERM lets tickets in flight end and
leaves the rest to the next worker. While the database is away, the process waits for it.
"""

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection, connections
from django.utils import timezone
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME
from django_tasks_db.management.commands.db_worker import Worker as QueueWorker
from django_tasks_db.management.commands.db_worker import valid_interval

from ticketadmin.logs import event
from ticketadmin.management.starting import require_start
from ticketadmin.models import Channel
from ticketadmin.services.audit.record import ActionOrigin, acting_from
from ticketadmin.services.bulk.lease import sweep
from ticketadmin.services.erasing.retention import expire_by_need, upkeep_if_due
from ticketadmin.services.index.sweeping import Sweeper
from ticketadmin.services.operations.heartbeats import beat, end
from ticketadmin.tasks import call_worker, stopping, this_worker

DATABASE_AGAIN = 2.0
SHORTEST_WAIT = 0.001  # seconds between two steps of the index
LOOK_FOR_UPKEEP = 60.0  # seconds
SWITCH_EVERY = 0.0002  # seconds: an answer of the CRM is taken sooner than with Python's default of 0.005
COLLECT_EVERY = 5_000  # objects: at the default of 700 a run spent 8 % of its processor time on collections

logger = logging.getLogger(__name__)


class Worker(QueueWorker):
    """Ends a long task between two tickets instead of after the last one."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Tell the running task to stop; without one, or at the second signal, end immediately.

        Logs nothing, unlike the package's own: the signal may arrive while a log line is being written, and
        logging then raises an error. That error replaced the exit, so the signal was lost.
        """
        stopping.set()
        was_running, self.running = self.running, False
        if not was_running:
            self.reset_signals()
            sys.exit(1)
        if not self.running_task:
            sys.exit(0)

    def run(self) -> None:
        """Work until stopped; while the database is away, try again."""
        while self.running:
            try:
                return super().run()
            except DatabaseError as error:
                _wait_for_database(error)
        return None


class Command(BaseCommand):
    """Work on the queue until stopped, with the chores in threads."""

    help = "Work on bulk updates, keep the ticket index fresh, and do regular cleaning."
    requires_system_checks: list[str] = []  # require_start runs them and says more

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval", type=valid_interval, default=1.0, help="seconds between two looks at an empty queue"
        )
        parser.add_argument(
            "--no-startup-delay",
            action="store_false",
            dest="startup_delay",
            help="begin immediately; only if no other worker begins at the same time",
        )

    def handle(self, *, interval: float, startup_delay: bool, **_options: Any) -> None:
        require_start()
        sys.setswitchinterval(SWITCH_EVERY)
        gc.freeze()  # exempt loaded objects from collection
        gc.set_threshold(COLLECT_EVERY)
        _begin_without_tasks()
        worker = Worker(
            queue_names=[DEFAULT_TASK_QUEUE_NAME],
            excluded_queue_names=[],
            backend_name=DEFAULT_TASK_BACKEND_ALIAS,
            worker_id=this_worker(),
            interval=interval,
            startup_delay=startup_delay,
            batch=False,
            max_tasks=None,
        )
        worker.configure_signals()
        with _watch():
            try:
                worker.run()
            finally:
                event(logger, "worker_ends", worker=this_worker())


def _begin_without_tasks() -> None:
    """Delete the queue's old rows, as those of bulk updates hold the work to do; wait for the database."""
    while True:
        try:
            expire_by_need("tasks", timezone.now())
            return
        except DatabaseError as error:
            _wait_for_database(error)
            require_start()  # it may come back with the tables of another version


def _wait_for_database(error: DatabaseError) -> None:
    logger.warning("the database is away: %s", type(error).__name__)
    connections.close_all()
    time.sleep(DATABASE_AGAIN)


@contextmanager
def _watch() -> Iterator[None]:
    is_over = threading.Event()
    worker = this_worker()
    sweeper = Sweeper(worker)
    # In a thread of its own, so that neither cleaning nor a call to the CRM delays the heartbeat.
    works = ((_look_for_bulks, partial(end, worker)), (_clean, lambda: None), (sweeper.step, sweeper.release))
    threads = [threading.Thread(target=_keep_on, args=(is_over, *work), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join(DATABASE_AGAIN)


def _keep_on(is_over: threading.Event, step: Callable[[], float], finish: Callable[[], object]) -> None:
    """Repeat a step, which returns the seconds to wait, until the worker ends, whatever goes wrong in it."""
    while not is_over.is_set():
        wait = DATABASE_AGAIN
        try:
            wait = step()
        except DatabaseError as error:
            logger.warning("%s could not use the database: %s", step.__name__, type(error).__name__)
            connection.close()
        except Exception:
            logger.exception("%s failed", step.__name__)
        is_over.wait(max(wait, SHORTEST_WAIT))
    with suppress(DatabaseError):
        finish()
    connection.close()


def _look_for_bulks() -> float:
    beat(this_worker())
    for pk in sweep():
        call_worker(pk=pk)
    return settings.BULK_LEASE_SECONDS / 3


def _clean() -> float:
    with acting_from(ActionOrigin(Channel.WORKER)):
        upkeep_if_due()
    connection.close()
    return LOOK_FOR_UPKEEP
