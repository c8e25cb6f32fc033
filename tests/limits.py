"""A bound on the processor time of a step: for costs that grow with the square, not for comparing speeds."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail when this process computes longer than `seconds`, as soon as the interpreter can be interrupted.

    Time spent waiting for others does not count. Choose inputs for which linear work is far below the limit
    and quadratic work far above it.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        message = f"computed longer than {seconds} s"
        raise AssertionError(message)

    earlier = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)
