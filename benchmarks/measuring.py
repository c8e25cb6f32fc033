"""Timing things side by side: rounds are interleaved, so that noise affects both sides equally.

Beside wall time, which other work on the machine lengthens, the processor time of this process is taken. It
leaves out what other processes do for a thing (the CRM, PostgreSQL, a peer in a process of its own).
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Row:
    """One measured thing: wall and processor time of this process in milliseconds, and its peer."""

    section: str
    name: str
    milliseconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peer: str = ""
    limit: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def processor_median(self) -> float | None:
        """The median of processor time, None where another process did the work."""
        return statistics.median(self.processor) if self.processor else None

    @property
    def p95(self) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]


@dataclass(frozen=True)
class Cost:
    """Milliseconds of wall and processor time; the latter is None if another process did the work."""

    wall: float
    processor: float | None = None


class Stopwatch:
    """Wall and processor time since it was created."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def cost(self, *, without: float = 0.0) -> Cost:
        """Return the time since then, less `without` seconds of waiting on the wall clock."""
        wall = time.perf_counter() - self._wall - without
        return Cost(wall * 1000, (time.process_time() - self._processor) * 1000)


def side_by_side(
    section: str, things: Mapping[str, Callable[[], Cost | None]], rounds: int
) -> dict[str, Row]:
    """Call each thing once per round and return its times; a thing may return its own cost."""
    rows = {name: Row(section, name) for name in things}
    for thing in things.values():
        thing()  # warm
    for _round in range(rounds):
        for name, thing in things.items():
            watch = Stopwatch()
            cost = thing() or watch.cost()
            rows[name].milliseconds.append(cost.wall)
            if cost.processor is not None:
                rows[name].processor.append(cost.processor)
    return rows
