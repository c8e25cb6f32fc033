"""The kinds stored as a number or a date: shown as such, sent in the stored form."""

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import custom, json_values
from ticketadmin.services.values.browser import Widget
from ticketadmin.services.values.fields import Kind
from ticketadmin.services.values.numbers import (
    FIRST_YEAR,
    DateCodec,
    EpochDateCodec,
    NumberCodec,
    typed_day,
)

NUMBER, DAY, EPOCH = custom(Kind.NUMBER), custom(Kind.DATE), custom(Kind.EPOCH_DATE)
days = st.dates(date(FIRST_YEAR, 1, 1), date(9998, 12, 31))
EPOCHS = (
    None,
    0,
    "0",
    1748192400,
    "1748192400",
    1735689600000,
    "1735689600000",
    253402300799,
    "chữ",
    {"a": 1},
)


@given(days, st.sampled_from(EPOCHS))
def test_a_chosen_date_is_shown_again(day: date, like: Any) -> None:
    codec = EpochDateCodec()

    try:
        sent = codec.read(EPOCH, [day.isoformat()], like)
    except ValidationError:  # as milliseconds it is less than the last second of the year 9999
        assert day < date(1978, 1, 13)
        assert str(like) == "1735689600000"
        return

    assert codec.show(EPOCH, sent) == [day.isoformat()]
    assert codec.canonical(EPOCH, sent) == day.isoformat()
    assert isinstance(sent, int) == isinstance(like, int)


@pytest.mark.parametrize("like", [1735689600000, "1735689600000"])
def test_a_date_whose_milliseconds_look_like_seconds_is_refused(like: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        EpochDateCodec().read(EPOCH, ["1978-01-01"], like)

    assert refused.value.code == "day_like_seconds"
    assert EpochDateCodec().read(EPOCH, ["1978-01-13"], like)


@pytest.mark.parametrize(
    "value", [253402300799, "253402300799", 10**400, -(10**30), "chữ", True, {"a": 1}, [1]]
)
def test_a_value_that_is_not_a_date_is_shown_in_a_text_box(value: Any) -> None:
    codec = EpochDateCodec()

    shown = codec.show(EPOCH, value)

    assert codec.is_foreign(EPOCH, value)
    assert codec.widget(EPOCH, shown) is not Widget.DATE
    assert codec.canonical(EPOCH, value)


@given(json_values)
def test_any_value_has_a_text_in_every_kind_of_number_and_date(value: Any) -> None:
    for codec, field in ((NumberCodec(), NUMBER), (DateCodec(), DAY), (EpochDateCodec(), EPOCH)):
        assert all(isinstance(text, str) for text in codec.show(field, value))
        assert isinstance(codec.canonical(field, value), str)
        assert isinstance(codec.is_foreign(field, value), bool)


@given(days)
def test_invisible_characters_and_spaces_around_a_date_change_nothing(day: date) -> None:
    assert typed_day(f"\u200e\u00a0{day.isoformat()} \ufeff") == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0026-11-28", "early_date"),
        ("1899-12-31", "early_date"),
        ("2026-02-30", "invalid_date"),
        ("28/11/2026", "invalid_date"),
        ("2026-1-5", "invalid_date"),
        ("20261128", "invalid_date"),
        ("2026-11-28T00:00", "invalid_date"),
        ("٢٠٢٦-١١-٢٨", "invalid_date"),
        ("10000-01-01", "invalid_date"),
    ],
)
def test_a_date_that_does_not_exist_says_why(text: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        typed_day(text)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("value", "is_foreign", "canonical"),
    [
        (3, False, "3"),
        ("3.0", False, "3"),
        (3.5, False, "3.5"),
        (" 3 ", False, "3"),
        ("1e3", False, "1000"),
        ("ba", True, "ba"),
        (True, True, "true"),
        ({"a": 1}, True, '{"a": 1}'),
        ("1_000", True, "1_000"),
    ],
)
def test_numbers_are_distinguished_from_look_alikes(value: Any, is_foreign: bool, canonical: str) -> None:
    codec = NumberCodec()

    assert (codec.is_foreign(NUMBER, value), codec.canonical(NUMBER, value)) == (is_foreign, canonical)


@given(st.integers(-(10**14), 10**14), st.sampled_from([None, 1, 1.5, "1", "chữ"]))
def test_a_number_from_a_file_takes_the_same_type_as_a_typed_one(number: int, like: Any) -> None:
    codec = NumberCodec()
    of_file = codec.read(NUMBER, [str(number)], None)

    retyped, typed = codec.retype(NUMBER, of_file, like), codec.read(NUMBER, [str(number)], like)

    assert (retyped, type(retyped)) == (typed, type(typed))
