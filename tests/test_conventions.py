"""Conventions of the tests: waiting has a limit and a message, and no test measures time."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import may_be_chosen
from tests.waiting import is_true_for, wait_until

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns"}
# A navigation may be followed by another one; `tests/e2e/conftest.py: next_page` waits for the page instead.
WAITS = {"sleep", "wait_for_timeout", "expect_navigation", "wait_for_navigation"}
AT_ONCE = {"evaluate", "goto", "reload", "content", "screenshot"}  # of the page that is there just now
# `waiting` is where they belong; `crowd` is also the load measurement of `make load`.
MAY_READ_CLOCKS = {"waiting.py", "crowd.py"}


def called(tree: ast.AST) -> Iterator[str]:
    """Yield the names of the functions that are called in a piece of code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def may_leave(statement: ast.stmt) -> bool:
    """Return whether a statement only presses what may open another page."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    call = ast.unparse(statement.value)
    return call.startswith(("page.", "tab.", "dialog.")) and call.endswith((".click()", "press('Enter')"))


def acts_on_a_page_that_may_be_leaving(tree: ast.AST) -> Iterator[str]:
    """Yield statements that act on the page right after a press that may open another one."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for before, after in pairwise(body if isinstance(body, list) else ()):
            names = set(called(after))
            if may_leave(before) and names & AT_ONCE and "expect" not in names:
                yield f"waits for no page before: {ast.unparse(after)}"


def faults(source: str) -> list[str]:
    """Return what breaks the rules in a module: sleeps, comparisons with a clock, undue haste."""
    tree = ast.parse(source)
    clocks = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and CLOCKS & set(called(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = [f"calls {name}" for name in called(tree) if name in WAITS]
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if CLOCKS & set(called(node)) or clocks & names:
                found.append(f"compares with a clock: {ast.unparse(node)}")
    return [*found, *acts_on_a_page_that_may_be_leaving(tree)]


def test_no_test_sleeps_or_compares_with_a_clock() -> None:
    broken = {
        str(path.relative_to(TESTS)): found
        for path in TESTS.rglob("*.py")
        if path.name not in MAY_READ_CLOCKS and (found := faults(path.read_text(encoding="utf-8")))
    }

    assert broken == {}


def test_ci_runs_slow_tests_wherever_they_are() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert re.findall(r"pytest .* -m slow (.*)", makefile) == ["$(PYTEST)"]  # in no folder alone
    assert "make test-slow" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "expression", "is_chosen"),
    [
        ("pytestmark = pytest.mark.slow", "slow", True),
        ("@pytest.mark.slow", "slow", True),
        ("EACH = [pytest.param(1, marks=[pytest.mark.slow])]", "slow", True),
        ("slow = 1", "slow", False),
        ("slow = 1", "not slow", True),
        ("slow = 1", "slow or postgres", True),
        ("slow = 1", "", True),
    ],
)
def test_modules_without_slow_tests_are_not_imported_for_slow_tests(
    line: str, expression: str, *, is_chosen: bool, tmp_path: Path
) -> None:
    module = tmp_path / "test_module.py"
    module.write_text(f"{line}\n", encoding="utf-8")

    assert may_be_chosen(module, expression) is is_chosen


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(1)",
        "sleep(0.1)",
        "page.wait_for_timeout(200)",
        "with page.expect_navigation(): button.click()",
        "page.locator('button').click()\npage.goto('/history/')",
        "def test():\n    page.keyboard.press('Enter')\n    assert page.evaluate('1')",
        "assert time.monotonic() - started < 15",
        "while time.time() < end: pass",
        "started = time.perf_counter()\nassert end - started < 2",
    ],
)
def test_each_kind_of_violation_is_found(source: str) -> None:
    assert len(faults(source)) == 1


def test_a_wait_returns_what_it_found() -> None:
    answers = iter([[], [], [3]])

    assert wait_until(lambda: next(answers), "nothing came", every=0) == [3]


def test_a_wait_over_its_limit_fails_with_the_state_at_the_end() -> None:
    with pytest.raises(AssertionError, match=r"not within 0 s: still pending"):
        wait_until(lambda: False, lambda: "still pending", within=0)


def test_a_condition_that_must_stay_true_is_checked_repeatedly() -> None:
    answers = iter([True, True, False])

    assert not is_true_for(60, lambda: next(answers), every=0)
    assert is_true_for(0.01, lambda: True, every=0)
