"""Background work: what the task queue calls. Each loads by id and calls one service.

The queue only wakes workers: the rows hold the work to do, and tasks are idempotent.
"""

import os
import socket
import threading
from functools import lru_cache
from typing import Any
from uuid import uuid4

from django.dispatch import receiver
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from ticketadmin.services.bulk.engine import drain
from ticketadmin.services.bulk.lease import work_waits

stopping = threading.Event()  # set by the worker process when it is to end


def this_worker() -> str:
    """Return the name of this process, which is unique even among machines of the same name."""
    return _worker(os.getpid())


@lru_cache(maxsize=2)  # a forked child has a name of its own
def _worker(_pid: int) -> str:
    return f"{socket.gethostname()[:40]}-{uuid4().hex[:12]}"


@task()
def drain_bulk(pk: int) -> None:
    """Work on one bulk update until it needs no worker any more."""
    drain(pk, worker=this_worker(), should_stop=stopping.is_set)


@receiver(work_waits)
def call_worker(pk: int, **_signal: Any) -> None:
    """Queue a task for a bulk update, unless one is waiting already."""
    waiting = DBTaskResult.objects.filter(status="READY", task_path=drain_bulk.module_path)
    if not waiting.filter(args_kwargs__args=[pk]).exists():
        drain_bulk.enqueue(pk)
