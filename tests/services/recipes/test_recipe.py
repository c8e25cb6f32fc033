"""Recipes without a database: days and placeholders."""

import json
from dataclasses import asdict
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.services.recipes.recipe import (
    PLACEHOLDERS,
    RecipeAction,
    RecipeChange,
    changes_of,
    day_after,
    expanded,
)
from ticketadmin.services.values.fields import STANDARD

FIELDS = {one.name: one for one in STANDARD}
FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 11, day) for day in (27, 28, 29, 30))


def days(do: RecipeAction, number: int) -> RecipeChange:
    return RecipeChange("expected_at", do, (str(number),))


@pytest.mark.parametrize(
    ("today", "number", "expected"),
    [
        (FRIDAY, 0, FRIDAY),
        (FRIDAY, 1, MONDAY),
        (SATURDAY, 0, MONDAY),
        (SUNDAY, 1, MONDAY),
        (SATURDAY, 5, FRIDAY + timedelta(weeks=1)),
        (MONDAY, 4, FRIDAY + timedelta(weeks=1)),
        (MONDAY, 5, MONDAY + timedelta(weeks=1)),
    ],
)
def test_working_days_are_monday_to_friday(today: date, number: int, expected: date) -> None:
    assert day_after(today, days(RecipeAction.WORKING_DAYS, number)) == expected


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 1_000))
def test_working_days_are_counted_one_by_one(today: date, number: int) -> None:
    found = day_after(today, days(RecipeAction.WORKING_DAYS, number))
    between = (today + timedelta(days=step) for step in range(1, (found - today).days + 1))

    assert found.weekday() < 5
    assert sum(1 for day in between if day.weekday() < 5) == number
    assert day_after(today, days(RecipeAction.DAYS, number)) == today + timedelta(days=number)


@given(st.dictionaries(st.sampled_from(PLACEHOLDERS), st.text()))
def test_placeholders_are_replaced_once_and_escaped(values: dict[str, str]) -> None:
    text = "".join(f"{{{name}}}|" for name in PLACEHOLDERS)

    plain = expanded(FIELDS["ticket_title"], text, values)
    html = expanded(FIELDS["ticket_content"], text, values)

    assert plain == "".join(f"{values.get(name, '{' + name + '}')}|" for name in PLACEHOLDERS)
    assert "<" not in html


@given(st.sampled_from(RecipeAction), st.lists(st.text(), max_size=3))
def test_a_change_survives_storing(do: RecipeAction, texts: list[str]) -> None:
    change = RecipeChange("ticket_title", do, tuple(texts))

    assert changes_of(json.loads(json.dumps([asdict(change)]))) == (change,)
