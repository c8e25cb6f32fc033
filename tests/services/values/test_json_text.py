"""JSON values as text and back: what is read was valid, and what is shown can be read."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies

from ticketadmin.services.values.json_text import is_container, is_number, json_text, read_json

CHARACTERS = strategies.characters(exclude_characters="\0", exclude_categories=["Cs"])
STRINGS = strategies.text(alphabet=CHARACTERS, max_size=8)
VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | STRINGS,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_except_a_text_is_read_back_from_its_json(value: Any) -> None:
    shown = json_text(value)

    assert shown == value if isinstance(value, str) else json.dumps(read_json(shown)) == json.dumps(value)


@given(VALUES)
def test_equal_objects_have_the_same_text(value: Any) -> None:
    backwards = {"b": value, "a": 1}

    assert json_text(backwards, sort_keys=True) == json_text({"a": 1, "b": value}, sort_keys=True)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1,]", "chữ", "{'a': 1}", "NaN", "[Infinity]", "-Infinity", "1e999", '{"a": [1e400]}',
        '"\\ud800"', '{"\\udfff": 1}', '["a\\u0000b"]', "[" * 100_000, '{"a":' * 50_000,
    ],
)  # fmt: skip
def test_values_that_no_database_can_hold_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the error carries the text and nothing else
        read_json(text)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read_json('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    ("value", "number", "container"),
    [
        (1, True, False), (1.5, True, False), (True, False, False), (False, False, False),
        ("1", False, False), (None, False, False), ([], False, True), ({}, False, True),
    ],
)  # fmt: skip
def test_true_and_false_are_not_numbers(value: Any, number: bool, container: bool) -> None:
    assert (is_number(value), is_container(value)) == (number, container)
