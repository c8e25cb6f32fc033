"""Timing things side by side: rounds are interleaved, so that noise falls on both sides alike."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Row:
    """One measured thing: milliseconds, and what it is compared with."""

    section: str
    name: str
    milliseconds: list[float] = field(default_factory=list)
    peer: str = ""
    limit: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]


def side_by_side(
    section: str, things: Mapping[str, Callable[[], float | None]], rounds: int
) -> dict[str, Row]:
    """Call each thing once a round and return its times; a thing may return its own milliseconds."""
    rows = {name: Row(section, name) for name in things}
    for thing in things.values():
        thing()  # warm
    for _round in range(rounds):
        for name, thing in things.items():
            started = time.perf_counter()
            own = thing()
            rows[name].milliseconds.append(own if own is not None else (time.perf_counter() - started) * 1000)
    return rows
