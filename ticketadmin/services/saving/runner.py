"""Which process runs a save, so that the same machine can tell when a crash cut it off.

A process is named by boot, process namespace, number and start, because numbers are used again and
containers count their own. Only a process that has certainly ended counts as ended: of another machine, or
if there is no /proc, nothing is known, and the save's age decides (`verdict.settled_after`).
"""

import os
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19  # of those after the command's name in /proc/<pid>/stat: proc_pid_stat(5), field 22


def this_runner() -> str:
    """Return the name of this process, "" if the operating system does not say."""
    return _runner(os.getpid())


@lru_cache(maxsize=2)  # a forked child calls it with its own number
def _runner(pid: int) -> str:
    home, start = _home(), _start_of(pid)
    return f"{home}:{pid}:{start}" if home and start else ""


def has_ended(runner: str) -> bool:
    """Return whether the process of this name has certainly ended."""
    home, _colon, rest = runner.partition(":")
    pid, _colon, start = rest.partition(":")
    if not pid.isdecimal() or not start or home != _home():
        return False
    return _start_of(int(pid)) != start


def _home() -> str:
    """Return a name for this boot of this machine and the namespace in which its processes are numbered."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return ""
    return f"{boot}/{namespace}"


def _start_of(pid: int) -> str:
    """Return when a process started, in ticks since the boot; "" if there is none."""
    try:
        status = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()
    is_dead = fields[:1] in (["Z"], ["X"])  # ended, and not yet waited for
    return "" if is_dead or len(fields) <= START_FIELD else fields[START_FIELD]
