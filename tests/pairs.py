"""Tables of two kinds of cases: every run tries each case in some pairs, the slow group the other pairs."""

from collections.abc import Iterable
from typing import Any

import pytest


def pairs(rows: Iterable[Any], columns: Iterable[Any], *, others: pytest.MarkDecorator) -> list[Any]:
    """Return all pairs of a row and a column; `others` marks two of three.

    With three rows and three columns or more, each of them is also in a pair that is not marked. A module
    names the mark itself, because modules that do not are not read for slow tests.
    """
    return [
        pytest.param(row, column, marks=[others] if (at + beside) % 3 else [])
        for at, row in enumerate(rows)
        for beside, column in enumerate(columns)
    ]
