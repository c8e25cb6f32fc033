"""Starts processes of the product by forking one that has imported it. `tests/forking.py` says what and when.

A process of the product takes two seconds of processor time before its first line of work, and a run of the
tests starts more than a hundred. What a forked process inherits is code and settings: no connection, no
thread. Nothing else runs in the processes that are forked, so no test leaves anything in them.

A request is a JSON object with the three standard streams of the new process as descriptors beside it. A
server reads requests from its standard input and ends when no more can come.
"""

import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

MAX_REQUEST = 1 << 17  # bytes; an environment is the largest part
STREAMS = 3
RUN = subprocess.run
ROOT = Path(__file__).resolve().parent.parent
# What takes the product long to import and reads no setting. Processes for other settings share it.
SHARED = (
    "authlib.integrations.requests_client", "bleach", "django.contrib.admin.sites",
    "django.core.management", "django.db.backends.postgresql.base", "django.db.backends.sqlite3.base",
    "django.views.debug", "gunicorn.app.wsgiapp", "prometheus_client", "requests",
    "ticketadmin.markup", "ticketadmin.workbooks.marking", "ticketadmin.workbooks.reading",
)  # fmt: skip


def serve_product() -> None:
    """Import the product for the settings in the environment, and fork its processes."""
    import_module("django").setup()
    import_module("django.urls").get_resolver().url_patterns  # noqa: B018 - imports every view
    for name in ("ticketadmin.wsgi", "ticketadmin.management.commands.db_worker"):
        import_module(name)
    serve()


def manage(*arguments: str) -> None:
    """Run a management command, as `manage.py` does."""
    sys.argv = [str(ROOT / "manage.py"), *arguments]
    import_module("django.core.management").execute_from_command_line(sys.argv)


def ticketadmin(*arguments: str) -> None:
    """Run the command `ticketadmin`, as `python -m ticketadmin` does, and fork what it runs so itself."""
    sys.argv = ["ticketadmin", *arguments]
    subprocess.run = run_forked  # type: ignore[assignment] # in this process alone
    import_module("ticketadmin.installation.command_line").main()


def run_forked(command: list[str], **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Do as `subprocess.run`, but fork `python -m ticketadmin …`, with the environment that is given."""
    if command[:3] != [sys.executable, "-m", "ticketadmin"]:
        return RUN(command, **options)
    pid = os.fork()
    if not pid:
        os.environ.clear()
        os.environ.update(options["env"])
        run_and_leave(lambda: ticketadmin(*command[3:]))
    _pid, status = os.waitpid(pid, 0)
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status))


def gunicorn(*arguments: str) -> None:
    """Serve the product. Its workers count together, as where its configuration comes before any import."""
    values = import_module("prometheus_client.values")
    values.ValueClass = values.MultiProcessValue()
    sys.argv = ["gunicorn", *arguments]
    import_module("gunicorn.app.wsgiapp").run()


def module(name: str, *arguments: str) -> None:
    """Run a module in the folder `/`, as the product does with a workbook."""
    os.chdir("/")
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__")


def script(code: str) -> None:
    """Run Python code of a test's."""
    exec(code, {"__name__": "__main__"})  # noqa: S102 - tests write it


PROGRAMS: dict[str, Callable[..., None]] = {
    each.__name__: each for each in (serve_product, manage, ticketadmin, gunicorn, module, script)
}


def serve() -> None:
    """Fork a process for each request, or wait for one to end, until no more requests can come."""
    gc.collect()
    gc.freeze()  # collections in forked processes would otherwise copy every page of memory
    assert threading.active_count() == 1, "a fork takes no other thread along"
    channel = socket.socket(fileno=0)
    channel.send(b"ready")
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(channel, MAX_REQUEST, STREAMS)
        if not message:
            return
        request = json.loads(message)
        if "wait" in request:
            _pid, status = os.waitpid(request["wait"], 0)
            channel.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if not pid:
            channel.detach()
            begin(request, descriptors)
        for each in descriptors:
            os.close(each)
        channel.send(json.dumps(pid).encode())


def begin(request: dict[str, object], descriptors: list[int]) -> NoReturn:
    """Become the process that a request describes, run its program, and end."""
    for number, each in enumerate(descriptors):
        os.dup2(each, number)
        os.close(each)
    if request["is_leader"]:
        os.setsid()
    if request["environment"] is not None:
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        time.tzset()
    run_and_leave(lambda: PROGRAMS[str(request["program"])](*request["arguments"]))  # type: ignore[misc]


def run_and_leave(program: Callable[[], None]) -> NoReturn:
    """Run a program and end with its exit code, as an interpreter of its own would."""
    try:
        program()
    except SystemExit as ended:
        leave(ended.code)
    except BaseException:  # noqa: BLE001 - whatever it is, an interpreter shows it and ends
        traceback.print_exc()
        leave(1)
    leave(None)


def leave(code: str | int | None) -> NoReturn:
    """End this process as `sys.exit(code)` does, except for freeing memory that the system frees anyway.

    To take the product's modules apart takes 0.08 s of processor time, nine tenths of a short command. The
    steps are those with which `multiprocessing` ends a forked process.
    """
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if "django.db" in sys.modules and import_module("django.conf").settings.configured:
        import_module("django.db").connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for each in SHARED:
        import_module(each)
    serve()
