"""Waiting for what other processes and threads do, always with a limit and a message.

The only place in the tests that reads a clock to wait: `tests/test_conventions.py` keeps it so.
"""

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT = 60.0  # seconds; a busy machine is slow, not wrong
Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found],
    what: str | Callable[[], object],
    *,
    within: float = LIMIT,
    every: float = 0.05,
) -> Found:
    """Call `condition` until it returns something true, and return that.

    `within` and `every` are seconds. After the limit the test fails with `what` (text, or a function whose
    result says how things are then). Errors of `condition` are not caught.
    """
    give_up = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {within:g} s: {what() if callable(what) else what}")
        time.sleep(every)
    return found


def is_true_for(seconds: float, condition: Callable[[], object], *, every: float = 0.02) -> bool:
    """Return whether `condition` stays true, for what must not happen later either."""
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        if not condition():
            return False
        time.sleep(every)
    return True


def let_pass(seconds: float) -> None:
    """Let time pass that belongs to what is tested: how long an outage lasts, when a process is killed.

    Never use it to wait for something to happen: that is `wait_until`.
    """
    time.sleep(seconds)
